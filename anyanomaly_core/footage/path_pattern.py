"""Patterns such as ``{camera}/{date}/{time}.{ext}``, and every way in which a path can be read by one.

A regular expression finds one reading and keeps quiet about others. Here the parts that could stand in more than one
place are looked for everywhere, so that two possible times can be told from one.
"""

import itertools
import re
from dataclasses import dataclass
from typing import NamedTuple

from anyanomaly_core.errors import ConfigurationError

# Of the text that is read as a part: loose about the calendar, which is checked later and with a reason.
_DATE = r"(?P<year>\d{4})(?P<datemark>[-_.]?)(?P<month>\d\d)(?P=datemark)(?P<day>\d\d)"
_FRACTION = r"(?:[.,](?P<fraction>\d{3,6}))?"
_EPOCH_FRACTION = r"(?:\.\d{1,6})?"
_TIME = (
    r"(?P<hour>\d\d)(?:(?P<timemark>[-_.:])(?P<minute>\d\d)"
    rf"(?:(?P=timemark)(?P<second>\d\d){_FRACTION}|(?!(?P=timemark)\d\d(?!\d)))"
    r"|(?P<minute_>\d\d)(?:(?P<second_>\d\d)(?P<fraction_>\d{3})?)?)"
)
_MONTH_FIRST = r"(?P<month>\d\d?)(?P<datemark>[-_.])(?P<day>\d\d?)(?P=datemark)(?P<year>\d{4})"
_DAY_FIRST = r"(?P<day>\d\d?)(?P<datemark>[-_.])(?P<month>\d\d?)(?P=datemark)(?P<year>\d{4})"
_SHORT = r"\d\d|(?<!\d)\d(?!\d)"
_BEGIN = {
    "date": _DATE,
    "time": _TIME,
    "datetime": rf"{_DATE}[-_T .]?{_TIME}(?P<offset>Z|\+\d\d[:_]?\d\d)?",
    "us_date": _MONTH_FIRST,
    "eu_date": _DAY_FIRST,
    "epoch": rf"(?P<epoch>\d{{10}}{_EPOCH_FRACTION})",
    "epoch_ms": r"(?P<epoch_ms>\d{13})",
    "year": r"(?P<year>\d{4})",
    "month": rf"(?P<month>{_SHORT})",
    "day": rf"(?P<day>{_SHORT})",
    "hour": rf"(?P<hour>{_SHORT})",
    "minute": rf"(?P<minute>{_SHORT})",
    "second": rf"(?P<second>{_SHORT})",
    "ampm": r"(?P<ampm>[AaPp]\.?[Mm]\.?)",
    "offset": r"(?P<offset>Z|[+-]\d\d[:_]?\d\d)",
    "dst": r"(?P<dst>DST)?",
}
_END = {
    f"end_{name}": re.sub(r"\(\?P([<=])", r"(?P\1end_", _BEGIN[name])
    for name in ("date", "time", "datetime", "epoch", "epoch_ms")
}
_FILLING = {"number": r"(?P<number>\d+)", "hex": r"(?P<hex>[0-9A-Fa-f]+)"}
_FIXED = {**_BEGIN, **_END, **_FILLING}
_OPEN = {  # parts that take as much as there is
    "camera": r"(?P<camera>[^/]+)",
    "channel": r"(?P<channel>[^/]+)",
    "any": r"(?P<any>[^/]*)",
    "path": r"(?P<path>.*)",
    "folders": r"(?P<folders>(?:[^/]+/)*)",
    "ext": r"(?P<ext>[^/.]+)",
}
PARTS = (*_OPEN, *_FIXED)
TIME_PARTS = frozenset(_BEGIN)
_WIDE = {"year": r"\d", "number": r"\d", "hex": "[0-9A-Fa-f]", "any": "[^/]", "camera": "[^/]", "channel": "[^/]"}
_LOOSE = {"time", "datetime", "end_time", "end_datetime", "number", "hex", "epoch", "end_epoch"}  # of several widths
_MANY = {*_FILLING, "any", "path", "folders"}  # may stand in a pattern more than once
_PART = re.compile(r"(?P<name>[a-z_]+)(?::(?P<width>\d{1,2}))?(?:=(?P<constant>[^/{}|]+))?")
_NOT_IN_A_NUMBER = "".join(rf"(?<![0-9][A-Za-z]{{{letters}}})" for letters in range(6))
_MOST_READINGS = 400


