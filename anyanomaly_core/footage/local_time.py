"""From the numbers in a name to a moment: one, or none and the reason. Never the wrong one of two."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

from anyanomaly_core.config import LayoutSettings
from anyanomaly_core.rules.cameras import first_match

RepeatedHour = Literal["refuse", "earlier", "later", "modified"]
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_LONGEST_FILE = timedelta(hours=2)  # whose time of change may tell one hour from the next
_ROUNDING = timedelta(seconds=2)  # of times of change, on some file systems


class NoTimeError(ValueError):
    """Numbers that state no moment; the message says why."""


class UndecidedTimeError(NoTimeError):
    """Numbers that are a time of day, but not of one certain moment."""


@dataclass(frozen=True, slots=True)
class Zones:
    """Where local times are local."""

    default: str = "UTC"  # IANA names
    cameras: tuple[tuple[str, str], ...] = ()  # camera id or pattern, zone; the first that fits counts
    repeated_hour: RepeatedHour = "refuse"  # of a local time that comes twice when clocks are set back

    @classmethod
    def of_settings(cls, settings: LayoutSettings) -> "Zones":
        """The zones of an installation."""
        return cls(settings.time_zone, tuple(settings.camera_time_zones.items()), settings.repeated_hour)

    def of(self, camera: str | None) -> str:
        """The zone a camera stands in."""
        found = None if camera is None else first_match(camera, [pattern for pattern, _ in self.cameras])
        return self.default if found is None else self.cameras[found][1]


def recording_start(values: Mapping[str, str], zone: str, repeated: RepeatedHour, modified: float | None) -> datetime:
    """When a recording began.

    Args:
        values: what the name states: year, month, day, hour, ..., epoch, offset, dst, and the end's with ``end_``.
        zone: IANA name, for a local time that states no offset.
        repeated: what to do with a local time that comes twice.
        modified: when the file was changed last, in seconds since 1970; a recording is never changed before it began.

    Returns:
        In UTC.

    Raises:
        NoTimeError: the values state no time, one that does not exist, or one of two.
    """
    number = values.get("epoch") or values.get("epoch_ms")
    if number is not None:
        moment = datetime.fromtimestamp(float(number) / (1 if "epoch" in values else 1000), UTC)
        _agrees(values, moment, zone)
        return _plausible(moment)
    wall = _wall_clock(values)
    if "offset" in values:
        return _plausible(wall.replace(tzinfo=_offset(values["offset"])).astimezone(UTC))
    found = _moments(wall, zone)
    if "dst" in values:
        found = _with_flag(found, wall, zone, flagged=True)
    elif len(found) > 1 and values.get("flags_dst"):
        found = _with_flag(found, wall, zone, flagged=False)
    return _plausible(found[0] if len(found) == 1 else _one_of(found, wall, zone, values, repeated, modified))


def from_iso(text: str, zone: str, repeated: RepeatedHour, modified: float | None) -> datetime:
    """A time as ISO 8601 writes it, in UTC; read as ``recording_start`` reads one. Raises NoTimeError."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoTimeError(f"{text[:40]!r} is no ISO 8601 time") from None
    found = _moments(moment, zone)
    return found[0] if len(found) == 1 else _one_of(found, moment, zone, {}, repeated, modified)


def check_end(values: Mapping[str, str], began: datetime, zone: str) -> None:
    """Raises UndecidedTimeError when a name states an end, with its date, that lies before the beginning."""
    if "end_year" in values:
        end = _wall_clock_end(values)
        ended = None if end is None else max(_moments(end, zone), default=None)
    elif "end_epoch" in values or "end_epoch_ms" in values:
        ended = datetime.fromtimestamp(float(values.get("end_epoch") or int(values["end_epoch_ms"]) / 1000), UTC)
    else:
        return
    if ended is not None and ended < began:
        raise UndecidedTimeError(f"it states an end, {ended}, before its beginning, {began}")


def _wall_clock_end(values: Mapping[str, str]) -> datetime | None:
    """When a recording ended, as its name states it, without a zone; None: it does not."""
    ends = {name.removeprefix("end_"): text for name, text in values.items() if name.startswith("end_")}
    if "hour" not in ends:
        return None
    day = ends if "year" in ends else values
    # Some recorders end a day at 24:00:00 or 23:59:60.
    clock = timedelta(hours=int(ends["hour"]), minutes=int(ends["minute"]), seconds=int(ends.get("second", 0)))
    return _midnight(day) + clock


