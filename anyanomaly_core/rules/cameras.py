"""Cameras by name or pattern: one dialect, wherever cameras are chosen.

``*`` stands for anything, nothing included, ``?`` for one character; every other character stands for itself, brackets
and upper case included. A name that is a camera's own always means that camera.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache


def matches(camera: str, patterns: Iterable[str]) -> bool:
    """Whether one of the names or patterns means this camera."""
    return any(pattern == camera or _compiled(pattern).fullmatch(camera) for pattern in patterns)


def first_match(camera: str, patterns: Sequence[str]) -> int | None:
    """Place of the first name or pattern that means this camera; None: none does."""
    return next((place for place, pattern in enumerate(patterns) if matches(camera, [pattern])), None)


def unmatched(patterns: Iterable[str], cameras: Collection[str]) -> list[str]:
    """The names and patterns that mean none of these cameras, misspelt ones among them."""
    return [pattern for pattern in patterns if not any(matches(camera, [pattern]) for camera in cameras)]


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(character, re.escape(character)) for character in pattern), re.DOTALL)
