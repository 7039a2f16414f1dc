"""A pattern for names that no preset knows: what their digits may mean, and which folder or word is the camera."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_DATE = r"(?:19|20)\d\d(?P<d>[-_.]?)(?:0[1-9]|1[0-2])(?P=d)(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3])(?P<t>[-_.:])[0-5]\d(?P=t)[0-5]\d"
_BARE_CLOCK = r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\d{3})?"
_PIECES = re.compile(
    "|".join(
        (
            rf"(?P<datetime>(?<!\d){_DATE}[-_T .]?(?:{_CLOCK}|{_BARE_CLOCK})(?!\d))",
            r"(?P<offset>(?<=\d)(?:Z(?![A-Za-z])|[+-]\d\d[:_]?(?:00|15|30|45)(?!\d)))",
            r"(?P<clock12>(?<!\d)\d\d?\.\d\d?\.\d\d? ?[AaPp][Mm])",
            rf"(?P<date>(?<!\d){_DATE.replace('<d>', '<e>').replace('=d', '=e')}(?!\d))",
            r"(?P<short_date>(?<!\d)\d\d?(?P<s>[-_.])\d\d?(?P=s)(?:19|20)\d\d(?!\d))",
            rf"(?P<time>(?<!\d){_CLOCK.replace('<t>', '<u>').replace('=t', '=u')}(?!\d))",
            r"(?P<epoch_ms>(?<!\d)1\d{12}(?!\d))",
            r"(?P<epoch>(?<!\d)1\d{9}(?!\d))",
            r"(?P<hex>(?<![0-9A-Za-z])(?=[0-9A-Fa-f]*\d)(?=\d*[A-Fa-f])[0-9A-Fa-f]{4,}(?![0-9A-Za-z]))",
            r"(?P<digits>\d+)",
            r"(?P<word>[^\d_\-. ,()\[\]@+]+)",
            r"(?P<mark>.)",
        )
    ),
    re.DOTALL,
)
_TIMES = {
    "datetime",
    "date",
    "time",
    "epoch",
    "epoch_ms",
    "us_date",
    "eu_date",
    "clock12",
    "year",
    "month",
    "day",
    "hour",
}
_TIMES |= {"minute_second", "offset", "dst"} | {f"end_{name}" for name in ("datetime", "time", "epoch", "epoch_ms")}
_MOST_SHAPES = 3
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: str  # as in _TIMES; or number, hex, word, mark
    text: str

    @property
    def shape(self) -> str:
        """The piece as it stands in a pattern."""
        if self.kind in {"word", "mark"}:
            return self.text
        if self.kind == "clock12":
            return "{hour}.{minute}.{second}" + (" {ampm}" if " " in self.text else "{ampm}")
        if self.kind == "minute_second":
            return "{minute}" + self.text[2:-2] + "{second}"
        return f"{{{self.kind}}}"


_Segment = tuple[_Piece, ...]
_Name = tuple[_Segment, ...]  # the folders and the file's name without its extension


def infer(uris: Sequence[str], camera: str) -> str | None:
    """A layout for names of one or a few forms; None: no time can be found in them.

    Args:
        uris: of some files, spread over the archive.
        camera: what to call the camera where names have none.
    """
    short_date = _order_of_short_dates(uris)
    forms: defaultdict[tuple[object, ...], list[_Name]] = defaultdict(list)
    for uri in uris:
        name = tuple(_read(uri, short_date))
        form = tuple(tuple("text" if p.kind == "word" else p.shape for p in segment) for segment in name)
        forms[form].append(name)
    most = sorted(forms.values(), key=len, reverse=True)[:_MOST_SHAPES]
    patterns = [_pattern(names, camera) for names in most if _has_time(names[0])]
    return "|".join(dict.fromkeys(patterns)) or None


def _order_of_short_dates(uris: Sequence[str]) -> str:
    """Whether 3-1-2025 is the first of March: by dates that can be read in one way only, else by their marks."""
    dates = [
        re.split(r"([-_.])", match.group())
        for uri in uris
        for match in _matches(uri)
        if match.lastgroup == "short_date"
    ]
    if any(int(first) > _MONTHS for first, *_ in dates):
        return "eu_date"
    if any(int(second) > _MONTHS for _, _, second, *_ in dates):
        return "us_date"
    return "eu_date" if any(mark == "." for _, mark, *_ in dates) else "us_date"


def _read(uri: str, short_date: str) -> Iterable[_Segment]:
    """Each folder, and the name, as pieces with a meaning: that of digits depends on what stood before them."""
    path, known = PurePosixPath(uri), set[str]()
    parts = [*path.parent.parts, path.stem]
    for place, text in enumerate(parts):
        pieces = [_Piece(str(match.lastgroup), match.group()) for match in _matches(text)]
        dated = [_Piece(short_date, piece.text) if piece.kind == "short_date" else piece for piece in pieces]
        yield tuple(_meaning(dated, known, is_name=place == len(parts) - 1))


def _matches(text: str) -> Iterable[re.Match[str]]:
    return _PIECES.finditer(text)


def _meaning(pieces: list[_Piece], known: set[str], *, is_name: bool) -> list[_Piece]:
    if not is_name and [piece.kind for piece in pieces] == ["digits"]:
        return [_folder(pieces[0], known)]
    if is_name and "hour" in known and "minute" not in known:
        pieces = _minute_and_second(pieces)
    found = []
    for piece in pieces:
        meant = _digits(piece, known) if piece.kind == "digits" else piece
        if meant.kind in {"datetime", "time", "epoch", "epoch_ms"}:
            came_before = {"time", "datetime"} if meant.kind in {"time", "datetime"} else {meant.kind}
            meant = _Piece(f"end_{meant.kind}", meant.text) if came_before & known else meant
        if meant.kind == "word" and meant.text == "DST":
            meant = _Piece("dst", meant.text)
        known.add(meant.kind)
        found.append(meant)
    return found


def _folder(piece: _Piece, known: set[str]) -> _Piece:
    """A folder of nothing but digits: a year, and below it month, day and hour."""
    number, width = int(piece.text), len(piece.text)
    order = (("year", 4, 1990, 2099), ("month", 2, 1, 12), ("day", 2, 1, 31), ("hour", 2, 0, 23))
    for name, digits, least, most in order:
        has_day = {"date", "datetime", "us_date", "eu_date"} & known
        if name in known or (has_day and name != "hour"):
            continue
        if width == digits and least <= number <= most and (name == "year" or has_day or {"year"} <= known):
            known.add(name)
            return _Piece(name, piece.text)
        break
    return _Piece("number", piece.text)


def _digits(piece: _Piece, known: set[str]) -> _Piece:
    """Bare digits within a name: six after a date are a time, others anything."""
    has_day = {"date", "us_date", "eu_date", "day"} & known
    if has_day and re.fullmatch(_BARE_CLOCK, piece.text) and "end_time" not in known:
        return _Piece("time", piece.text)
    return _Piece("number", piece.text)


def _minute_and_second(pieces: list[_Piece]) -> list[_Piece]:
    """``35.12`` or ``3512`` at the beginning of a name, below a folder of the hour."""
    text = "".join(piece.text for piece in pieces)
    match = re.match(r"[0-5]\d(?:[-_.]?)[0-5]\d(?!\d)", text)
    if match is None:
        return pieces
    rest = [_Piece(str(other.lastgroup), other.group()) for other in _matches(text[match.end() :])]
    return [_Piece("minute_second", match.group()), *rest]


def _has_time(name: _Name) -> bool:
    kinds = {piece.kind for segment in name for piece in segment}
    day = {"date", "us_date", "eu_date"} & kinds or {"year", "month", "day"} <= kinds
    clock = {"time", "clock12"} & kinds or {"hour", "minute_second"} <= kinds
    return bool({"datetime", "epoch", "epoch_ms"} & kinds or (day and clock))


def _pattern(names: Sequence[_Name], camera: str) -> str:
    """The pattern of names of one form."""
    texts = [_common(segments) for segments in zip(*names, strict=True)]
    place, own = _camera_place(names)
    if place is not None:
        texts[place] = own
    pattern = "/".join(texts) + ".{ext}"
    return pattern if "{camera}" in pattern else f"{pattern} as {camera}"


def _common(segments: Sequence[_Segment]) -> str:
    """Pieces of the same places: words that differ become ``{any}``."""
    return "".join(
        pieces[0].shape if len({piece.shape for piece in pieces}) == 1 else "{any}"
        for pieces in zip(*segments, strict=True)
    )


def _camera_place(names: Sequence[_Name]) -> tuple[int | None, str]:
    """Which folder is the camera, or how the name begins or ends with it; and the pattern of that part."""
    folders = [place for place in range(len(names[0]) - 1) if not _TIMES & {piece.kind for piece in names[0][place]}]
    values = {place: Counter("".join(p.text for p in name[place]) for name in names) for place in folders}
    several = [place for place in folders if len(values[place]) > 1]
    last = len(names[0]) - 1
    begins, ends = _around_time([name[last] for name in names])
    if several:
        return several[-1], "{camera}"
    if begins or ends:
        return last, begins or ends
    if folders:
        return folders[-1], "{camera}"
    return None, ""


def _around_time(names: Sequence[_Segment]) -> tuple[str, str]:
    """The names' pattern with ``{camera}`` for the words before their first time, or after their last."""
    times = [place for place, piece in enumerate(names[0]) if piece.kind in _TIMES]
    if not times:
        return "", ""
    shapes = [_common([(piece,) for piece in pieces]) for pieces in zip(*names, strict=True)]
    before, after = times[0], times[-1] + 1
    marks = [piece.kind == "mark" for piece in names[0]]
    while before > 0 and marks[before - 1]:
        before -= 1
    numbers = [piece.kind == "number" and len(piece.text) >= len("073005") for piece in names[0]]
    while after < len(marks) and (marks[after] or numbers[after]):
        after += 1
    has_word = [piece.kind == "word" for piece in names[0]]
    begins = "{camera}" + "".join(shapes[before:]) if any(has_word[:before]) else ""
    ends = "".join(shapes[:after]) + "{camera}" if any(has_word[after:]) else ""
    return begins, ends
