import math
from itertools import pairwise
from statistics import median

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.results.events import FrameRun, event_id, find_events
from anyanomaly_core.rules.definition import RuleDefinition

SECOND = 1_000_000


def rule(**changes: object) -> RuleDefinition:
    base = {"name": "r", "texts": ("t",), "threshold": 0.5, "min_duration_s": 0.0, "max_gap_s": 0.0}
    return RuleDefinition.model_validate({**base, **changes})


def length_before_hole(starts: list[int], i: int) -> int:
    """What a frame lasts where a hole follows; 0: none does."""
    steps = [b - a for a, b in pairwise(starts)]
    before, after = steps[max(0, i - 5) : i], steps[i + 1 : i + 6]
    usual = [median(side) for side in (before, after) if side]
    is_hole = steps[i] > SECOND and usual and steps[i] > 3 * max(usual)
    return round(usual[0]) if is_hole else 0


def naive(
    scores: list[float], starts: list[int], ends: list[int], r: RuleDefinition, counted: list[bool]
) -> list[FrameRun]:
    """Frame by frame, as a person with a pencil would."""
    ends = [
        starts[i] + lasts if i + 1 < len(starts) and (lasts := length_before_hole(starts, i)) else end
        for i, end in enumerate(ends)
    ]
    high, low = np.float32(r.threshold), np.float32(r.threshold if r.release_threshold is None else r.release_threshold)
    runs: list[list[int]] = []
    inside = False
    for i, score in enumerate(scores):
        holds = counted[i] and not math.isnan(score) and np.float32(score) >= low
        begins = holds and np.float32(score) >= high
        if inside and holds and (starts[i] - ends[i - 1]) / SECOND <= r.max_gap_s:
            runs[-1][1] = i
        elif begins:
            runs.append([i, i])
            inside = True
        else:
            inside = False
    merged: list[list[int]] = []
    for run in runs:
        if merged and (starts[run[0]] - ends[merged[-1][1]]) / SECOND <= r.max_gap_s:
            merged[-1][1] = run[1]
        else:
            merged.append(list(run))
    found = []
    for first, last in merged:
        if (ends[last] - starts[first]) / SECOND < r.min_duration_s:
            continue
        peak = first
        for i in range(first, last + 1):
            if counted[i] and not math.isnan(scores[i]) and scores[i] > scores[peak]:
                peak = i
        found.append(FrameRun(first, last, peak))
    return found


levels = st.sampled_from([math.nan, 0.0, 0.2, 0.3, 0.45, 0.5, 0.6, 0.7, 1.0])


@given(
    frames=st.lists(st.tuples(levels, st.sampled_from([1, 2, 4, 8, 40]), st.integers(0, 9)), min_size=1, max_size=60),
    thresholds=st.tuples(st.sampled_from([0.0, 0.3, 0.5, 0.7]), st.sampled_from([0.0, 0.2, 0.3, 0.5])).filter(
        lambda t: t[0] >= t[1]
    ),
    release=st.booleans(),
    gap=st.sampled_from([0.0, 0.125, 0.5, 2.0]),
    duration=st.sampled_from([0.0, 0.125, 0.5, 2.0]),
)
def test_as_a_naive_loop_finds_them(
    frames: list[tuple[float, int, int]], thresholds: tuple[float, float], release: bool, gap: float, duration: float
) -> None:
    scores = [np.float32(frame[0]).item() for frame in frames]
    edges = np.concatenate([[0], np.cumsum([frame[1] for frame in frames])]) * SECOND // 8  # eighths of a second
    counted = [frame[2] > 0 for frame in frames]
    r = rule(
        threshold=thresholds[0],
        release_threshold=thresholds[1] if release else None,
        max_gap_s=gap,
        min_duration_s=duration,
    )
    found = find_events(np.array(scores, np.float32), edges[:-1], edges[1:], r, np.array(counted))
    assert found == naive(scores, edges[:-1].tolist(), edges[1:].tolist(), r, counted)


def find(scores: list[float], **changes: object) -> list[tuple[int, int, int]]:
    edges = np.arange(len(scores) + 1, dtype=np.int64) * SECOND
    found = find_events(
        np.array(scores, np.float32), edges[:-1], edges[1:], rule(**changes), np.ones(len(scores), bool)
    )
    return [(run.first, run.last, run.peak) for run in found]


def test_nothing_bridges_a_hole() -> None:
    """4 s of footage in two parts, 68 s apart: two events of 2 s, or one where the rule allows such gaps."""
    starts = np.arange(100, dtype=np.int64) * 40_000
    starts[50:] += 68 * SECOND
    ends = np.append(starts[1:], starts[-1] + 40_000)

    def found(**changes: object) -> list[FrameRun]:
        return find_events(np.full(100, 0.9, np.float32), starts, ends, rule(**changes), np.ones(100, bool))

    assert found(max_gap_s=1) == [FrameRun(0, 49, 0), FrameRun(50, 99, 50)]
    assert found(max_gap_s=1, min_duration_s=2) == [FrameRun(0, 49, 0), FrameRun(50, 99, 50)]
    assert found(max_gap_s=1, min_duration_s=2.1) == []
    assert found(max_gap_s=68) == [FrameRun(0, 99, 0)]


def test_by_hand() -> None:
    scores = [0.1, 0.4, 0.6, 0.4, 0.7, 0.1, 0.1, 0.9, 0.2]
    assert find(scores) == [(2, 2, 2), (4, 4, 4), (7, 7, 7)]
    assert find(scores, release_threshold=0.3) == [(2, 4, 4), (7, 7, 7)]
    assert find(scores, release_threshold=0.3, min_duration_s=2) == [(2, 4, 4)]
    assert find(scores, release_threshold=0.3, max_gap_s=2) == [(2, 7, 7)]
    assert find([math.nan, 0.8, math.nan, 0.9]) == [(1, 1, 1), (3, 3, 3)]
    assert find([0.7] * 3, threshold=0.7) == [(0, 2, 0)]
    assert find([math.nan] * 3) == []
    assert find([]) == []


@given(st.lists(levels, min_size=1, max_size=60), st.sampled_from([0.1, 0.3, 0.5]))
def test_an_event_keeps_its_id_when_the_threshold_falls(scores: list[float], lower: float) -> None:
    """Every event at 0.6 either is found with the same id, or is part of one with a peak at least as high."""
    after = find(scores, threshold=lower)
    for first, last, peak in find(scores, threshold=0.6):
        around = [event for event in after if event[0] <= first and last <= event[1]]
        assert len(around) == 1
        assert around[0][2] == peak or scores[around[0][2]] >= scores[peak]
        assert event_id("r", "x", peak) == event_id("r", "x", peak)
