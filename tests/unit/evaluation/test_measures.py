"""Figures that cannot flatter: who is counted, what is left out and said, and when there is an interval at all."""

from pathlib import Path

import numpy as np
import pytest

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.curves import ANY, ScoreCurve, labelled_scores
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, FrameLabels, LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.measures import AP, AUC, MEAN, Measure
from anyanomaly_core.evaluation.metrics import average_precision, roc_auc
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.protocols import REFERENCE
from anyanomaly_core.evaluation.report.files import markdown
from anyanomaly_core.evaluation.report.page import render_evaluation_page
from anyanomaly_core.evaluation.report.tables import MARK
from anyanomaly_core.evaluation.summary import Predictions, Summary, summarize
from anyanomaly_core.evaluation.variants import UNCHANGED, Variant, ablation
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.profile import load_profile
from tests.unit.evaluation.small_summary import columns, provenance, small_summary

RNG = np.random.default_rng(3)


def measure(
    summary: Summary, label: str, metric: str = AUC, variant: str = UNCHANGED, protocol: str = "honest"
) -> Measure:
    found = summary.find(variant, label, metric, protocol)
    assert found is not None
    return found


def variants() -> list[Variant]:
    """The profile without smoothing, and its key frame alone."""
    profile = load_profile("demo")
    scoring = profile.scoring.model_copy(update={"smoothing_sigma": 0.0})
    unsmoothed = profile.model_copy(update={"scoring": scoring})
    return [variant for variant in ablation(unsmoothed, ["contexts"]) if variant.name in {UNCHANGED, "key frame alone"}]


def archive_of(shown_in: dict[str, int], videos: int = 6, frames: int = 40) -> tuple[LabelledArchive, Predictions]:
    """Each class is shown in so many of the videos, in frames 10 to 19."""
    labelled, predictions = [], []
    for number in range(videos):
        labels = {
            name: FrameLabels(((10, 19),) if number < count else (), frames=frames) for name, count in shown_in.items()
        }
        labelled.append(LabelledVideo(f"{number}.mp4", Path("none"), labels))
        own = {name: columns(frames, slice(10, 20)) for name in shown_in}
        predictions.append((labelled[-1], [VideoPredictions(Pace.steady(frames, 25), own)] * 2))
    return LabelledArchive("yard", {name: (name,) for name in shown_in}, tuple(labelled)), predictions


def test_unknown_frames_are_left_out_not_zero() -> None:
    labels = np.array([1, 1, 0, 0, UNLABELLED], np.int8)
    scores = np.array([0.9, np.nan, 0.2, np.nan, 0.99], np.float32)
    counted = labelled_scores([ScoreCurve(3, "a.mp4", "cat", scores, labels)])
    assert counted.positive.tolist() == [True, False]
    assert counted.score == pytest.approx([0.9, 0.2])
    assert counted.video.tolist() == [3, 3]


def test_every_class_the_mean_and_any_are_measured() -> None:
    summary = small_summary([])
    cat, dog, mean = (measure(summary, name) for name in ("cat", "dog", MEAN))
    assert mean.value == pytest.approx((cat.value + dog.value) / 2)
    assert (cat.basis.videos, cat.basis.frames, mean.basis.classes) == (3, 3 * 70 - 24, 2)
    both = measure(summary, ANY, AP)
    assert both.basis.positives == 3 * 40 - 14, "frames 10 to 23 of the last video have no score for the cat"


def test_what_could_not_count_is_counted() -> None:
    counts = small_summary([]).counts[UNCHANGED]
    assert (counts.counted, counts.unscored, counts.unlabelled) == (2 * 3 * 70 - 24, 24, 2 * 3 * 10)
    assert (counts.rows, counts.rows_failed) == (24, 3)


def test_an_equal_variant_differs_by_nothing_and_comparisons_are_paired() -> None:
    summary = small_summary(["contexts", "smoothing"])
    for variant in summary.variants[1:]:
        found, base = measure(summary, MEAN, variant=variant.name), measure(summary, MEAN)
        assert found.difference == pytest.approx(found.value - base.value)
        assert found.difference_interval is not None
        assert found.difference_interval.low <= found.difference <= found.difference_interval.high


def test_an_interval_needs_three_videos_that_show_the_class() -> None:
    archive, predictions = archive_of({"common": 4, "rare": 2, "once": 1})
    summary = summarize(archive, variants(), predictions, provenance(variants(), 200))
    for metric in (AUC, AP):
        assert measure(summary, "common", metric).interval is not None
        for label in ("rare", "once", MEAN):
            found = measure(summary, label, metric, "key frame alone")
            assert (found.interval, found.difference_interval) == (None, None), "the mean has none that a class lacks"
    assert "better" not in markdown(summary).replace("`better`", "")


def test_an_interval_needs_three_videos_with_normal_frames() -> None:
    archive, predictions = archive_of({"cat": 6})
    whole = FrameLabels(((0, 39),), frames=40)  # nothing else is ever shown
    videos = [
        video if n < 2 else LabelledVideo(video.name, video.path, {"cat": whole})
        for n, video in enumerate(archive.videos)
    ]
    predictions = [(video, versions) for video, (_, versions) in zip(videos, predictions, strict=True)]
    summary = summarize(archive, variants(), predictions, provenance(variants(), 200))
    assert measure(summary, "cat").interval is None


