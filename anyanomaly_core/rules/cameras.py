"""Cameras by id or pattern: one dialect, wherever cameras are chosen.

``*`` stands for anything, nothing included, ``?`` for one character; every other character stands for itself, brackets
included, and upper case is not lower case. The SQL function ``glob_matches`` says the same.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache


def matches(camera: str, patterns: Iterable[str]) -> bool:
    """Whether one of the ids or patterns means this camera; file names are chosen in the same way."""
    return any(_compile_pattern(pattern).fullmatch(camera) for pattern in patterns)


def resolve_pattern(pattern: str, cameras: Collection[str]) -> list[str]:
    """The cameras that an id or pattern means, in their order; an id means its own camera only, with ``*`` or not."""
    return [pattern] if pattern in cameras else [camera for camera in cameras if matches(camera, [pattern])]


def first_match(camera: str, patterns: Sequence[str]) -> int | None:
    """Place of the first id or pattern that means this camera; None: none does."""
    return next((place for place, pattern in enumerate(patterns) if matches(camera, [pattern])), None)


def unknown_patterns(patterns: Iterable[str], cameras: Collection[str]) -> list[str]:
    """The ids and patterns that mean none of these cameras, misspelt ones among them."""
    return [pattern for pattern in patterns if not resolve_pattern(pattern, cameras)]


@lru_cache(maxsize=1024)
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(character, re.escape(character)) for character in pattern), re.DOTALL)
