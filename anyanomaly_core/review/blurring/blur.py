"""Blurring of faces or number plates in a clip, and in pictures of the same moments.

The blur cannot be undone: nine colours are left of each box.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.engine.progress import terminal_stages
from anyanomaly_core.errors import FootageError, StorageError
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.blurring.detector import NO_BOXES, BlurTarget, Boxes, Detector
from anyanomaly_core.review.blurring.faces import FaceDetector
from anyanomaly_core.review.blurring.text import TextDetector
from anyanomaly_core.review.blurring.tracks import MARGIN, enlarge, track_boxes

HOLD_S = 0.5  # a box stays for so long where nothing is detected
_CELLS = (3, 3)  # colours that are left across and down
_CLOCK = 90_000  # ticks a second
_DETECTORS: Mapping[BlurTarget, Callable[[], Detector]] = {"faces": FaceDetector, "plates": TextDetector}
_ENCODING = {"preset": "veryfast", "crf": "18", "g": "50"}


@dataclass(frozen=True, slots=True)
class BlurRegions:
    """The boxes that are blurred in a clip, frame by frame."""

    detectors: tuple[Detector, ...]
    first_frame: int  # of the clip, numbered as in its file
    size: tuple[int, int]  # width, height of the clip
    boxes: list[Boxes]  # for each frame of the clip [n, 4], in pixels
    frames_examined: int
    frames_with_detections: int

    def apply(
        self, number: int, frame: NDArray[np.uint8], picture: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """A picture, blurred where the clip is at this moment and where the frame itself has detections.

        Args:
            number: of the frame, in its file.
            frame: [H, W, 3].
            picture: the whole frame at another size, to be blurred in its place; None: the frame itself.
        """
        blurred = (frame if picture is None else picture).copy()
        at = number - self.first_frame
        of_clip = self.boxes[at] if 0 <= at < len(self.boxes) else NO_BOXES
        own = enlarge(np.concatenate([detector.detect(frame) for detector in self.detectors]), MARGIN)
        own_size = (frame.shape[1], frame.shape[0])
        _blur(blurred, np.concatenate([_shares(of_clip, self.size), _shares(own, own_size)]))
        return blurred


def detect_in_clip(
    clip: Path, times_s: NDArray[np.float64], first_frame: int, limits: Limits, targets: Sequence[BlurTarget]
) -> BlurRegions:
    """Search a clip for what is to be blurred.

    Args:
        clip: a local file.
        times_s: [n] of its frames.
        first_frame: number of its first frame in the file that it was cut from.
        limits: what decoding may use.
        targets: one or more.

    Raises:
        FootageError: it cannot be decoded, or does not have n frames.
    """
    detectors = tuple(_DETECTORS[target]() for target in targets)
    rate = 1 / max(1e-3, float(np.median(np.diff(times_s)))) if len(times_s) > 1 else 1.0
    steps = [max(1, int(rate / detector.frames_per_s)) for detector in detectors]
    detections: list[dict[int, Boxes]] = [{} for _ in detectors]
    size = (0, 0)
    frames = _frames(clip, len(times_s), limits)
    with terminal_stages() as stages:
        progress = stages(f"detecting {', '.join(targets)}", "frames")
        for number, image in frames:
            size = image.shape[1], image.shape[0]
            for found, detector, step in zip(detections, detectors, steps, strict=True):
                if number % step == 0 or number == len(times_s) - 1:
                    found[number] = detector.detect(image)
            progress(number + 1, len(times_s))
    holds = [max(step, round(HOLD_S * rate)) for step in steps]
    tracks = [track_boxes(found, len(times_s), hold, rate) for found, hold in zip(detections, holds, strict=True)]
    boxes = [np.concatenate(of_frame) for of_frame in zip(*tracks, strict=True)]
    examined = set().union(*detections)
    positive = {number for found in detections for number, boxes_of_frame in found.items() if len(boxes_of_frame)}
    return BlurRegions(detectors, first_frame, size, boxes, len(examined), len(positive))


def write_blurred_clip(
    clip: Path, times_s: NDArray[np.float64], regions: BlurRegions, target: Path, limits: Limits
) -> None:
    """Write a clip again, blurred, with the same frames at the same times. Raises FootageError, StorageError."""
    ticks = np.round((times_s - times_s[0]) * _CLOCK).astype(np.int64)
    try:
        with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
            stream = out.add_stream("libx264", options=_ENCODING)
            stream.width, stream.height = regions.size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = stream.time_base = Fraction(1, _CLOCK)
            stream.codec_context.thread_count = limits.threads
            before = -1
            for number, image in _frames(clip, len(times_s), limits):
                _blur(image, _shares(regions.boxes[number], regions.size))
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                before = max(before + 1, int(ticks[number]))  # times of broken files may stand still
                picture.pts, picture.time_base = before, Fraction(1, _CLOCK)
                out.mux(stream.encode(picture))
            out.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise StorageError(f"The blurred clip cannot be written: {error.strerror}.") from None


def _frames(clip: Path, count: int, limits: Limits) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    number = -1
    for number, frame in enumerate(decode(clip, limits=limits)):
        if number == count:
            break
        yield number, frame.image
    if number != count - 1:
        raise FootageError(f"The clip {clip.name} does not have the {count} frames that were cut. Nothing is exported.")


def _shares(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Boxes in shares of width and height."""
    shares: Boxes = boxes / np.array([*size, *size])
    return shares


def _blur(image: NDArray[np.uint8], shares: Boxes) -> None:
    """Blur boxes, given as shares of width and height, in place."""
    size = np.array([image.shape[1], image.shape[0]])
    for box in shares:
        left, top = np.floor(box[:2] * size).clip(0, size).astype(int)
        right, bottom = np.ceil(box[2:] * size).clip(0, size).astype(int)
        if left < right and top < bottom:
            cells = cv2.resize(image[top:bottom, left:right], _CELLS, interpolation=cv2.INTER_AREA)
            wide = (int(right - left), int(bottom - top))
            image[top:bottom, left:right] = cv2.resize(cells, wide, interpolation=cv2.INTER_LINEAR)
