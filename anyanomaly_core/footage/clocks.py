"""Camera clocks that were wrong for a while: what to add to the times that footage states (docs/footage.md)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.rules.cameras import matches

_KEYS = {"camera", "files", "from", "until", "add", "why"}
_UNITS = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}  # milliseconds
_AMOUNT = re.compile(r"\s*([+-])\s*((?:\d+(?:\.\d+)?\s*(?:d|h|min|ms|s)\s*)+)")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|ms|s)")
_ANY_OFFSET = timedelta(days=1)
_MOST = timedelta(days=366 * 60)  # a clock that fell back to 1970


@dataclass(frozen=True, slots=True)
class Correction:
    """What is added to stated recording times; all conditions must hold."""

    camera: str  # id or pattern
    add: timedelta
    files: str = "*"  # path below the archive root, or pattern
    begin: datetime | None = None  # as stated by the footage, inclusive; naive: in its zone; None: ever since
    end: datetime | None = None  # likewise, exclusive; None: from then on
    why: str = ""

    def fits(self, camera: str, uri: str, stated: datetime, zone: Callable[[], str]) -> bool:
        """Whether footage that states this camera and time is meant; ``zone`` that its times are written in."""
        if not (matches(camera, [self.camera]) and matches(uri, [self.files])):
            return False
        if self.begin is not None and stated < _aware(self.begin, zone):
            return False
        return self.end is None or stated < _aware(self.end, zone)


NONE = Correction("*", timedelta(0))


def correction_of(
    clocks: tuple[Correction, ...], camera: str, uri: str, stated: datetime, zone: Callable[[], str]
) -> Correction:
    """The first correction that fits; ``NONE`` when none does. Arguments as of ``Correction.fits``."""
    return next((c for c in clocks if c.fits(camera, uri, stated, zone)), NONE)


def _aware(moment: datetime, zone: Callable[[], str]) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone()))


def load_clocks(path: Path | None) -> tuple[Correction, ...]:
    """Read a file of clock corrections; none: every clock was right.

    Args:
        path: a YAML file, see docs/footage.md.

    Raises:
        ConfigurationError: the file cannot be read or is wrong, and where.
    """
    if path is None:
        return ()
    try:
        state = path.stat()
        return _load(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ConfigurationError(f"The clock corrections {path} cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int, _size: int) -> tuple[Correction, ...]:
    """As load_clocks; the file's state is in the arguments so that a changed file is read anew."""
    try:
        # Every scalar stays text: YAML would read 1:30 as the number 90.
        stated = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  (makes text only)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The clock corrections {path} are no YAML: {error}.") from None
    entries = stated.get("clocks") if isinstance(stated, dict) and set(stated) == {"clocks"} else None
    if not isinstance(entries, list):
        raise ConfigurationError(f"The clock corrections {path} must be one list `clocks:`.")
    return tuple(_entry(path, number, entry) for number, entry in enumerate(entries, 1))


def _entry(path: Path, number: int, entry: object) -> Correction:
    where = f"Entry {number} of the clock corrections {path}"
    if not isinstance(entry, Mapping) or not all(isinstance(value, str) for value in entry.values()):
        raise ConfigurationError(f"{where} must have lines such as `camera: gate`, with one value each.")
    if unknown := set(entry) - _KEYS:
        raise ConfigurationError(f"{where} has `{min(unknown)}`; it may have {', '.join(sorted(_KEYS))}.")
    if missing := {"camera", "add"} - set(entry):
        raise ConfigurationError(f"{where} has no `{min(missing)}`.")
    begin, end = (_moment(where, entry.get(key)) for key in ("from", "until"))
    if begin is not None and end is not None and _aware(begin, lambda: "UTC") >= _aware(end, lambda: "UTC"):
        raise ConfigurationError(f"{where} ends (`until`) before it begins (`from`).")
    files, why = entry.get("files", "*"), entry.get("why", "")
    return Correction(entry["camera"], _amount(where, entry["add"]), files, begin, end, why)


def _moment(where: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        # One without an offset must be a moment in every zone.
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment - _ANY_OFFSET + _ANY_OFFSET
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{where}: {text!r} is no ISO 8601 time such as 2026-10-25 03:00.") from None


def _amount(where: str, text: str) -> timedelta:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{where}: `add: {text}` must be such as `-1 h`, `+37 s` or `+1 d 2 h 30 min`.")
    parts = _PART.findall(match[2])
    amount = timedelta(milliseconds=round(sum(float(number) * _UNITS[unit] for number, unit in parts)))
    if amount > _MOST:
        raise ConfigurationError(f"{where}: `add: {text}` is more than sixty years.")
    return -amount if match[1] == "-" else amount


def in_words(add: timedelta) -> str:
    """Such as ``-1 h`` or ``+1 h 0.5 s``."""
    left, words = abs(add) // timedelta(milliseconds=1), []
    for unit in ("d", "h", "min"):
        count, left = divmod(left, _UNITS[unit])
        words += [f"{count} {unit}"] if count else []
    words += [f"{left / 1000:g} s"] if left or not words else []
    return ("-" if add < timedelta(0) else "+") + " ".join(words)
