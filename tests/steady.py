"""Segments of made-up footage whose frames come evenly."""

from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.profile import SamplingSpec


def steady_segments(frames: int, size: int, step: int = 1) -> list[Segment]:
    """Every ``step``-th of so many frames is sampled, ``size`` samples are a segment; a sample is a second."""
    return split_into_segments(Pace.steady(frames, step), SamplingSpec(fps=1, segment_frames=size))
