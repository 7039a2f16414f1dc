"""The reason in a model's answer, and foreign text made fit to be shown and stored."""

import re
import unicodedata

MAX_RATIONALE_CHARS = 500
_JOINERS = "\u200c\u200d"  # spelling marks of Persian, Hindi and others, not formatting
_JSON_REASON = re.compile(
    r'"(?:reason(?:ing)?|rationale|explanation|description)"\s*:\s*"(?P<reason>(?:[^"\\]|\\.)*)"', re.IGNORECASE
)


def rationale_of(answer: str, start: int, end: int) -> str | None:
    """The reason in an answer whose score stands at ``start`` to ``end``.

    It is what a field of JSON calls the reason; else what follows the score, or precedes it.
    """
    if (named := _JSON_REASON.search(answer)) is not None:
        return clean_rationale(named["reason"].replace('\\"', '"'))
    before = answer[:start]
    sentences = before[: max(map(before.rfind, ".!?")) + 1] or before  # not "The score is"
    return clean_rationale(answer[end:]) or (clean_rationale(sentences) if " " in sentences.strip() else None)


def clean_rationale(text: str) -> str | None:
    """A reason as one printable line of at most ``MAX_RATIONALE_CHARS``; None when it says nothing."""
    line = one_line(text).lstrip(" .,:;-–—|*)]}\"'。、，：；）」").rstrip()
    if not any(c.isalpha() for c in line):
        return None
    return line if len(line) <= MAX_RATIONALE_CHARS else line[: MAX_RATIONALE_CHARS - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """``text`` without control, format and unassigned characters, on one line."""
    return " ".join("".join(c if _is_printable(c) else " " for c in text).split())


def visible(text: str) -> str:
    """``text`` without characters that show nothing, such as marks of the direction of writing."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c) != "Cf" or c in _JOINERS)


def _is_printable(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char)[0] not in "CZ"
