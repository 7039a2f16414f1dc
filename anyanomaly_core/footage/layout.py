"""How a path under the archive root states camera and recording time; ``docs/footage.md`` has the table."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage import local_time
from anyanomaly_core.footage.local_time import NoTimeError, UndecidedTimeError, Zones
from anyanomaly_core.footage.path_pattern import TIME_PARTS, PathPattern, PathReading, TooManyReadingsError
from anyanomaly_core.footage.recorders.presets import RECORDERS, Recorder

# For a folder nobody described: the usual layouts, else the first folder, else the file's name is the camera.
ANY_FOLDER = (
    "{camera}/{date}/{time}.{ext}|{folders}{date}/{hour}/{camera}/{minute}.{second}.{ext}"
    "|{camera}/{path}|{camera}.{ext}"
)

_ALTERNATIVE = re.compile(r"(?P<body>.*?)(?:\s+as\s+(?P<camera>[^@|/{}]+?))?(?:\s+@\s*(?P<zone>[\w+/-]+))?")
_DATE = r"(?:19|20)\d\d(?P<mark>[-_.]?)(?:0[1-9]|1[0-2])(?P=mark)(?:0[1-9]|[12]\d|3[01])"
_DAY = re.compile(rf"{_DATE}|(?:19|20)\d\d-\d\d|\d{{4}}Y\d\dM\d\dD\d\dH")
# What could be another time, before the one that is read: with marks, or as many digits without.
_MARKED_TIME = re.compile(r"(?<!\d)(?:[01]\d|2[0-3])([-_.:])[0-5]\d\1[0-5]\d(?!\d)")
_BARE_TIME = re.compile(r"(?<![0-9A-Za-z])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?![0-9A-Za-z])")
_STAMP = re.compile(rf"(?<!\d){_DATE}[-_T .]?(?:[01]\d|2[0-3])[-_.:]?[0-5]\d")
_OPEN_TEXT = frozenset({"any", "path", "camera", "channel"})
_OTHER = _OPEN_TEXT | {"number", "hex", "folders", "ext"}  # values that are no part of a time

_Found = list[tuple[PathReading, datetime | NoTimeError]]


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What a path says; None where it says nothing."""

    camera: str | None = None
    recorded_at: datetime | None = None  # in UTC
    problem: str | None = None  # why it states no camera, or no time, although it has parts of one
    recorder: str | None = None  # name of the preset it was read by
    is_undecided: bool = False  # there are numbers of a time, but of two, or of none in this zone


def read_path(uri: str, layout: str, zones: Zones | str, *, modified: float | None = None) -> PathFacts:
    """Camera and recording time that ``uri`` states under ``layout``.

    A path that could state two times states none: two dates in a name, a local time that comes twice when clocks are
    set back, or one that never comes.

    Args:
        uri: relative to the archive root, ``/`` between folders.
        layout: a recorder's name or such as ``{camera}/{date}/{time}.{ext}``; of several, separated by ``|``, the first
            that fits counts.
        zones: where local times are local; or the IANA name of the one zone.
        modified: when the file was changed last, in seconds since 1970; it may tell which of two times it was.

    Raises:
        ConfigurationError: when the layout itself is wrong.
    """
    places = Zones(zones) if isinstance(zones, str) else zones
    for alternative in compile_layout(layout):
        stated = alternative.read(uri, places, modified)
        if stated is not None:
            return stated
    return PathFacts()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One pattern of a layout."""

    pattern: PathPattern
    camera: str | None = None  # of paths that name none
    zone: str | None = None  # that its times are written in; None: the camera's
    recorder: Recorder | None = None  # whose preset it comes from

    def read(self, uri: str, zones: Zones, modified: float | None) -> PathFacts | None:
        """What the path states; None: it does not fit."""
        try:
            readings = [reading for reading in self.pattern.readings(uri) if not _camera_is_a_day(reading)]
        except TooManyReadingsError:
            return PathFacts(problem=f"{self.pattern.text} reads it in too many ways: put more text between its parts")
        if not readings:
            return None
        if not TIME_PARTS & self.pattern.parts:
            return self._facts_of(readings)
        try:
            kept, moment = self._only(uri, readings, zones, modified)
        except NoTimeError as error:
            stated = self._facts_of(readings)
            return replace(stated, problem=str(error), is_undecided=isinstance(error, UndecidedTimeError))
        return replace(self._facts_of(kept), recorded_at=moment)

    def _facts_of(self, readings: Sequence[PathReading]) -> PathFacts:
        """The camera, if all readings agree on it."""
        name = self.recorder.name if self.recorder else None
        cameras = list(dict.fromkeys(self._camera(reading) for reading in readings))
        if len(cameras) == 1:
            return PathFacts(cameras[0], recorder=name)
        which = f"the path may name camera {cameras[0]!r} or {cameras[1]!r}; put other text between the layout's parts"
        return PathFacts(problem=which, recorder=name)

    def _only(
        self, uri: str, readings: Sequence[PathReading], zones: Zones, modified: float | None
    ) -> tuple[list[PathReading], datetime]:
        """The readings that are a time, and that time. Raises NoTimeError where there is none, or another one."""
        found: _Found = []
        nothing = NoTimeError("it states no time")
        for reading in readings:
            try:
                found.append((reading, self._moment(reading, zones, modified)))
            except UndecidedTimeError as error:
                found.append((reading, error))
            except NoTimeError as error:
                nothing = error
        if not found:
            raise nothing
        whole = _without_parts_of_others(found) if len(found) > 1 else found
        reading, moment = whole[0]
        if isinstance(moment, NoTimeError):
            raise moment
        if len(whole) > 1 and len(moments := {str(moment) for _, moment in whole}) > 1:
            raise UndecidedTimeError(
                f"the path may state {' or '.join(sorted(moments)[:2])}; say which: {{end_datetime}} for an end, "
                "{number} or {hex} for other digits"
            )
        if (other := _time_before(uri, reading)) is not None:
            raise UndecidedTimeError(
                f"{other!r} before {moment:%H:%M:%S} may be a time as well; say what it is: {{end_time}}, {{number}} "
                "or plain text"
            )
        return [reading for reading, _ in whole], moment

    def _moment(self, reading: PathReading, zones: Zones, modified: float | None) -> datetime:
        values = _values(reading)
        if "dst" in self.pattern.parts:
            values["flags_dst"] = "yes"
        zone = self.zone or zones.of(self._camera(reading))
        moment = local_time.recording_start(values, zone, zones.repeated_hour, modified)
        local_time.check_end(values, moment, zone)
        return moment

    def _camera(self, reading: PathReading) -> str | None:
        camera, channel = self.camera, self.pattern.constants.get("channel")
        for span in reading:
            if span.name == "camera":
                camera = span.text
            elif span.name == "channel":
                channel = span.text
        return "-".join(part for part in (camera, channel) if part) or None


def zone_of_times(uri: str, layout: str, zones: Zones, camera: str) -> str:
    """The IANA zone that a path's times are written in: its layout's, else its camera's."""
    fitting = next((each for each in compile_layout(layout) if each.read(uri, zones, None) is not None), None)
    return (None if fitting is None else fitting.zone) or zones.of(camera)