def test_resamples_of_the_mean_hold_the_same_classes() -> None:
    """A class that is shown in 3 of 12 videos is in most resamples; where it is not, there is no mean."""
    archive, predictions = archive_of({"common": 12, "rare": 3}, videos=12)
    for _, (own, _) in predictions:
        own.columns["rare"]["score"][:] = RNG.random(40) * 0.2  # found badly
        own.columns["common"]["score"][10:20] = 1.0  # found always: a mean of it alone would be 1
    summary = summarize(archive, variants(), predictions, provenance(variants(), 400))
    mean = measure(summary, MEAN)
    assert mean.interval is not None
    assert mean.interval.high < 0.9


def test_a_difference_is_over_the_classes_that_both_have() -> None:
    archive, predictions = archive_of({"easy": 4, "hard": 4})
    changed = []
    for video, (own, _) in predictions:
        own.columns["easy"]["key"][10:20] = own.columns["easy"]["score"][10:20] = 1.0
        other = {
            name: {part: values.copy() for part, values in part_of.items()} for name, part_of in own.columns.items()
        }
        for values in other["hard"].values():
            values[:] = np.nan  # the variant could not answer this class at all
        changed.append((video, [own, VideoPredictions(Pace.steady(40, 25), other)]))
    summary = summarize(archive, variants(), changed, provenance(variants()))
    found = measure(summary, MEAN, variant="key frame alone")
    assert found.basis.classes == 1
    assert found.value != measure(summary, MEAN).value, "of the easy class alone, which the profile finds as well"
    assert found.difference == pytest.approx(0.0)
    assert "1 without a figure" not in markdown(summary).split("What helps")[0], "the profile has both"


def flattered() -> Summary:
    """76 frames show the class; those of 62 have no score."""
    labels = FrameLabels(((4, 79),), frames=200)
    own = columns(200, slice(4, 80))
    for values in own.values():
        values[18:80] = np.nan
    video = LabelledVideo("a.mp4", Path("none"), {"fall": labels})
    archive = LabelledArchive("yard", {"fall": ("a person who falls",)}, (video,))
    return summarize(
        archive,
        variants(),
        [(video, [VideoPredictions(Pace.steady(200, 25), {"fall": own})] * 2)],
        provenance(variants()),
    )


def test_frames_that_have_no_score_stand_beside_the_figure() -> None:
    summary = flattered()
    for label, metric, of in (("fall", AUC, roc_auc), ("fall", AP, average_precision), (MEAN, AUC, roc_auc)):
        found = measure(summary, label, metric)
        assert (found.basis.positives, found.basis.unscored_positives, found.basis.unscored_negatives) == (14, 62, 0)
        [curve] = summary.curves
        last = np.where(curve.scored, curve.scores, -np.arange(1.0, len(curve.scores) + 1))  # each behind all others
        least = of(curve.labels == 1, last.astype(np.float64))
        assert found.worst == pytest.approx(least), "as if all 62 had been ranked last"
        assert found.worst < found.value - 0.3
    assert measure(summary, "fall", protocol=REFERENCE).basis.unscored_positives == 62
    for text in (markdown(summary), render_evaluation_page(summary)):
        assert f"{measure(summary, 'fall').value:.3f} {MARK}" in text
        assert "62 of 76 frames that show the class have no score" in text
        assert f"at worst {measure(summary, 'fall').worst:.3f}" in text


def test_the_curve_shows_labels_under_missing_scores() -> None:
    page = render_evaluation_page(flattered())
    chart = page.split("<figure>")[-1]
    assert "62 of 76 frames that show it have no score" in chart
    assert chart.index('class="label"') < chart.index('class="unscored"'), "the hatching lies over the label"
    assert ".unscored{fill:url(#hatch)}" in page, "and lets it through"


def test_a_video_without_scores_counts_as_unscored() -> None:
    summary = small_summary([], lost=1)
    cat = measure(summary, "cat")
    assert (cat.basis.positives, cat.basis.unscored_positives, cat.basis.unscored_negatives) == (2 * 20, 20, 50)
    assert [curve.label for curve in summary.curves if not curve.scored.any()] == ["cat", "dog"]
    assert summary.counts[UNCHANGED].not_in_footage == 0


def test_a_class_without_one_scored_positive_frame_pulls_the_worst_mean_down() -> None:
    archive, predictions = archive_of({"found": 4, "lost": 4})
    for _, (own, _) in predictions:
        for values in own.columns["lost"].values():
            values[10:20] = np.nan
    summary = summarize(archive, variants(), predictions, provenance(variants()))
    mean = measure(summary, MEAN)
    assert np.isnan(measure(summary, "lost").value)
    assert (mean.basis.classes, mean.basis.unscored_positives) == (1, 40)
    assert mean.worst == pytest.approx(measure(summary, "found").value / 2)
    assert "(mean of classes; 1 without a figure left out)" in markdown(summary)


def test_some_classes_of_an_archive() -> None:
    archive, _ = archive_of({"cat": 2, "dog": 3})
    some = archive.only(["dog"])
    assert (some.classes, len(some.videos)) == (["dog"], 6)
    assert all(set(video.labels) == {"dog"} for video in some.videos)
    with pytest.raises(ConfigurationError, match="yard has no class 'cow'; it has cat, dog"):
        archive.only(["dog", "cow"])
