"""Presets of recorders: names that were really published, and every second of days on which clocks change."""

# ruff: noqa: E501  (names of files are not wrapped)

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from anyanomaly_core.footage.layout import read_path
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.recorders.page import table
from anyanomaly_core.footage.recorders.presets import RECORDERS

ZONE = "Europe/Rome"
# recorder, path, camera, local time in Rome (with Z: in UTC; none: the name states none)
PUBLISHED = [
    # Frigate's documentation (record.md) and recording maintainer
    ("frigate", "media/frigate/recordings/2023-04-14/09/front/05.48.mp4", "front", "2023-04-14T09:05:48Z"),
    ("frigate", "2022-02-03/23/back_yard/38.34.mp4", "back_yard", "2022-02-03T23:38:34Z"),
    ("frigate-old", "recordings/2021-11/28/07/front/38.34.mp4", "front", "2021-11-28T07:38:34"),
    # names in public scripts around SmartPSS and NVR downloads
    ("dahua", "NVR_ch7_main_20240827100003_20240827101600.dav", "NVR_ch7", "2024-08-27T10:00:03"),
    ("dahua", "8_27/N883A6_ch4_main_20240131213003_20240131213503.mp4", "N883A6_ch4", "2024-01-31T21:30:03"),
    ("dahua", "channel_15/isa_ch15_main_20240710140800_20240710140830.mp4", "isa_ch15", "2024-07-10T14:08:00"),
    ("dahua", "XVR 1_ch1_main_20240717143000_20240717144000.dav", "XVR 1_ch1", "2024-07-17T14:30:00"),
    ("dahua", "XVR_ch1_main_20230201160000_20230201170000(1).mp4", "XVR_ch1", "2023-02-01T16:00:00"),
    ("dahua", "NVR_ch1_main_20240120234703_20240120235960.dav", "NVR_ch1", "2024-01-20T23:47:03"),
    ("dahua", "NVR_ch1_sub_20240120044703_20240120044829.dav", "NVR_ch1-sub", "2024-01-20T04:47:03"),
    # Dahua's mediaFileFind answers; Amcrest cameras' FTP uploads
    ("dahua", "2025-01-10/001/dav/08/08.00.00-08.59.59[M][0@0][0].dav", "001", "2025-01-10T08:00:00"),
    ("dahua", "FTP/cam-00/AMC0028V_795UUB/2021-03-06/001/dav/10/10.27.32-10.28.00[M][0@0][0].dav",
     "AMC0028V_795UUB-001", "2021-03-06T10:27:32"),
    ("dahua", "dvr/2026-09-13/002/dav/00/00.44.33-00.44.57[R][0@0][0].dav", "dvr-002", "2026-09-13T00:44:33"),
    # names of ISAPI search results; iVMS-4200 and FTP
    ("hikvision", "x/ch0003_00010001837000000_20240203102000_20240203102500_1.mp4", "ch0003", "2024-02-03T10:20:00"),
    ("hikvision", "ch01_08000000058000601.mp4", "ch01", None),
    ("hikvision", "192.168.0.64_01_20190319093422939_MOTION_DETECTION.mp4", "192.168.0.64", "2019-03-19T09:34:22.939"),
    # vi3o's tests (AxisCommunications) and cards described publicly
    ("axis", "axis-00408C18823A/20190812/11/20190812_113000_B27F_00408C18823A/20190812_11/20190812_113000_32D4.mkv",
     "00408C18823A", "2019-08-12T11:30:00"),
    ("axis", "20260702/19/20260702_190233_3CEA_E827251FFB8D/20260702_19/20260702_190233_5B35.mkv",
     "E827251FFB8D", "2026-07-02T19:02:33"),
    ("axis", "20250302_180000_0C3D_B8A44F998877/1.mkv", "B8A44F998877", None),
    ("axis", "20250527_124108_F1CC_B8A44FD03ADD.mkv", "B8A44FD03ADD", "2025-05-27T12:41:08"),
    # reolink_aio (typings.py) and issues around it
    ("reolink", "front/Mp4Record/2023-04-26/RecS02_DST20230426_145918_150032_2B14808_32F1DF.mp4", "front-sub", "2023-04-26T14:59:18"),
    ("reolink", "Mp4Record/2020-12-22/RecM01_20201222_075939_080140_6D28808_1A468F9.mp4", None, "2020-12-22T07:59:39"),
    ("reolink", "sda/95270000-Gate/Mp4Record/2024-08-27/RecM02_DST20240827_090302_090334_0_800_800_033C820000_61B6F0.mp4",
     "95270000-Gate", "2024-08-27T09:03:02"),
    ("reolink", "gate/RecS07_20250219_111146_111238_0_A714C0A000_21E67C.mp4", "gate-sub", "2025-02-19T11:11:46"),
    ("reolink", "gate/RecM0A_DST20261001_211129_211209_0_5514C080000000_66A92E.mp4", "gate", "2026-10-01T21:11:29"),
    ("reolink", "gate/2026-09-19/RecS04_DST20260919_212027_212042_0_380_200_033C8000000000_E2E47.mp4",
     "gate-sub", "2026-09-19T21:20:27"),
    ("reolink", "gate/Mp4Record/2022-03-06/RecM01_20220306_020024_020118_6732828_2821E4C.mp4", "gate", "2022-03-06T02:00:24"),
    ("reolink-ftp", "Cams/Front/2026/04/30/RLC-520A-front_00_20260430131245.mp4", "RLC-520A-front", "2026-04-30T13:12:45"),
    ("reolink-ftp", "RLC_20260502_050106.mp4", "RLC", "2026-05-02T05:01:06"),
    # Blue Iris's default &CAM.%Y%m%d_%H%M%S and a name published with it
    ("blue-iris", "AIFOSCAMDRIVEWAY.20200827_131840312.mp4", "AIFOSCAMDRIVEWAY", "2020-08-27T13:18:40.312"),
    ("blue-iris", "New/FrontDoor.20260223_150409.mp4", "FrontDoor", "2026-02-23T15:04:09"),
    # exacq's knowledge base: video file naming format
    ("exacq", "2018/01/30/23/2040-00160380.ps", "001603", "2018-01-30T23:20:40"),
    ("exacq", "edvr/2014/05/08/18/0003-00270180.ps", "002701", "2014-05-08T18:00:03"),
    # unifi-protect-video-downloader, issue 14; a find over /srv/unifi-protect/video
    ("unifi", "Front Door - 2-9-2020, 11.21.12pm.mp4", "Front Door", "2020-02-09T23:21:12"),
    ("unifi", "2022/01/13/E063DA3FEC8C_0_rotating_1642077111078.mp4", "E063DA3FEC8C", "2022-01-13T12:31:51.078Z"),
    # zm_event.cpp: deep, medium and shallow storage
    ("zoneminder", "events/1/20/06/03/12/34/56/123-video.mp4", "1", "2020-06-03T12:34:56"),
    ("zoneminder", "events/7/2020-06-03/123/123-video.mp4", "7", None),
    ("zoneminder", "events/7/123/123-video.mp4", "7", None),
    # motionEye's default and issue 2449
    ("motioneye", "data/output/Camera1/2020-11-03/07-30-05.mp4", "Camera1", "2020-11-03T07:30:05"),
    ("motioneye", "Camera1/01-07-2020/07-30-05.mp4", "Camera1", "2020-07-01T07:30:05"),
    # motion.conf's movie_filename, old and new
    ("motion", "1-01-20140413134840.mkv", "1", "2014-04-13T13:48:40"),
    ("motion", "gate/01-20140413134840.avi", "gate", "2014-04-13T13:48:40"),
    ("motion", "01-20140413134840.avi", None, "2014-04-13T13:48:40"),
    # yi-hack-Allwinner-v2, issues 826 and 895
    ("yi-hack", "sd/gate/record/2026Y07M26D07H/21M22S38.mp4", "gate", "2026-07-26T07:21:22"),
    ("yi-hack", "record/1991Y05M31D00H/00M00S.mp4", None, "1991-05-31T00:00:00"),
    ("yi-hack", "gate/2024Y09M18D08H/E206M00S60.mp4", "gate", "2024-09-18T08:06:00"),
    # HomeAssistant-Tapo-Control, issue 509
    ("tapo", "tapo/1706108297-1706108310.mp4", "tapo", "2024-01-24T14:58:17Z"),
]  # fmt: skip
# Constructed: in a form that is described publicly, but no such name was found. They show how a name is read, not that
# a recorder writes it.
CONSTRUCTED = [
    ("hikvision", "ch01_00000000034000000_20240501080000_20240501081459.mp4", "ch01", "2024-05-01T08:00:00"),
    ("synology", "surveillance/AXIS - M3044-V/20251124PM/AXIS - M3044-V-20251124-130501-1763985901.mp4",
     "AXIS - M3044-V", "2025-11-24T13:05:01"),
    ("synology", "Camera/20251124AM/Camera-20251124-010501.mp4", "Camera", "2025-11-24T01:05:01"),
    ("synology", "Entrada/20251124PM/clip.mp4", "Entrada", None),
    ("unifi", "Front Door - 12-9-2020, 1.1.2am.mp4", "Front Door", "2020-12-09T01:01:02"),
    ("unifi", "2020/Front Door (a1b2) - 2020-03-15 - 12.00.00+0100.mp4", "Front Door (a1b2)", "2020-03-15T11:00:00Z"),
]  # fmt: skip