@lru_cache(maxsize=16)
def compile_layout(layout: str) -> tuple[Alternative, ...]:
    """The patterns of a layout, in order. Raises ConfigurationError when it is wrong."""
    return tuple(alternative for text in layout.split("|") for alternative in _alternatives(layout, text.strip()))


def _alternatives(layout: str, text: str) -> Iterator[Alternative]:
    match = _ALTERNATIVE.fullmatch(text)
    if match is None or not match["body"]:
        raise ConfigurationError(f"The layout {layout!r} has an empty alternative.")
    body, camera, zone = match["body"], match["camera"], match["zone"]
    if zone is not None:
        _check_zone(layout, zone)
    recorder = RECORDERS.get(body)
    if recorder is not None:
        for pattern in recorder.patterns:
            yield Alternative(PathPattern(pattern), camera, zone or recorder.zone, recorder)
        return
    if "{" not in body:
        raise ConfigurationError(
            f"The layout {layout!r} names {body!r}, neither a pattern such as {{camera}}/{{date}}/{{time}}.{{ext}} "
            f"nor one of the recorders {', '.join(RECORDERS)}."
        )
    for pattern in (body, *_hour_folder(body)):
        yield Alternative(PathPattern(pattern), camera, zone)


def _hour_folder(body: str) -> list[str]:
    """The same pattern for recorders that make a folder of the hour and name the file by minute and second."""
    folders, slash, name = body.rpartition("/")
    if name not in {"{any}.{ext}", "{any}"} or not slash:
        return []
    hours = {"{time}": "{hour}", "{datetime}": "{date}/{hour}"}
    parts = [hours.get(part, part) for part in folders.split("/")]
    if parts == folders.split("/"):
        return []
    return [f"{'/'.join(parts)}/{name.replace('{any}', f'{{minute}}{mark}{{second}}')}" for mark in ".-_"]


def _check_zone(layout: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"The layout {layout!r} names {zone!r}, which is no IANA time zone.") from None


def _values(reading: PathReading) -> dict[str, str]:
    """Values by name. What is stated twice must be the same: raises UndecidedTimeError."""
    values: dict[str, str] = {}
    for name, text, _, _ in reading:
        known = values.setdefault(name, text)
        if known != text and known.lstrip("0") != text.lstrip("0") and name not in _OTHER:
            raise UndecidedTimeError(f"the path states two {name}s, {known} and {text}")
    return values


def _camera_is_a_day(reading: PathReading) -> bool:
    return any(span.name == "camera" and _DAY.fullmatch(span.text) is not None for span in reading)


def _without_parts_of_others(found: _Found) -> _Found:
    """Without readings whose digits another takes for a time, and more: 07-00 out of 07-00-30."""
    places = [_places(reading) for reading, _ in found]
    return [pair for pair, own in zip(found, places, strict=True) if not any(own < other for other in places)]


def _places(reading: PathReading) -> frozenset[int]:
    """Characters that are read as a time."""
    return frozenset(place for span in reading if span.name not in _OTHER for place in range(span.start, span.end))


def _time_before(uri: str, reading: PathReading) -> str | None:
    """Text in the same name, before the time that is read, that nobody named and that looks like another one."""
    time = [span for span in reading if span.name in {"hour", "epoch", "epoch_ms"}]
    if not time:
        return None
    name = uri.rfind("/", 0, time[-1].start) + 1
    for span in reading:
        if span.name in _OPEN_TEXT and name < span.end <= time[-1].start:
            text = uri[max(name, span.start) : span.end]
            looks = [_STAMP, _MARKED_TIME] + ([_BARE_TIME] if span.name in {"any", "path"} else [])
            for look in looks:
                if (match := look.search(text)) is not None:
                    return match.group()
    return None
