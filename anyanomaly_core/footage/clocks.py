"""Camera clocks that were wrong for a while: what to add to the times that footage states (docs/footage.md)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.rules.cameras import matches

_INSIDE_AN_ENTRY = 2  # parts of the place of a mistake: `clocks`, and the entry's number
_ONE_VALUE = "must have lines such as `camera: gate`, with one value each."
_UNITS = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}  # milliseconds
_AMOUNT = re.compile(r"\s*([+-])\s*((?:\d+(?:\.\d+)?\s*(?:d|h|min|ms|s)\s*)+)")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|ms|s)")
_ANY_OFFSET = timedelta(days=1)
_MOST = timedelta(days=366 * 60)  # a clock that fell back to 1970


def _amount(text: object) -> timedelta:
    match = _AMOUNT.fullmatch(str(text))
    if match is None:
        raise ValueError("must be such as `-1 h`, `+37 s` or `+1 d 2 h 30 min`")
    parts = _PART.findall(match[2])
    amount = timedelta(milliseconds=round(sum(float(number) * _UNITS[unit] for number, unit in parts)))
    if amount > _MOST:
        raise ValueError("is more than sixty years")
    return -amount if match[1] == "-" else amount


def _moment(text: object) -> datetime:
    """Without an offset it stays so: it is in the zone of the footage that it is compared with."""
    try:
        moment = datetime.fromisoformat(str(text))
        # One without an offset must be a moment in every zone.
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment - _ANY_OFFSET + _ANY_OFFSET
    except (ValueError, OverflowError):
        raise ValueError("is no ISO 8601 time such as 2026-10-25 03:00") from None


Amount = Annotated[timedelta, PlainValidator(_amount)]
Moment = Annotated[datetime, PlainValidator(_moment)]


class Correction(BaseModel):
    """What is added to stated recording times; all conditions must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    camera: str  # id or pattern
    add: Amount
    files: str = "*"  # path below the archive root, or pattern
    begin: Moment | None = Field(default=None, alias="from")  # inclusive; without offset: of the footage
    end: Moment | None = Field(default=None, alias="until")  # likewise, exclusive; None: from then on
    why: str = ""

    @model_validator(mode="after")
    def _ends_after_its_begin(self) -> Self:
        if self.begin is None or self.end is None:
            return self
        if _aware(self.begin, lambda: "UTC") >= _aware(self.end, lambda: "UTC"):
            raise ValueError("ends (`until`) before it begins (`from`)")
        return self

    def fits(self, camera: str, uri: str, stated: datetime, zone: Callable[[], str]) -> bool:
        """Whether footage that states this camera and time is meant; ``zone`` that its times are written in."""
        if not (matches(camera, [self.camera]) and matches(uri, [self.files])):
            return False
        if self.begin is not None and stated < _aware(self.begin, zone):
            return False
        return self.end is None or stated < _aware(self.end, zone)


class ClockFile(BaseModel):
    """The clock corrections of an installation; the first that fits counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clocks: tuple[Correction, ...]


NONE = Correction.model_construct(camera="*", add=timedelta(0))


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
        raise ConfigurationError(f"The clock corrections {path} are not YAML: {error}.") from None
    try:
        return ClockFile.model_validate(stated).clocks
    except ValidationError as error:
        raise ConfigurationError(_describe_mistake(path, error)) from None


def _describe_mistake(path: Path, error: ValidationError) -> str:
    """The first mistake of a file of corrections, with its place."""
    first = error.errors()[0]
    if len(first["loc"]) < _INSIDE_AN_ENTRY or first["loc"][0] != "clocks":
        return f"The clock corrections {path} must be one list `clocks:`."
    number, key = int(first["loc"][1]) + 1, first["loc"][2] if len(first["loc"]) > _INSIDE_AN_ENTRY else None
    where = f"Entry {number} of the clock corrections {path}"
    said = first["msg"].removeprefix("Value error, ")
    if key is None:
        return f"{where} {said}." if first["type"] == "value_error" else f"{where} {_ONE_VALUE}"
    match first["type"]:
        case "missing":
            return f"{where} has no `{key}`."
        case "extra_forbidden":
            return f"{where} has `{key}`; it may have {', '.join(_keys())}."
        case "value_error":
            return f"{where}: `{key}: {first['input']}` {said}."
        case _:
            return f"{where} {_ONE_VALUE}"


def _keys() -> list[str]:
    return sorted(field.alias or name for name, field in Correction.model_fields.items())


def describe_correction(add: timedelta) -> str:
    """Such as ``-1 h`` or ``+1 h 0.5 s``."""
    left, words = abs(add) // timedelta(milliseconds=1), []
    for unit in ("d", "h", "min"):
        count, left = divmod(left, _UNITS[unit])
        words += [f"{count} {unit}"] if count else []
    words += [f"{left / 1000:g} s"] if left or not words else []
    return ("-" if add < timedelta(0) else "+") + " ".join(words)
