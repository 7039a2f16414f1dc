"""Text of models, file names and people, made harmless for a page.

The templates escape every value; what is left are characters that do something without being seen: control characters,
and marks that turn the direction of text, with which a file name can look like another.
"""

import unicodedata

LONGEST = 2000
_NEEDED = {"\u200c", "\u200d"}  # joiners that some scripts and emoji are spelled with


def inert(value: object, longest: int = LONGEST) -> str:
    """The value as text with unseen characters shown as ``[U+202E]``, cut with a note after ``longest`` characters."""
    text = "" if value is None else str(value)
    shown = "".join(_shown(character) for character in text[:longest])
    return shown if len(text) <= longest else f"{shown} … [cut after {longest:,} characters]"


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return f"[U+{ord(character):04X}]" if hidden and character not in _NEEDED else character
