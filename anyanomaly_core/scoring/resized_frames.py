"""The images of a segment in the sizes that windows and contexts need, each resized once for all rules."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from anyanomaly_core.contexts import position, windows
from anyanomaly_core.contexts.resampling import Float01, Image
from anyanomaly_core.scoring.types import SegmentFrames


class ResizedFrames:
    """Resized frames of one segment; lives as long as its batch."""

    def __init__(self, segment: SegmentFrames) -> None:
        self.segment = segment
        self._cache: dict[tuple[str, int], NDArray[Any]] = {}

    def frame240(self, place: int) -> Image:
        """The frame at ``place`` in the segment as uint8 [240, 240, 3]."""
        return self._once("240", lambda image: _squash_square(image, windows.SIDE), place)

    def frame224(self, place: int) -> Image:
        """The frame at ``place`` in the segment as uint8 [224, 224, 3]."""
        return self._once("224", lambda image: _squash_square(image, position.SIDE), place)

    def reference_frame240(self, place: int) -> Float01:
        """The frame at ``place`` as float32 [240, 240, 3] in 0..1, resized the reference's way."""
        return self._once("reference 240", windows.reference_frame240, place)

    def reference_frame224(self, place: int) -> Image:
        """The frame at ``place`` as uint8 [224, 224, 3], resized the reference's way."""
        return self._once("reference 224", position.reference_frame224, place)

    def _once(self, name: str, make: Callable[[Image], NDArray[Any]], place: int) -> NDArray[Any]:
        if (name, place) not in self._cache:
            self._cache[name, place] = make(self.segment.images[place])
        return self._cache[name, place]


def _squash_square(image: Image, side: int) -> Image:
    from anyanomaly_core.models.squash import squash_one  # noqa: PLC0415  # torch: not for pages and commands without models

    return squash_one(image, side)
