"""Figures of events, counted by hand."""

import numpy as np
import pytest

from anyanomaly_core.evaluation.curves import ScoreCurve
from anyanomaly_core.evaluation.event_metrics import DELAY, FALSE_ALARMS, count_events, event_figures
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED
from anyanomaly_core.evaluation.measures import MEAN
from anyanomaly_core.evaluation.report.files import markdown
from anyanomaly_core.evaluation.variants import UNCHANGED
from anyanomaly_core.footage.pace import Pace
from tests.unit.evaluation.small_summary import small_summary

FPS = 10


def curve(row: int, seconds: int, shown: list[tuple[int, int]], high: list[tuple[int, int]]) -> ScoreCurve:
    """Seconds that show the class, and seconds with a high score; both ends exclusive."""
    labels, scores = np.zeros(seconds * FPS, np.int8), np.full(seconds * FPS, 0.1, np.float32)
    for begin, end in shown:
        labels[begin * FPS : end * FPS] = 1
    for begin, end in high:
        scores[begin * FPS : end * FPS] = 0.9
    return ScoreCurve(row, f"{row}.mp4", "cat", scores, labels, Pace.steady(seconds * FPS, FPS))


def figures(*curves: ScoreCurve, videos: int = 3) -> dict[str, float]:
    return {
        name: float(of[0]) for name, of in event_figures(count_events(curves, videos), np.ones((1, videos))).items()
    }


def test_events_are_matched_one_to_one_and_false_alarms_and_delays_counted() -> None:
    # 20 of 20 s from 2 s late: overlap 18/22. 4 of 40 s: 0.1. One missed. Two reports that overlap nothing.
    one = curve(0, 200, [(10, 30), (50, 90), (150, 160)], [(12, 32), (60, 64), (100, 105)])
    two = curve(1, 232, [], [(20, 40)])
    found = figures(one, two)
    assert found["event_recall_0.1"] == pytest.approx(2 / 3)
    assert found["event_precision_0.1"] == pytest.approx(2 / 4)
    assert found["event_f1_0.1"] == pytest.approx(4 / 7)
    assert found["event_recall_0.3"] == pytest.approx(1 / 3)
    assert found["event_f1_0.5"] == pytest.approx(2 / 7)
    assert found[FALSE_ALARMS] == pytest.approx(2 / (432 / 86_400))
    assert found[DELAY] == pytest.approx((2 + 10) / 2)


def test_an_event_reported_in_two_parts_counts_once_and_what_nobody_labelled_counts_for_nothing() -> None:
    parts = curve(0, 100, [(10, 50)], [(10, 28), (32, 50)])
    found = figures(parts)
    assert (found["event_recall_0.3"], found["event_precision_0.3"], found[FALSE_ALARMS]) == (1, 0.5, 0)
    parts.labels[60 * FPS :] = UNLABELLED
    parts.scores[70 * FPS : 80 * FPS] = 0.9
    assert figures(parts)[FALSE_ALARMS] == 0
    parts.scores[53 * FPS : 57 * FPS] = 0.9
    parts.scores[:5] = np.nan
    assert figures(parts)[FALSE_ALARMS] == pytest.approx(1 / (59.5 / 86_400))  # of the time that could have one


def test_events_of_a_video_that_could_not_be_scored_are_not_found() -> None:
    failed = curve(1, 100, [(10, 50)], [])
    failed.scores[:] = np.nan
    found = figures(curve(0, 100, [(10, 50)], [(10, 50)]), failed)
    assert (found["event_recall_0.5"], found["event_precision_0.5"]) == (0.5, 1)


def test_nothing_labelled_and_nothing_reported_is_no_figure_rather_than_a_zero() -> None:
    found = figures(curve(0, 60, [], []))
    assert np.isnan([found["event_precision_0.1"], found["event_recall_0.1"], found[DELAY]]).all()
    assert found[FALSE_ALARMS] == 0


def test_every_variant_has_them_and_the_report_says_them() -> None:
    summary = small_summary(["contexts"])
    for variant in summary.variants:
        assert summary.find(variant.name, MEAN, FALSE_ALARMS) is not None
        assert summary.find(variant.name, "cat", "event_f1_0.5") is not None
    assert summary.find(UNCHANGED, "dog", "event_recall_0.1") is not None
    said = markdown(summary)
    assert "## Events" in said
    assert "event F1 at 0.3" in said