NAMES = [*PUBLISHED, *CONSTRUCTED]


@pytest.mark.parametrize(("recorder", "path", "camera", "at"), NAMES, ids=[path for _, path, _, _ in NAMES])
def test_names_of_files(recorder: str, path: str, camera: str | None, at: str | None) -> None:
    stated = read_path(path, recorder, ZONE)
    expected = None if at is None else datetime.fromisoformat(at)
    if expected is not None and expected.tzinfo is None:
        expected = expected.replace(tzinfo=ZoneInfo(ZONE))
    assert (stated.camera, stated.recorded_at, stated.recorder) == (camera, expected, recorder)


def test_every_preset_reads_its_example_and_has_a_published_name() -> None:
    assert set(RECORDERS) - {recorder for recorder, *_ in PUBLISHED} == {"synology"}
    assert {recorder for recorder, *_ in CONSTRUCTED} == {"hikvision", "synology", "unifi"}
    for recorder in RECORDERS.values():
        stated = read_path(recorder.example, recorder.name, ZONE)
        assert stated.camera is not None
        assert stated.recorded_at is not None, stated


def test_a_card_that_names_no_camera_is_given_one() -> None:
    card = "Mp4Record/2020-12-22/RecS01_20201222_075939_080140_6D28808_1A468F9.mp4"
    assert read_path(card, "reolink as front door @ UTC", ZONE).camera == "front door-sub"
    assert read_path(f"hall/{card}", "reolink as front door", ZONE).camera == "hall-sub"


