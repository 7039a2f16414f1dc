"""From segment scores to one score per frame, smoothed along a video (paper section 3.6; never across videos)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.scoring.types import SegmentScore

Frames = NDArray[np.float32]  # [F] one score per source frame, NaN where there is none
CUT = 4.0  # the kernel ends at CUT sigmas


def frame_scores(
    segments: Sequence[Segment], scores: Sequence[SegmentScore | float | None], frame_count: int, sigma: float
) -> Frames:
    """One score per source frame of a video for one rule, smoothed; NaN where unscored.

    Every frame of a segment takes the segment's score. A score with ``frame_scores`` (baseline) gives each sampled
    frame its own; the frames up to the next sample take it over.

    Args:
        segments: of one video, in any order; frames that belong to none stay NaN.
        scores: one per segment, same order; a score without value, or None, is unscored.
        frame_count: F, frames of the video.
        sigma: of the Gaussian, in source frames; 0: no smoothing.

    Returns:
        float32 [F].
    """
    return smooth(unsmoothed(segments, scores, frame_count), sigma)


def unsmoothed(segments: Sequence[Segment], scores: Sequence[SegmentScore | float | None], frame_count: int) -> Frames:
    """As ``frame_scores`` before smoothing: float32 [F]."""
    values = np.full(frame_count, np.nan, np.float32)
    for segment, score in zip(segments, scores, strict=True):
        if isinstance(score, SegmentScore) and score.frame_scores:
            _spread_samples(values, segment, score.frame_scores)
            continue
        value = score.score if isinstance(score, SegmentScore) else score
        values[segment.first_frame : segment.last_frame + 1] = np.nan if value is None else value
    return values


def smooth(values: Frames, sigma: float) -> Frames:
    """Gaussian smoothing of [F] values that leaves NaN out: a normalised convolution over the scored frames.

    A NaN stays NaN and takes no part in its neighbours' means. Beyond the first and last frame of the video there
    is nothing either (no reflection): the kernel is cut off there and its weights rescaled. Results stay within the
    range of the values they are means of.
    """
    scored = np.isfinite(values)
    if sigma * CUT < 0.5 or not scored.any():  # noqa: PLR2004  # the kernel reaches no neighbour
        return values.copy()
    kept = np.where(scored, values, 0).astype(np.float64)
    total = gaussian_filter1d(kept, sigma, mode="constant", truncate=CUT)
    weight = gaussian_filter1d(scored.astype(np.float64), sigma, mode="constant", truncate=CUT)
    result = np.full(values.shape, np.nan, np.float32)
    result[scored] = (total[scored] / weight[scored]).clip(np.nanmin(values), np.nanmax(values))
    return result


def _spread_samples(values: Frames, segment: Segment, samples: Sequence[float | None]) -> None:
    ends = [*segment.sampled[1:], segment.last_frame + 1]
    for start, end, sample in zip(segment.sampled, ends, samples, strict=True):
        values[start:end] = np.nan if sample is None else sample
