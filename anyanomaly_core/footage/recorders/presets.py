"""Layouts of known recorders, by name: ``ANYANOMALY_ARCHIVE_LAYOUT=frigate``.

The patterns come from the recorders' documentation and source, and from names that their users published; the tests
say which. What is not certain about a recorder stands in ``remark``, and ``anyanomaly layout`` says it.
"""

from dataclasses import dataclass

_REOLINK_ENDINGS = (  # flags and size; with the animal type; with the picture's size too (Home Hub)
    "{hex}_{hex}.{ext}",
    "{number}_{hex}_{hex}.{ext}",
    "{number}_{number}_{number}_{hex}_{hex}.{ext}",
)
_REOLINK_FOLDERS = (
    "{folders}{camera}/Mp4Record/{date}/",
    "Mp4Record/{date}/",
    "{folders}{camera}/{date}/",
    "{folders}{camera}/",
    "{date}/",
    "",
)
_DAHUA_TIMES = "{time}-{end_time}[{any:1}][{number}@{number}][{number}].{ext}"


@dataclass(frozen=True, slots=True)
class Recorder:
    """How a make of recorder names its files."""

    name: str  # in ANYANOMALY_ARCHIVE_LAYOUT
    title: str
    patterns: tuple[str, ...]  # the first that fits counts
    example: str
    zone: str | None = None  # that it writes; None: local time
    remark: str = ""  # what is not certain, or to be known
    is_distinct: bool = True  # nobody else would name files so
    block_xml: bool = False  # Axis: a file of the same name beside each recording states when it began