# How each recorder names a file that it begins at a moment; written down here once more, with strftime.
Name = Callable[[datetime], str]
WRITERS: dict[str, Name] = {
    "frigate": lambda at: f"{at.astimezone(UTC):recordings/%Y-%m-%d/%H/gate/%M.%S.mp4}",
    "frigate-old": lambda at: f"{at:%Y-%m/%d/%H/gate/%M.%S.mp4}",
    "dahua": lambda at: f"{at:NVR_ch1_main_%Y%m%d%H%M%S_}{at + timedelta(seconds=10):%Y%m%d%H%M%S}.dav",
    "hikvision": lambda at: f"{at:ch01_00000000034000000_%Y%m%d%H%M%S_}{at + timedelta(seconds=10):%Y%m%d%H%M%S}.mp4",
    "axis": lambda at: f"{at:%Y%m%d/%H/%Y%m%d_%H%M%S_B27F_00408C18823A/%Y%m%d_%H/%Y%m%d_%H%M%S_32D4.mkv}",
    "reolink": lambda at: (
        f"gate/{at:%Y-%m-%d}/RecM02_{'DST' if at.dst() else ''}{at:%Y%m%d_%H%M%S}_{at + timedelta(seconds=10):%H%M%S}"
        "_6732828_1A2B3C.mp4"
    ),
    "reolink-ftp": lambda at: f"{at:%Y/%m/%d/gate_00_%Y%m%d%H%M%S.mp4}",
    "blue-iris": lambda at: f"{at:gate.%Y%m%d_%H%M%S.mp4}",
    "exacq": lambda at: f"{at:%Y/%m/%d/%H/%M%S-00160380.ps}",
    "synology": lambda at: f"{at:gate/%Y%m%d%p/gate-%Y%m%d-%H%M%S-}{at.timestamp():.0f}.mp4",
    "unifi": lambda at: f"gate - {at.month}-{at.day}-{at.year}, {at:%I}.{at.minute}.{at.second}{at:%p}.mp4",
    "zoneminder": lambda at: f"{at:events/1/%y/%m/%d/%H/%M/%S/4711-video.mp4}",
    "motioneye": lambda at: f"{at:gate/%Y-%m-%d/%H-%M-%S.mp4}",
    "motion": lambda at: f"{at:1-01-%Y%m%d%H%M%S.mkv}",
    "yi-hack": lambda at: f"{at:gate/%YY%mM%dD%HH/%MM%SS10.mp4}",
    "tapo": lambda at: f"gate/{at.timestamp():.0f}-{at.timestamp() + 10:.0f}.mp4",
}
CHANGES = [
    ("Europe/Zurich", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),  # by half an hour
]


