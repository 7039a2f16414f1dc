"""Charts: gaps stay gaps, peaks stay peaks however long the clip is, and tables say the same."""

import json

from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.review.charts import precision_chart, score_chart
from anyanomaly_core.review.thresholds import precision_recall_points


def test_a_gap_is_no_score_and_never_a_zero() -> None:
    times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    chart = score_chart(
        times, [0.5, 0.5, None, None, 1.0, 1.0], length_s=5.0, event=(4.0, 5.0), peak_s=4.0, threshold=0.6
    )
    assert chart.scores == [0.5, 0.5, None, None, 1.0, 1.0]
    assert chart.times_s == times
    assert (chart.event, chart.threshold) == ((4.0, 5.0), 0.6)
    assert [score for _, score in chart.steps] == chart.scores
    assert json.loads(json.dumps(chart.data, allow_nan=False))["scores"][2] is None


def test_a_long_clip_keeps_its_peak_in_few_points_and_few_rows() -> None:
    frames = 200_000
    scores: list[float | None] = [0.25] * frames
    scores[123_456] = 1.0
    chart = score_chart(
        [n / 25 for n in range(frames)], scores, length_s=frames / 25, event=(0, 1), peak_s=0, threshold=0.5
    )
    assert len(chart.times_s) <= 1001
    assert chart.scores.count(1.0) == 1
    at = chart.times_s[chart.scores.index(1.0)]
    assert abs(at - 123_456 / 25) <= frames / 25 / 1000, "the high frame stays where it is"
    assert len(chart.steps) <= 31
    assert max(score or 0 for _, score in chart.steps) == 1.0
    assert score_chart([], [], length_s=0.0, event=(0, 0), peak_s=0, threshold=0.5).times_s == []


@given(scores=st.lists(st.none() | st.floats(0, 1), max_size=200), rate=st.floats(1, 60))
def test_nothing_is_higher_or_lower_than_the_frames(scores: list[float | None], rate: float) -> None:
    chart = score_chart(
        [n / rate for n in range(len(scores))],
        scores,
        length_s=len(scores) / rate,
        event=(0, 1),
        peak_s=0,
        threshold=0.5,
    )
    known = [score for score in scores if score is not None]
    drawn = [score for score in chart.scores if score is not None]
    assert max(drawn, default=None) == (round(max(known), 4) if known else None)
    assert sorted(chart.times_s) == chart.times_s
    assert bool(drawn) == bool(known)


def test_precision_is_drawn_from_under_the_lowest_threshold_that_matters() -> None:
    peaks, real = [0.62, 0.71, 0.8, 0.93], [False, True, True, True]
    chart = precision_chart(precision_recall_points(peaks, real), 0.6, 0.71)
    assert chart is not None
    assert (chart.begin, chart.in_force, chart.suggested) == (0.6, 0.6, 0.71)
    assert chart.precision == [0.75, 1.0, 1.0, 1.0]
    assert chart.recall == [1.0, 1.0, 0.6667, 0.3333]
    assert all(low <= p <= high for low, p, high in zip(chart.low, chart.precision, chart.high, strict=True))
    assert precision_chart((), 0.5, None) is None


def test_thousands_of_verdicts_give_few_points_with_the_first_and_the_last() -> None:
    peaks = [n / 5000 for n in range(5000)]
    points = precision_recall_points(peaks, [n % 2 == 0 for n in range(5000)])
    chart = precision_chart(points, 0.0, None)
    assert chart is not None
    assert len(chart.thresholds) <= 151
    assert (chart.thresholds[0], chart.thresholds[-1]) == (0.0, round(peaks[-1], 4))
    assert len(chart.rows) <= 31