_ALL = (
    Recorder(
        "frigate",
        "Frigate",
        ("{folders}{date}/{hour}/{camera}/{minute}.{second}.{ext}",),
        "recordings/2026-10-31/14/gate/35.12.mp4",
        zone="UTC",
    ),
    Recorder(
        "frigate-old",
        "Frigate before 0.12",
        ("{folders}{year}-{month}/{day}/{hour}/{camera}/{minute}.{second}.{ext}",),
        "recordings/2021-11/28/07/gate/35.12.mp4",
        remark="It wrote the local time of its container: often UTC all the same.",
    ),
    Recorder(
        "dahua",
        "Dahua, Amcrest and others: NVR downloads, SD cards, FTP",
        (
            "{folders}{camera}_main_{datetime}_{end_datetime}.{ext}",
            "{folders}{camera}_main_{datetime}_{end_datetime}({number}).{ext}",
            "{folders}{camera}_sub{channel=sub}_{datetime}_{end_datetime}.{ext}",
            "{folders}{camera}_sub{channel=sub}_{datetime}_{end_datetime}({number}).{ext}",
            f"{{folders}}{{camera}}/{{date}}/{{channel}}/dav/{{number:2}}/{_DAHUA_TIMES}",
            f"{{date}}/{{channel}}/dav/{{number:2}}/{_DAHUA_TIMES}",
            f"{{folders}}{{camera}}/{{date}}/{{channel}}/dav/{_DAHUA_TIMES}",
        ),
        "NVR_ch7_main_20240827100003_20240827101600.dav",
        remark="A channel's sub stream is a camera of its own, such as NVR_ch7-sub.",
    ),
    Recorder(
        "hikvision",
        "Hikvision: NVR downloads",
        (
            "{folders}{camera}_{number:17}_{datetime}_{end_datetime}.{ext}",
            "{folders}{camera}_{number:17}_{datetime}_{end_datetime}_{any}.{ext}",
            "{folders}{camera}_{number:2}_{datetime}.{ext}",
            "{folders}{camera}_{number:2}_{datetime}_{any}.{ext}",
            "{folders}{camera}_{number:17}.{ext}",
        ),
        "ch01_00000000034000000_20240501080000_20240501081459.mp4",
        remark="Names without a beginning, such as ch01_08000000058000601.mp4, state only the channel.",
    ),
    Recorder(
        "axis",
        "Axis: SD cards and network shares",
        (
            "{folders}{number:8}_{number:6}_{hex}_{camera}/{number:8}_{number:2}/{datetime}_{hex}.{ext}",
            "{folders}{number:8}_{number:6}_{hex}_{camera}/{number}.{ext}",
            "{folders}{datetime}_{hex:4}_{camera}.{ext}",
        ),
        "20190812/11/20190812_113000_B27F_00408C18823A/20190812_11/20190812_113000_32D4.mkv",
        remark="The XML beside a recording states its beginning in UTC and is preferred. Cameras are serial numbers.",
        block_xml=True,
    ),
    Recorder(
        "reolink",
        "Reolink: SD cards and hubs",
        tuple(
            f"{folder}Rec{stream}{{hex:2}}_{{dst}}{{date}}_{{time}}_{{end_time}}_{ending}"
            for folder in _REOLINK_FOLDERS
            for stream in ("M", "S{channel=sub}")
            for ending in _REOLINK_ENDINGS
        ),
        "gate/Mp4Record/2024-08-27/RecM02_DST20240827_090302_090334_0_800_800_033C820000_61B6F0.mp4",
        remark="Summer time is flagged in the name. A card names no camera: `reolink as gate`. Sub streams are cameras "
        "such as gate-sub.",
    ),
    Recorder(
        "reolink-ftp",
        "Reolink: FTP uploads",
        ("{folders}{camera}_{number:2}_{datetime}.{ext}", "{folders}{camera}_{datetime}.{ext}"),
        "2026/04/30/RLC-520A-front_00_20260430131245.mp4",
        is_distinct=False,
    ),
    Recorder(
        "blue-iris",
        "Blue Iris: MP4",
        ("{folders}{camera}.{datetime}.{ext}",),
        "AIFOSCAMDRIVEWAY.20200827_131840312.mp4",
        remark="Its own container .bvr is not read; set Blue Iris to MP4 or export.",
        is_distinct=False,
    ),
    Recorder(
        "exacq",
        "exacqVision",
        ("{folders}{year}/{month}/{day}/{hour}/{minute}{second}-{camera:6}{hex:2}.{ext}",),
        "2018/01/30/23/2040-00160380.ps",
        remark="A camera is the plug-in's number and its own, such as 001603; its streams begin with other digits.",
    ),
    Recorder(
        "synology",
        "Synology Surveillance Station",
        (
            "{folders}{camera}/{date}{ampm}/{any}-{date}-{time}-{epoch}.{ext}",
            "{folders}{camera}/{date}{ampm}/{any}-{date}-{time}.{ext}",
            "{folders}{camera}/{date}{ampm}/{any}{epoch}.{ext}",
            "{folders}{camera}/{date}{ampm}/{any}.{ext}",
        ),
        "surveillance/AXIS - M3044-V/20251124PM/AXIS - M3044-V-20251124-130501-1763985901.mp4",
        remark="Its file names are not documented; compare the times shown here with a recording.",
    ),
    Recorder(
        "unifi",
        "UniFi Protect: downloads, protect-archiver, remuxed files",
        (
            "{folders}{camera} - {us_date}, {hour}.{minute}.{second}{ampm}.{ext}",
            "{folders}{camera} - {date} - {hour}.{minute}.{second}{offset}.{ext}",
            "{folders}{camera}_{number}_rotating_{epoch_ms}.{ext}",
            "{folders}{camera}_{number}_rotating_{epoch_ms}_{any}.{ext}",
            "{folders}{camera}_{number}_rotating_{datetime}.{ext}",
        ),
        "Front Door - 2-9-2020, 11.21.12pm.mp4",
        remark="Its own container .ubv is not read; remux it.",
    ),
    Recorder(
        "zoneminder",
        "ZoneMinder",
        (
            "{folders}{camera}/{year:2}/{month}/{day}/{hour}/{minute}/{second}/{any}.{ext}",
            "{folders}{camera}/{date}/{number}/{any}.{ext}",
            "{folders}{camera}/{number}/{number}-video.{ext}",
        ),
        "events/1/25/03/01/07/30/05/4711-video.mp4",
        remark="Only the deep scheme states the time of day; the medium one states a day, the shallow one nothing.",
    ),
    Recorder(
        "motioneye",
        "motionEye",
        (
            "{folders}{camera}/{date}/{time}.{ext}",
            "{folders}{camera}/{date}/{date}_{time}.{ext}",
            "{folders}{camera}/{eu_date}/{time}.{ext}",
            "{folders}{camera}/{datetime}.{ext}",
        ),
        "output/Camera1/2020-11-03/07-30-05.mp4",
        remark="Days first, as in 03-11-2020, are read as day and month.",
        is_distinct=False,
    ),
    Recorder(
        "motion",
        "Motion",
        (
            "{folders}{camera}-{number}-{datetime}.{ext}",
            "{folders}{camera}/{number}-{datetime}.{ext}",
            "{number}-{datetime}.{ext}",
        ),
        "1-01-20140413134840.mkv",
        remark="Files of its older default, such as 01-20140413134840.avi, name no camera: `motion as gate`.",
        is_distinct=False,
    ),
    Recorder(
        "yi-hack",
        "yi-hack",
        tuple(
            f"{folder}{{year}}Y{{month}}M{{day}}D{{hour}}H/{name}.{{ext}}"
            for folder in ("{folders}{camera}/record/", "record/", "{folders}{camera}/", "")
            for name in (
                "{minute}M{second}S",
                "{minute}M{second}S{number}",
                "E{any:1}{minute}M{second}S{number}",
            )
        ),
        "gate/record/2026Y07M26D07H/21M22S38.mp4",
        remark="Some cameras name their folders in UTC, others in local time: `yi-hack @ UTC`. A card names no camera.",
    ),
    Recorder(
        "tapo",
        "TP-Link Tapo: Home Assistant's media sync",
        ("{folders}{camera}/{epoch}-{end_epoch}.{ext}", "{epoch}-{end_epoch}.{ext}"),
        "gate/1706108297-1706108310.mp4",
    ),
)

RECORDERS = {recorder.name: recorder for recorder in _ALL}