class PartSpan(NamedTuple):
    """What one part of a pattern was read from."""

    name: str  # of a value: camera, year, hour, ...
    text: str
    start: int  # in the path
    end: int


PathReading = tuple[PartSpan, ...]  # in the order of the pattern


class TooManyReadingsError(ValueError):
    """A path can be read in more ways than anybody can check."""


class PathPattern:
    """A pattern, compiled.

    Args:
        text: such as ``{camera}_{datetime}.{ext}``; what stands outside braces is taken literally.

    Raises:
        ConfigurationError: a part is not known, or two parts cannot be told apart.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        tokens = _tokens(text)
        self.parts = frozenset(token.name for token in tokens if token.name)
        self.constants = {token.name: token.constant for token in tokens if token.constant is not None}
        self._steps, self._rest = _steps([token for token in tokens if token.constant is None])

    def readings(self, path: str) -> list[PathReading]:
        """Every way to read ``path``, the ways that give more to earlier parts first; none: it does not fit.

        Raises:
            TooManyReadingsError: there are too many.
        """
        reached: dict[int, list[PathReading]] = {0: [()]}  # up to where the path is read, and how
        for open_parts, fixed_parts in self._steps:
            further: dict[int, list[PathReading]] = {}
            for match in fixed_parts.regex.finditer(path):
                start, end = match.span("whole")
                for position, before in reached.items():
                    between = open_parts.regex.fullmatch(path, position, start)
                    if between is not None:
                        added = open_parts.spans(between) + fixed_parts.spans(match)
                        further.setdefault(end, []).extend([reading + added for reading in before])
            if sum(map(len, further.values())) > _MOST_READINGS:
                raise TooManyReadingsError
            reached = further
        found = []
        for position, before in reached.items():
            rest = self._rest.regex.fullmatch(path, position)
            if rest is not None:
                found += [reading + self._rest.spans(rest) for reading in before]
        return sorted(found, key=_lengths_of_open_parts, reverse=True) if len(found) > 1 else found


@dataclass(frozen=True, slots=True)
class _Token:
    name: str  # of a part; empty: literal text
    text: str = ""
    width: int = 0  # 0: not stated
    constant: str | None = None

    @property
    def is_open(self) -> bool:
        return self.name in _OPEN and not self.width

    @property
    def has_digits(self) -> bool:
        return self.name in _FIXED and self.name not in {"ampm", "dst", "offset"}


def _tokens(text: str) -> list[_Token]:
    pieces = re.split(r"\{([^{}]*)\}", text)
    tokens = []
    for literal, stated in zip(pieces[0::2], [*pieces[1::2], None], strict=True):
        if literal:
            tokens.append(_Token("", literal))
        if stated is not None:
            tokens.append(_part(text, stated))
    names = [token.name for token in tokens if token.name and token.name not in _MANY and token.name not in _FIXED]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"The layout {text!r} states the {twice[0]} twice.")
    for one, other in itertools.pairwise(tokens):
        if one.has_digits and other.has_digits and any(part.name in _LOOSE and not part.width for part in (one, other)):
            raise ConfigurationError(
                f"In the layout {text!r}, {{{one.name}}} and {{{other.name}}} stand side by side: nothing says where "
                "one ends. Write {hour}{minute}{second} for {time}, or a width such as {number:4}."
            )
    return tokens


def _part(layout: str, stated: str) -> _Token:
    match = _PART.fullmatch(stated)
    name = match["name"] if match else ""
    if match is None or name not in PARTS:
        known = ", ".join(f"{{{part}}}" for part in PARTS)
        raise ConfigurationError(f"The layout {layout!r} has {{{stated}}}; it may have {known}.")
    width, constant = int(match["width"] or 0), match["constant"]
    if (width and name not in _WIDE) or (constant is not None and name not in {"camera", "channel"}):
        raise ConfigurationError(f"The layout {layout!r} has {{{stated}}}, but {{{name}}} takes no such addition.")
    return _Token(name, width=width, constant=constant)


class _Regex:
    """A compiled piece of a pattern, and the names of what its groups read."""

    def __init__(self, body: str) -> None:
        self.regex = re.compile(body, re.DOTALL)
        self._groups = [
            (group, name.rpartition("_")[0].rstrip("_"))
            for name, group in self.regex.groupindex.items()
            if name != "whole" and "mark" not in name
        ]

    def spans(self, match: re.Match[str]) -> PathReading:
        """What was read."""
        found = [(name, *match.span(group)) for group, name in self._groups]
        return tuple([PartSpan(name, match.string[start:end], start, end) for name, start, end in found if start >= 0])


def _steps(tokens: list[_Token]) -> tuple[list[tuple[_Regex, _Regex]], _Regex]:
    """Pairs of (parts that take as much as there is, parts and text of a fixed form after them), and what ends it."""
    steps = []
    open_body, fixed_body = "", ""
    for number, token in enumerate(tokens):
        if token.is_open:
            if fixed_body:
                steps.append(_step(open_body, fixed_body))
                open_body, fixed_body = "", ""
            open_body += _number_groups(_OPEN[token.name], number)
        else:
            before = tokens[number - 1] if number else None
            fixed_body += _fixed_part(token, number, before, tokens[number + 1 : number + 3])
    if fixed_body:
        steps.append(_step(open_body, fixed_body))
        open_body = ""
    return steps, _Regex(open_body)


def _step(open_body: str, fixed_body: str) -> tuple[_Regex, _Regex]:
    # Looking ahead finds matches that overlap, too.
    return _Regex(open_body), _Regex(f"(?=(?P<whole>{fixed_body}))")


def _fixed_part(token: _Token, number: int, before: _Token | None, following: list[_Token]) -> str:
    if not token.name:
        return re.escape(token.text)
    after = following[0] if following else None
    body = _FIXED.get(token.name, "")
    beside_digits = any(near is not None and near.has_digits for near in (before, after))
    if token.width:
        body = rf"(?P<{token.name}>{_WIDE[token.name]}{{{token.width}}})"
    elif body == rf"(?P<{token.name}>{_SHORT})" and beside_digits:
        body = rf"(?P<{token.name}>\d\d)"  # {minute}{second}: nothing between them says where one ends
    if after is not None and not _ends_a_fraction(following):
        for fraction in (_FRACTION, _FRACTION.replace("<", "<end_"), _EPOCH_FRACTION):
            body = body.replace(fraction, "")
    body = _number_groups(body, number)
    # A date is not read out of the middle of a longer number, decimal or hexadecimal.
    if token.has_digits and before is not None and before.is_open:
        body = _NOT_IN_A_NUMBER + body
    if token.has_digits and after is not None and after.is_open and after.name != "ext":
        body += "(?![0-9A-Za-z])"
    return body


def _ends_a_fraction(following: list[_Token]) -> bool:
    """Whether what follows a time cannot be taken for a fraction of its seconds, as ``.192.168.1.10`` could."""
    text = following[0].text
    is_extension = text == "." and [token.name for token in following[1:]] == ["ext"]
    return is_extension or (bool(text) and text[0] not in ".,")


def _number_groups(body: str, number: int) -> str:
    """The same with the token's number in the names of its groups; a pattern may state a thing twice."""
    return re.sub(r"\(\?P([<=])(\w+)", lambda match: f"(?P{match[1]}{match[2]}_{number}", body)


def _lengths_of_open_parts(reading: PathReading) -> list[int]:
    return [len(span.text) for span in reading if span.name in _OPEN]
