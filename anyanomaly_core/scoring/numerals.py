"""Numbers in a model's answer: which of them are whole, and what is wrong with the others.

A number is read only where its end is certain. ``0`` followed by anything but an end that is listed here may be the
beginning of ``0.8`` in a spelling that nobody thought of; so what is unknown is a flaw, not a zero.

The grammar of a number: digits of any script without leading zeros, at most one decimal mark (point, comma, or the
full-width and Arabic forms of both), at most a small exponent, no blank inside. ``0.8/1`` is 0.8.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Characters that mean the same as an ASCII one, one for one, so that places in the text stay what they are.
_SAME = str.maketrans(
    {
        **dict.fromkeys("．﹒․٫", "."),
        **dict.fromkeys("，﹐", ","),
        **dict.fromkeys("：﹕", ":"),
        **dict.fromkeys("；﹔", ";"),
        **dict.fromkeys("％٪﹪", "%"),
        **dict.fromkeys("－﹣−", "-"),
        **dict.fromkeys("／⁄∕", "/"),
        **dict.fromkeys("＝﹦", "="),
        **dict.fromkeys("“”„‟«»「」『』＂", '"'),
        **dict.fromkeys("‘’＇", "'"),
        **dict(zip("＋＜＞（）［］｛｝｜！", "+<>()[]{}|!", strict=True)),
    }
)
_NUMERAL = re.compile(r"(?P<sign>[-+]?)(?P<body>\.?\d(?:[.,]?\d)*)(?P<exponent>[eE][-+]?\d{1,2}(?!\d))?")
_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:[.,]\d+)?|\.\d+")
_THOUSANDS = re.compile(r"[1-9]\d*,\d{3}")
_OF_ONE = re.compile(r"\s*(?:/|out of)\s*1(?:[.,]0+)?(?![\w%/])(?![.,]\d)", re.IGNORECASE)
_PERCENT = re.compile(r"\s*[%‰‱]")

_CLOSING = r"(?:}\$|[*_\"'`)\]}])*"  # marks behind a number that belong to what stands before it
_SPACE = r"[^\S\n]"
_WORD = re.compile(r"[^\W\d_][\w'-]*")
_END = re.compile(rf"{_CLOSING}\s*\Z")
_TAG = re.compile(  # of XML or a chat template, or the edge of a table
    rf"{_CLOSING}\s*(?:<[/|]?[a-z_][^<>\n]{{0,40}}>|\|)(?=\s*(?:\Z|[^\W\d]|[<|\"'*_(}}\]–—-]|[.,;:]\s))"
    r"(?!\s*[-–—.,;:]*\s*\d)",
    re.IGNORECASE,
)
_OPENING = r"[\s\"'*_`(\[{|#>•]*"  # marks in front of the words behind a number
_SENTENCE = re.compile(  # what may stand between a number and the words behind it
    rf"{_CLOSING}(?:{_SPACE}+[-–—:;!]+\s+|[–—](?=[^\W\d])|[.,;:!](?=[\s\"'*_`)\]}}|]|[^\W\d]|\Z)|[。、](?!\d)|{_SPACE}*\n"
    rf"|{_SPACE}*\((?=[^\W\d])){_OPENING}"
)
_BLANK = re.compile(rf"{_CLOSING}{_SPACE}+[\"'*_`(]*")
_SYMBOL = re.compile(rf"{_CLOSING}{_SPACE}+(?![-+*/^=<>±×÷~≈.,:;)|$€£¥]|\W{{0,5}}\.?\d)")  # apart from the number
_POINTS = re.compile(r"(?:分|点|點|점|です|입니다)(?!\w)")  # "0.8分"
_COUNT = re.compile(rf"\d+(?:\s*%|(?:{_SPACE}+|[.)]\s+)[^\W\d_])")  # "2 men", "2. Men": of the words, not another score
_ANOTHER = re.compile(r"(?:(?:or|and|to|maybe|perhaps)\s)?[\s\"'*_`]*[-+<>~]*\.?\d", re.IGNORECASE)
_REASON = {"because", "since"}
_SEVERAL = {"to", "or", "bis", "oder", "ou", "max", "maximum", "min", "minimum"}
_QUANTITY = {  # directly behind a number: it measures, explains the scale or is a part of something
    "of", "out", "means", "meaning", "represents", "stands", "denotes", "percent", "per", "pct", "prozent", "por",
    "pour",
    "m", "cm", "mm", "km", "meter", "meters", "metre", "metres", "feet", "ft", "inch", "inches", "miles", "px", "pixel",
    "pixels", "s", "ms", "sec", "secs", "second", "seconds", "minute", "minutes", "h", "hour", "hours", "fps", "hz",
    "kg", "g", "mph", "degrees", "times", "confident", "confidence", "certain", "certainty", "sure",
}  # fmt: skip
_DIGITS = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "point"}
_UNKNOWN_END = "does not end where a number ends"


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in a text, from ``start`` to ``end``, with what belongs to it ("0.8/1"). Either value or flaw is set."""

    start: int
    end: int
    is_whole: bool  # neither decimal mark nor exponent
    value: float | None
    flaw: str | None


