"""Covering faces or number plates in a clip and in pictures of the same moments.

What is covered cannot be brought back: of each nine colours are left.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from anyanomaly_core.errors import FootageError, StorageError
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.blurring.detector import NONE, Boxes, Finder, Hidden
from anyanomaly_core.review.blurring.faces import FaceFinder
from anyanomaly_core.review.blurring.text import WritingFinder
from anyanomaly_core.review.blurring.tracks import MARGIN, covered, enlarged

HOLD_S = 0.5  # a box stays so long where nothing is found
_CELLS = (3, 3)  # colours that are left across and down
_CLOCK = 90_000  # ticks a second
_FINDERS: Mapping[Hidden, Callable[[], Finder]] = {"faces": FaceFinder, "plates": WritingFinder}
_QUALITY = {"preset": "veryfast", "crf": "18", "g": "50"}


@dataclass(frozen=True, slots=True)
class Covering:
    """What is covered in a clip, frame by frame."""

    finders: tuple[Finder, ...]
    first_frame: int  # of the clip, numbered as in its file
    size: tuple[int, int]  # width, height of the clip
    boxes: list[Boxes]  # for each frame of the clip [n, 4], in pixels
    looked_at: int  # frames
    found_in: int  # of those

    def cover(self, number: int, image: NDArray[np.uint8], shown: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """A picture with everything covered that was found at its moment in the clip, or in itself.

        Args:
            number: of the frame, in its file.
            image: [H, W, 3] the frame.
            shown: the whole frame in another size, to be covered in its place; none: the frame itself.
        """
        picture = (image if shown is None else shown).copy()
        at = number - self.first_frame
        of_clip = self.boxes[at] if 0 <= at < len(self.boxes) else NONE
        own = enlarged(np.concatenate([finder.find(image) for finder in self.finders]), MARGIN)
        own_size = (image.shape[1], image.shape[0])
        _cover(picture, np.concatenate([_shares(of_clip, self.size), _shares(own, own_size)]))
        return picture


def find_in_clip(
    clip: Path, times_s: NDArray[np.float64], first_frame: int, limits: Limits, hidden: Sequence[Hidden]
) -> Covering:
    """Look for what is to be hidden in a clip.

    Args:
        clip: a local file.
        times_s: [n] of its frames.
        first_frame: the number of its first frame in the file that it was cut from.
        limits: what decoding may use.
        hidden: what to look for, one or more.

    Raises:
        FootageError: it cannot be decoded, or has not n frames.
    """
    finders = tuple(_FINDERS[what]() for what in hidden)
    rate = 1 / max(1e-3, float(np.median(np.diff(times_s)))) if len(times_s) > 1 else 1.0
    steps = [max(1, int(rate / finder.looks_per_s)) for finder in finders]
    found: list[dict[int, Boxes]] = [{} for _ in finders]
    size = (0, 0)
    frames = _frames(clip, len(times_s), limits)
    for number, image in tqdm(frames, f"looking for {', '.join(hidden)}", len(times_s), unit="frame", disable=None):
        size = image.shape[1], image.shape[0]
        for of_finder, finder, step in zip(found, finders, steps, strict=True):
            if number % step == 0 or number == len(times_s) - 1:
                of_finder[number] = finder.find(image)
    holds = [max(step, round(HOLD_S * rate)) for step in steps]
    tracks = [covered(of_finder, len(times_s), hold, rate) for of_finder, hold in zip(found, holds, strict=True)]
    boxes = [np.concatenate(of_frame) for of_frame in zip(*tracks, strict=True)]
    looked_at = set().union(*found)
    found_in = {number for of_finder in found for number, some in of_finder.items() if len(some)}
    return Covering(finders, first_frame, size, boxes, len(looked_at), len(found_in))


def write_covered(clip: Path, times_s: NDArray[np.float64], covering: Covering, target: Path, limits: Limits) -> None:
    """Write a clip again, covered, with the same frames at the same times; raises FootageError, StorageError."""
    ticks = np.round((times_s - times_s[0]) * _CLOCK).astype(np.int64)
    try:
        with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
            stream = out.add_stream("libx264", options=_QUALITY)
            stream.width, stream.height = covering.size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = stream.time_base = Fraction(1, _CLOCK)
            stream.codec_context.thread_count = limits.threads
            before = -1
            for number, image in _frames(clip, len(times_s), limits):
                _cover(image, _shares(covering.boxes[number], covering.size))
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                before = max(before + 1, int(ticks[number]))  # times of broken files may stand still
                picture.pts, picture.time_base = before, Fraction(1, _CLOCK)
                out.mux(stream.encode(picture))
            out.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise StorageError(f"The covered clip cannot be written: {error.strerror}.") from None


def _frames(clip: Path, count: int, limits: Limits) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    number = -1
    for number, frame in enumerate(decode(clip, limits=limits)):
        if number == count:
            break
        yield number, frame.image
    if number != count - 1:
        raise FootageError(f"The clip {clip.name} has not the {count} frames that were cut; nothing is exported.")


def _shares(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Boxes in shares of width and height."""
    shares: Boxes = boxes / np.array([*size, *size])
    return shares


def _cover(image: NDArray[np.uint8], shares: Boxes) -> None:
    """Cover boxes, given as shares of width and height, in place."""
    size = np.array([image.shape[1], image.shape[0]])
    for box in shares:
        left, top = np.floor(box[:2] * size).clip(0, size).astype(int)
        right, bottom = np.ceil(box[2:] * size).clip(0, size).astype(int)
        if left < right and top < bottom:
            few = cv2.resize(image[top:bottom, left:right], _CELLS, interpolation=cv2.INTER_AREA)
            wide = (int(right - left), int(bottom - top))
            image[top:bottom, left:right] = cv2.resize(few, wide, interpolation=cv2.INTER_LINEAR)
