"""What a cascade saves and misses, counted by hand on two small videos."""

from pathlib import Path

import numpy as np
import pytest

from anyanomaly_core.evaluation.cascades import cascade_costs
from anyanomaly_core.evaluation.labels.ground_truth import FrameLabels, LabelledVideo
from anyanomaly_core.evaluation.predictions import SegmentPrediction, VideoPredictions
from anyanomaly_core.evaluation.variants import Variant, ablation
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.binomial import missed_bound, share_bound
from anyanomaly_core.scoring.types import SelectionReason, Status

# Segments of ten frames: score when judged; what the cascade did (R rank, A audit, c carried from that, - pruned).
VIDEOS = {
    "a": ([0.9, 0.8, 0.1, 0.2, 0.6, 0.1], "RRA---", (0, 19)),
    "b": ([0.3, 0.7, 0.1, 0.1, 0.1, 0.1], "R--Ac-", (10, 19)),
}


def scored(values: list[float], chosen: str | None) -> VideoPredictions:
    why = {"R": SelectionReason.RANK, "A": SelectionReason.AUDIT, "c": SelectionReason.AUDIT, "-": None}
    status = {"R": Status.SCORED, "A": Status.SCORED, "c": Status.CARRIED, "-": Status.PRUNED}
    judged, curve = [], np.full(10 * len(values), np.nan, np.float32)
    for n, value in enumerate(values):
        kind = "R" if chosen is None else chosen[n]
        score = None if kind == "-" else value
        judged.append(SegmentPrediction(10 * n, 10 * n + 9, status[kind], score, None if chosen is None else why[kind]))
        curve[10 * n : 10 * n + 10] = np.nan if score is None else score
    return VideoPredictions(Pace.steady(len(curve), 25), {"fall": {"score": curve}}, segments={"fall": judged})


def test_figures_are_those_counted_by_hand() -> None:
    profile = load_profile("demo")
    unsmoothed = profile.model_copy(update={"scoring": profile.scoring.model_copy(update={"smoothing_sigma": 0.0})})
    base, *_ = ablation(unsmoothed, [])
    cascade = next(v for v in ablation(unsmoothed, ["cascade"]) if v.name == "cascade 20 %")
    both: list[Variant] = [base, cascade]
    pairs = [
        (LabelledVideo(name, Path("none"), {"fall": FrameLabels((shown,))}), [scored(v, None), scored(v, kinds)])
        for name, (v, kinds, shown) in VIDEOS.items()
    ]
    [found] = cascade_costs(both, pairs, ["fall"])
    assert (found.judged, found.judged_without) == (5, 12)
    assert found.saved == pytest.approx(7 / 12)
    assert (found.events, found.events_found, found.events_found_without) == (2, 1, 2)
    assert (found.pruned, found.missed) == (6, 2)  # 0.6 of the first video, 0.7 of the second
    assert (found.audited, found.audited_hits) == (2, 0)
    assert found.share_bound == share_bound(0, 2)
    assert found.missed_bound == missed_bound(0, 2, 9) == 6  # of the 2 audited, 1 carried and 6 pruned
    # Shown: 0.9, 0.8 and a pruned segment that goes last; not shown: 0.3, four of 0.1, five pruned.
    assert found.auc == pytest.approx((9 + 9 + 5 / 2) / 27)
    assert found.auc_without == 1.0


def test_a_profile_without_two_models_has_no_cascade() -> None:
    profile = load_profile("demo")
    clip = profile.model_copy(update={"scoring": profile.scoring.model_copy(update={"scorer": "clip"})})
    assert [variant.group for variant in ablation(clip, ["cascade"])] == ["profile"]
    assert len(ablation(profile, ["cascade"])) == 5
