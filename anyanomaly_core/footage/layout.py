"""How a path under the archive root states camera and recording time; ``docs/footage.md`` has the table."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from anyanomaly_core.errors import ConfigurationError

# For a folder nobody described: the usual layout, else the first folder, else the file's name is the camera.
ANY_FOLDER = "{camera}/{date}/{time}.{ext}|{camera}/{path}|{camera}.{ext}"

_DATE = r"(?P<year>\d{4})[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)[-_.:]?(?P<minute>\d\d)(?:[-_.:]?(?P<second>\d\d))?"
_FIELDS = {
    "camera": r"(?P<camera>[^/]+)",
    "date": _DATE,
    "time": _TIME,
    "datetime": rf"{_DATE}[-_T ]?{_TIME}",
    "any": r"[^/]*",
    "path": r".*",
    "ext": r"[^/.]+",
}
_NAMES = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True)
class Stated:
    """What a path says; None where it says nothing."""

    camera: str | None = None
    recorded_at: datetime | None = None  # aware


def read_path(uri: str, layout: str, time_zone: str) -> Stated:
    """Camera and recording time that ``uri`` states under ``layout``.

    A local time that occurs twice, when clocks are set back, is taken to be the earlier one; one that never occurs,
    when they are set forward, is read as if they had not been.

    Args:
        uri: relative to the archive root, ``/`` between folders.
        layout: such as ``{camera}/{date}/{time}.{ext}``; of several, separated by ``|``, the first that fits counts.
        time_zone: IANA name of the zone that paths are written in.

    Raises:
        ConfigurationError: when the layout itself is wrong.
    """
    for alternative in layout.split("|"):
        match = _compiled(alternative.strip()).fullmatch(uri)
        if match is not None:
            groups = match.groupdict()
            return Stated(groups.get("camera"), _moment(groups, ZoneInfo(time_zone)))
    return Stated()


def _moment(groups: dict[str, str | None], zone: ZoneInfo) -> datetime | None:
    if groups.get("year") is None or groups.get("hour") is None:
        return None
    parts = [int(groups.get(name) or 0) for name in _NAMES]
    try:
        moment = datetime(*parts, tzinfo=zone)  # type: ignore[misc,arg-type]  # six integers
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # the 31st of February states nothing, nor does a time that UTC cannot hold
    return moment


@lru_cache(maxsize=8)
def _compiled(layout: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^{}]*)\}", layout)
    literals, names = parts[0::2], parts[1::2]
    if unknown := [name for name in names if name not in _FIELDS]:
        known = ", ".join(f"{{{name}}}" for name in _FIELDS)
        raise ConfigurationError(f"The archive layout {layout!r} has {{{unknown[0]}}}; it may have {known}.")
    twice = {name for name in names if name not in {"any", "path"} and names.count(name) > 1}
    if twice or ("datetime" in names and {"date", "time"} & set(names)):
        raise ConfigurationError(f"The archive layout {layout!r} states the same thing twice.")
    pattern = "".join(
        re.escape(text) + _FIELDS.get(name, "") for text, name in zip(literals, [*names, ""], strict=True)
    )
    return re.compile(pattern, re.DOTALL)