def normal_form(text: str) -> str:
    """``text`` with digits and marks of all scripts as ASCII, character by character: places stay what they are."""
    plain = text.translate(_SAME)
    return plain if plain.isascii() else "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)


def numerals(text: str) -> Iterator[Numeral]:
    """All numbers of a text in normal form, flawed ones too."""
    place = 0
    while (found := _NUMERAL.search(text, place)) is not None:
        number = _read(text, found)
        yield number
        place = number.end


def numeral_at(text: str, place: int) -> Numeral | None:
    """The number that begins exactly at ``place`` of a text in normal form."""
    found = _NUMERAL.match(text, place)
    return None if found is None else _read(text, found)


def _read(text: str, found: re.Match[str]) -> Numeral:
    body, exponent = found["body"], found["exponent"] or ""
    is_whole = not exponent and "." not in body and "," not in body
    of_one = _OF_ONE.match(text, found.end())
    end = of_one.end() if of_one else found.end()
    behind = _flaw_behind_whole if is_whole and not of_one else _flaw_behind_decimal
    flaw = _flaw_of(found) or _flaw_before(text, found.start()) or _flaw_behind(text, end) or behind(text, end, body)
    value = None if flaw else float((body + exponent).replace(",", "."))
    return Numeral(found.start(), end, is_whole, value, flaw)


def _flaw_of(found: re.Match[str]) -> str | None:
    if found["sign"] == "-":
        return "is negative"
    before = found.string[found.start() - 1 : found.start()]  # "..8"
    dotted = before in {".", ","} and found["body"].startswith(".")
    if dotted or _THOUSANDS.fullmatch(found["body"]) or not _NUMBER.fullmatch(found["body"]):
        return "is not a decimal number"
    return None


def _flaw_before(text: str, start: int) -> str | None:
    before = text[max(0, start - 50) : start].rstrip()
    last = text[max(0, start - 50) : start].rstrip("_")[-1:]
    # Chinese and Japanese write no blank between words and numbers
    is_letter = last.isalnum() and (unicodedata.category(last) != "Lo" or unicodedata.numeric(last, None) is not None)
    if is_letter or (last and unicodedata.category(last)[0] == "M"):
        return "is part of a word"
    if before[-1:] in set("<≤≥≦≧±∓") or (before.endswith(">") and not re.search(r"(?:[-=]|<[^<>\n]{1,40})>$", before)):
        return "is a bound"
    return None


def _flaw_behind(text: str, end: int) -> str | None:
    return "is a percentage" if _PERCENT.match(text, end) else None


def _flaw_behind_decimal(text: str, end: int, _: str) -> str | None:
    """What is wrong with what follows a decimal; None where it is certain to end here."""
    if _END.match(text, end) or _TAG.match(text, end) or _POINTS.match(text, end):
        return None
    if (gap := _SENTENCE.match(text, end)) is not None:
        another = _ANOTHER.match(text, gap.end())
        is_score = another is not None and not _COUNT.match(text, another.end() - 1)
        return "is one of several" if is_score else None
    word = _word_behind(text, end)
    if word is None:
        return None if _SYMBOL.match(text, end) else _UNKNOWN_END
    if word[0].lower() in _QUANTITY:
        return "measures or explains something"
    several = word[0].lower() in _SEVERAL or re.compile(r"\s+\.?\d").match(text, word.end())
    return "is one of several" if several else None


def _flaw_behind_whole(text: str, end: int, body: str) -> str | None:
    """A 0 or 1 counts only where what follows can be neither the rest of a decimal nor what it counts."""
    if _END.match(text, end) or _TAG.match(text, end):
        return None
    gap = _SENTENCE.match(text, end)
    if gap is None:
        word = _word_behind(text, end)
        if word is None:
            return _UNKNOWN_END
        return None if word[0].lower() in _REASON else "counts or numbers something"
    if gap.end() == len(text):  # "1." can only become 1.0, "0." anything
        return None if body == "1" else _UNKNOWN_END
    word = _WORD.match(text, gap.end())
    is_apart = any(c.isspace() or c in "\"'([{|–—。、" for c in gap[0]) or unicodedata.category(text[gap.end()]) == "Lo"
    if word is None or not is_apart:
        return _UNKNOWN_END
    is_digit = unicodedata.numeric(word[0][0], None) is not None or word[0].lower() in _DIGITS
    return _UNKNOWN_END if body == "0" and is_digit else None


def _word_behind(text: str, end: int) -> re.Match[str] | None:
    blank = _BLANK.match(text, end)
    return None if blank is None else _WORD.match(text, blank.end())
