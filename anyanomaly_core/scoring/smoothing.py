"""From segment scores to one score per frame, smoothed along a video (paper section 3.6; never across videos)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from anyanomaly_core.footage.pace import Pace, Stretch
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Smoothing
from anyanomaly_core.scoring.types import SegmentScore

Frames = NDArray[np.float32]  # [F] one score per source frame, NaN where there is none
CUT = 4.0  # the kernel ends at CUT sigmas


def frame_scores(
    segments: Sequence[Segment], scores: Sequence[SegmentScore | float | None], pace: Pace, smoothing: Smoothing
) -> Frames:
    """One score per source frame of a video for one rule, smoothed; NaN where unscored.

    Every frame of a segment takes the segment's score. A score with ``frame_scores`` (baseline) gives each sampled
    frame its own; the frames up to the next sample take it over.

    Args:
        segments: of one video, in any order; frames that belong to none stay NaN.
        scores: one per segment, same order; a score without value, or None, is unscored.
        pace: of the video's F frames.
        smoothing: how far.

    Returns:
        float32 [F].
    """
    return smooth(raw_frame_scores(segments, scores, pace.frame_count), pace, smoothing)


def raw_frame_scores(
    segments: Sequence[Segment], scores: Sequence[SegmentScore | float | None], frame_count: int
) -> Frames:
    """As ``frame_scores`` before smoothing: float32 [F]."""
    values = np.full(frame_count, np.nan, np.float32)
    for segment, score in zip(segments, scores, strict=True):
        if isinstance(score, SegmentScore) and score.frame_scores:
            _spread_samples(values, segment, score.frame_scores)
            continue
        value = score.score if isinstance(score, SegmentScore) else score
        values[segment.first_frame : segment.last_frame + 1] = np.nan if value is None else value
    return values


def smooth(values: Frames, pace: Pace, smoothing: Smoothing) -> Frames:
    """Gaussian smoothing of [F] values that leaves NaN out: a normalised convolution over the scored frames.

    A NaN stays NaN and takes no part in its neighbours' means. Beyond the first and last frame of the video, and of
    what lies between two holes, there is nothing either (no reflection): the kernel is cut off there and its weights
    rescaled. Results stay within the range of the values they are means of.

    Args:
        values: [F].
        pace: of these frames.
        smoothing: in seconds, a frame counts for as long as it lasts, so that footage of any rate is smoothed alike.
    """
    result = values.copy()
    for piece in pace.pieces:
        own = slice(piece[0].first_frame, piece[-1].first_frame + piece[-1].frame_count)
        if smoothing.in_seconds and len(piece) > 1:
            result[own] = _smooth_by_time(values[own], piece, smoothing.sigma)
        elif smoothing.in_seconds:
            interval = piece[0].interval_s
            result[own] = _smooth_by_frame(values[own], smoothing.sigma / interval if interval > 0 else 0.0)
        else:
            result[own] = _smooth_by_frame(values[own], smoothing.sigma)
    return result


def _smooth_by_frame(values: Frames, sigma: float) -> Frames:
    """[n] smoothed with a sigma in frames."""
    scored = np.isfinite(values)
    if sigma * CUT < 0.5 or not scored.any():  # noqa: PLR2004  # the kernel reaches no neighbour
        return values.copy()
    kept = np.where(scored, values, 0).astype(np.float64)
    total = gaussian_filter1d(kept, sigma, mode="constant", truncate=CUT)
    weight = gaussian_filter1d(scored.astype(np.float64), sigma, mode="constant", truncate=CUT)
    return _means(values, total, weight)


def _smooth_by_time(values: Frames, piece: Sequence[Stretch], sigma: float) -> Frames:
    """[n] smoothed with a sigma in seconds, where the rate changes on the way."""
    scored = np.isfinite(values)
    if sigma <= 0 or not scored.any():
        return values.copy()
    lasts = np.concatenate([np.full(stretch.frame_count, stretch.interval_s) for stretch in piece])  # [n]
    middles = np.cumsum(lasts) - lasts / 2
    weighed = np.where(scored, lasts, 0.0)
    weights = [weighed, np.where(scored, values, 0.0) * weighed]
    sums = [weights[0].copy(), weights[1].copy()]
    reach = np.searchsorted(middles, middles + CUT * sigma, side="right") - np.arange(len(middles))
    for lag in range(1, int(reach.max())):
        near = np.exp(-0.5 * ((middles[lag:] - middles[:-lag]) / sigma) ** 2) * (reach[:-lag] > lag)
        for total, weight in zip(sums, weights, strict=True):
            total[lag:] += near * weight[:-lag]
            total[:-lag] += near * weight[lag:]
    return _means(values, sums[1], sums[0])


def _means(values: Frames, total: NDArray[np.float64], weight: NDArray[np.float64]) -> Frames:
    """[n] weighted means where there is a value, within the range of all values."""
    scored = np.isfinite(values)
    result = np.full(values.shape, np.nan, np.float32)
    result[scored] = (total[scored] / weight[scored]).clip(np.nanmin(values), np.nanmax(values))
    return result


def _spread_samples(values: Frames, segment: Segment, samples: Sequence[float | None]) -> None:
    ends = [*segment.sampled[1:], segment.last_frame + 1]
    for start, end, sample in zip(segment.sampled, ends, samples, strict=True):
        values[start:end] = np.nan if sample is None else sample