def _wall_clock(values: Mapping[str, str]) -> datetime:
    if missing := [name for name in ("year", "month", "day", "hour", "minute") if name not in values]:
        raise NoTimeError(f"the path states no {missing[0]}")
    hour = int(values["hour"])
    if half := values.get("ampm", "").lower()[:1]:
        if not (hour <= 12 or half == "p"):  # noqa: PLR2004
            raise NoTimeError(f"{hour} o'clock is not in the morning")
        if 1 <= hour <= 12:  # noqa: PLR2004  (otherwise a clock of 24 hours, in a folder of half a day)
            hour = hour % 12 + (12 if half == "p" else 0)
        elif (half == "p") != (hour >= 12):  # noqa: PLR2004
            raise NoTimeError(f"{hour} o'clock is not in the afternoon")
    fraction = int(values.get("fraction", "0").ljust(6, "0")[:6])
    day = _midnight(values)
    try:
        return day.replace(
            hour=hour, minute=int(values["minute"]), second=int(values.get("second", 0)), microsecond=fraction
        )
    except ValueError:
        clock = ":".join(values.get(name, "0") for name in ("hour", "minute", "second"))
        raise NoTimeError(f"{clock} is not a time of day") from None


def _midnight(values: Mapping[str, str]) -> datetime:
    year = int(values["year"]) + (2000 if len(values["year"]) == len("25") else 0)
    try:
        return datetime(year, int(values["month"]), int(values["day"]))  # noqa: DTZ001  (a wall clock has no zone yet)
    except (ValueError, KeyError):
        stated = "-".join(values.get(name, "?") for name in ("year", "month", "day"))
        raise NoTimeError(f"{stated} is not a date") from None


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:  # noqa: PLR2004  (from -12:00 to +14:00)
        raise NoTimeError(f"{text} is not an offset to UTC")
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _moments(wall: datetime, zone: str) -> list[datetime]:
    """The moments at which clocks in a zone show this: none, one or, when they are set back, two. In UTC, in order."""
    place = ZoneInfo(zone)
    try:
        both = {wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1)}
        return sorted(moment for moment in both if moment.astimezone(place).replace(tzinfo=None) == wall)
    except OverflowError:
        raise NoTimeError(f"{wall} is beyond the calendar") from None


def _with_flag(found: list[datetime], wall: datetime, zone: str, *, flagged: bool) -> list[datetime]:
    """The moments in summer time, or those not in it: some recorders say so in the name."""
    fitting = [moment for moment in found if bool(moment.astimezone(ZoneInfo(zone)).dst()) == flagged]
    if found and not fitting:
        raise UndecidedTimeError(
            f"the name says that {wall} is summer time, but there is none then in {zone}; is that the recorder's zone?"
        )
    return fitting


def _one_of(  # noqa: PLR0917
    found: list[datetime],
    wall: datetime,
    zone: str,
    values: Mapping[str, str],
    repeated: RepeatedHour,
    modified: float | None,
) -> datetime:
    if not found:
        raise UndecidedTimeError(
            f"{wall} does not exist in {zone}, where clocks were set forward over it: the recorder keeps another time. "
            "Name its zone after the layout, such as ` @ Etc/GMT-1` for a clock that is one hour ahead of UTC all year"
        )
    earlier, later = found
    end = _wall_clock_end(values)
    length = timedelta(0) if end is None else end - wall
    if length < timedelta(0):
        return earlier  # by the clock it ended before it began: the clock was set back meanwhile
    if modified is not None:
        changed = datetime.fromtimestamp(modified, UTC) + _ROUNDING
        if earlier <= changed < later + length:
            return earlier  # when the later one was over, this file had long been complete
        if repeated == "modified" and changed < later + length + _LONGEST_FILE:
            return later
    if repeated in {"earlier", "later"}:
        return earlier if repeated == "earlier" else later
    raise UndecidedTimeError(
        f"{wall} comes twice in {zone}, where clocks were set back, and neither the name nor the file's time of change "
        "says which it was. ANYANOMALY_REPEATED_HOUR decides it, or a sidecar does"
    )


def _agrees(values: Mapping[str, str], moment: datetime, zone: str) -> None:
    """A name that states a moment and a local time is believed when they are the same."""
    if not {"day", "hour", "minute"} <= set(values):
        return
    wall = _wall_clock(values)
    if all(abs(local - moment) > _ROUNDING for local in _moments(wall, zone)):
        shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        raise UndecidedTimeError(
            f"the name states {wall} and the moment {shown} in {zone}; is that the recorder's zone?"
        )


def _plausible(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise NoTimeError(f"nothing was recorded in {moment.year}")
    return moment
