"""The encode stage: frames once per segment, windows once per frame that a rule needs; nothing depends on a rule.

What comes out is rounded to 16-bit floats before anything is made of it, so that a score does not change when the
embeddings come from the store (``engine/embeddings.py``) instead. Under ``reference_preprocessing`` nothing is
rounded and nothing kept.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from PIL import Image as PilImage

from anyanomaly_core.contexts import windows
from anyanomaly_core.contexts.windows import WindowScale
from anyanomaly_core.models.protocols import Embeddings, Image, ImageTextEncoder
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.types import SegmentFrames
from anyanomaly_core.scoring.window_plan import WindowPlan

MissingWindow = tuple[WindowPlan, int, int]

STORED_DTYPE = np.float16  # how embeddings are kept
WINDOWS_PER_CALL = 1024  # bounds what is held at once


def segment_problem(segment: SegmentFrames) -> str | None:
    """Why a segment cannot be scored; None when it can."""
    sampled, images = len(segment.segment.sampled), segment.images
    if not images or len(images) != sampled:
        return f"only {len(images)} of {sampled} sampled frames were decoded"
    for number, image in zip(segment.segment.sampled, images, strict=True):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:  # noqa: PLR2004
            return f"frame {number} is no RGB image: {image.dtype} {image.shape}"
    return None


def encode_frames(
    encoder: ImageTextEncoder, segments: Sequence[SegmentFrames], *, reference: bool = False
) -> list[Embeddings]:
    """Embeddings of all sampled frames, [n, d] per segment, from one call of the encoder.

    Args:
        encoder: of the profile.
        segments: of one or several videos.
        reference: cut the middle square out of each frame, as CLIP's own preprocessing and so the reference
            implementation does; else the whole frame is squashed to a square, so that nothing at its sides is missed.
    """
    if not segments:
        return []
    images = [image for segment in segments for image in segment.images]
    if reference:
        images = [centre_square(image, encoder.image_size) for image in images]
    embeddings = encoder.encode_images(images)
    embeddings = embeddings if reference else round_to_stored(embeddings)
    ends = np.cumsum([len(segment.images) for segment in segments])
    return np.split(embeddings, ends[:-1])


def encode_missing_frames(
    encoder: ImageTextEncoder, segments: Sequence[SegmentFrames], *, reference: bool = False
) -> None:
    """Fill ``SegmentFrames.encoded.frames`` where it is empty, with one call of the encoder; see ``encode_frames``."""
    missing = [segment for segment in segments if not len(segment.encoded.frames)]
    for segment, rows in zip(missing, encode_frames(encoder, missing, reference=reference), strict=True):
        segment.encoded.frames = rows


def encode_windows(
    encoder: ImageTextEncoder,
    segments: Sequence[ResizedFrames],
    positions: Sequence[Collection[int]],
    scales: Sequence[WindowScale],
    *,
    same_level: float = 0,
    reference: bool = False,
) -> list[dict[int, Embeddings]]:
    """Embeddings of the windows of the frames at ``positions`` of each segment: position -> [K, d].

    Args:
        encoder: of the profile.
        segments: of one or several videos; windows they know already (``encoded.windows``) are not encoded again.
        positions: per segment, which of its frames.
        scales: the window scales, K windows in all.
        same_level: ``contexts.same_level`` of the profile.
        reference: feed windows as plain RGB 0..1 without mean and standard deviation, all of them.
    """
    if reference:
        return _encode_reference_windows(encoder, segments, positions, scales)
    plans = [WindowPlan(one, wanted, scales, same_level) for one, wanted in zip(segments, positions, strict=True)]
    missing_windows = [(plan, place, window) for plan in plans for place, window in plan.missing]
    for part in _parts(missing_windows, WINDOWS_PER_CALL):
        crops = [plan.crop(place, window) for plan, place, window in part]
        for (plan, place, window), row in zip(part, round_to_stored(encoder.encode_images(crops)), strict=True):
            plan.add(place, window, row)
    return [plan.rows() for plan in plans]


def round_to_stored(embeddings: Embeddings) -> Embeddings:
    """Rounded to the 16 bits that are kept of each number: relative error at most 2^-11."""
    return embeddings.astype(STORED_DTYPE).astype(np.float32)


def centre_square(image: Image, side: int) -> Image:
    """CLIP's own preprocessing: shorter side to ``side`` (bicubic), then the middle square, uint8 [side, side, 3]."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    size = int(side * width / shorter), int(side * height / shorter)
    resized = PilImage.fromarray(image).resize(size, PilImage.Resampling.BICUBIC)
    left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
    return np.asarray(resized.crop((left, top, left + side, top + side)))


def _encode_reference_windows(
    encoder: ImageTextEncoder,
    segments: Sequence[ResizedFrames],
    positions: Sequence[Collection[int]],
    scales: Sequence[WindowScale],
) -> list[dict[int, Embeddings]]:
    """Frame by frame: the reference resizes all windows of a scale at once."""
    side = encoder.image_size
    return [
        {p: encoder.encode_pixels(windows.reference_pixels(one.reference_frame240(p), scales, side)) for p in sorted(w)}
        for one, w in zip(segments, positions, strict=True)
    ]


def _parts(missing_windows: list[MissingWindow], size: int) -> Iterator[list[MissingWindow]]:
    for start in range(0, len(missing_windows), size):
        yield missing_windows[start : start + size]
