"""Foreign text made safe to show: what models wrote, what files are called, what people typed.

Templates escape markup. What remains are characters that act without being seen: control characters, and marks that
turn the direction of text, with which one file name can look like another.
"""

import unicodedata

MAX_CHARACTERS = 2000
_JOINERS = {"\u200c", "\u200d"}  # some scripts and emoji are spelled with them
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def display_text(value: object, max_characters: int = MAX_CHARACTERS) -> str:
    """The value as one line of text: invisible characters become ``[U+202E]``, and long text is cut with a note."""
    text = "" if value is None else str(value)
    visible = "".join(_visible(character) for character in text[:max_characters])
    return visible if len(text) <= max_characters else f"{visible} … [cut after {max_characters:,} characters]"


def _visible(character: str) -> str:
    if character in "\n\t":
        return " "
    invisible = unicodedata.category(character) in _INVISIBLE and character not in _JOINERS
    return f"[U+{ord(character):04X}]" if invisible else character