def seconds_of(zone: str, day: str) -> Iterator[datetime]:
    """Moments of a local day: every 211th second, and in the five hours around the change every 23rd."""
    place, midnight = ZoneInfo(zone), datetime.fromisoformat(day)
    begin, end = (d.replace(tzinfo=place).timestamp() for d in (midnight, midnight + timedelta(days=1)))
    for second in range(int(begin), int(end)):
        if second % 211 == 0 or (second - begin < 5 * 3600 and second % 23 == 0):
            yield datetime.fromtimestamp(second, place)


@pytest.mark.parametrize("recorder", RECORDERS)
def test_seconds_of_days_on_which_clocks_change_are_right_or_refused(recorder: str) -> None:
    tells_them_apart = recorder in {"frigate", "reolink", "synology", "tapo"}
    for zone, day in CHANGES:
        refused = 0
        for at in seconds_of(zone, day):
            stated = read_path(WRITERS[recorder](at), recorder, Zones(zone))
            assert stated.recorded_at in {at.astimezone(UTC), None}, (at.isoformat(), stated)
            refused += stated.recorded_at is None
        assert bool(refused) == (day != "2026-03-08" and not tells_them_apart), (zone, refused)


def test_the_documentation_has_every_preset() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "footage.md"
    assert table() in page.read_text(encoding="utf-8")


STRETCH = {  # recorders whose files are ten seconds long: hours before and after the change, cameras in both zones
    "frigate": lambda camera, at: (
        f"{at.astimezone(UTC):recordings/%Y-%m-%d/%H}/{camera}/{at.astimezone(UTC):%M.%S}.mp4"
    ),
    "dahua": lambda camera, at: (
        f"{camera}_ch1_main_{at:%Y%m%d%H%M%S}_{(at.astimezone(UTC) + timedelta(seconds=10)).astimezone(at.tzinfo):%Y%m%d%H%M%S}.dav"
    ),
    "reolink": lambda camera, at: (
        f"{camera}/{at:%Y-%m-%d}/RecM02_{'DST' if at.dst() else ''}{at:%Y%m%d_%H%M%S}_"
        f"{(at.astimezone(UTC) + timedelta(seconds=10)).astimezone(at.tzinfo):%H%M%S}_6732828_1A2B3C.mp4"
    ),
}


@pytest.mark.parametrize("recorder", STRETCH)
def test_every_ten_second_file_of_two_zones_around_a_clock_change_has_its_time_or_none(recorder: str) -> None:
    """Six hours of a camera in Berlin and one in New York, each around its own change, in one archive."""
    zones = Zones("Europe/Berlin", cameras=(("ny-*", "America/New_York"),))
    suffix = "_ch1" if recorder == "dahua" else ""
    for camera, zone, change in [
        ("gate", "Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("gate", "Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("ny-gate", "America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("ny-gate", "America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ]:
        files = [change + timedelta(seconds=10 * n) for n in range(-1080, 1080)]
        names = [STRETCH[recorder](camera, at.astimezone(ZoneInfo(zone))) for at in files]
        # A recorder changes a file last when it ends: what was complete before the second hour began was of the first.
        live = [
            read_path(name, recorder, zones, modified=at.timestamp() + 10)
            for name, at in zip(names, files, strict=True)
        ]
        copied = [read_path(name, recorder, zones) for name in names]
        assert {stated.camera for stated in (*live, *copied)} == {camera + suffix}
        twice = {
            at for at in files if change.month > 9 and change - timedelta(hours=1) <= at < change + timedelta(hours=1)
        }
        for stated, at in (*zip(live, files, strict=True), *zip(copied, files, strict=True)):
            assert stated.recorded_at in {at, None}, (at, stated)
        undecided = {at for stated, at in zip(copied, files, strict=True) if stated.recorded_at is None}
        of_second_hour = {at for stated, at in zip(live, files, strict=True) if stated.recorded_at is None}
        if recorder == "dahua" and twice:
            crossing = change - timedelta(seconds=10)  # it ends, by the clock, before it began
            assert undecided == twice - {crossing}
            assert of_second_hour == {at for at in twice if at >= change}
            assert all("comes twice" in str(stated.problem) for stated in copied if stated.recorded_at is None)
        else:
            assert not undecided | of_second_hour
