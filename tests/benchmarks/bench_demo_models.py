"""What the shipped demo models reach on rendered footage that they have never seen, through the product's own pipeline.

``python tests/benchmarks/bench_demo_models.py [--clips N]``: an archive of unseen seeds and camera backgrounds is
rendered, written as H.264, decoded, split, scored and smoothed as a scan does it. Frame-level ROC-AUC over all videos
(honest protocol: fixed weights, smoothing inside each video, no label seen), for each context alone and for the fusion.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr
from scipy.stats import rankdata
from tqdm import tqdm

from anyanomaly_core.config import Settings
from anyanomaly_core.demo.archive import ArchivePlan, frame_truth, make_archive
from anyanomaly_core.demo.vocabulary import EVENT_TEXTS, HELD_OUT_UNRELATED, REASONS
from anyanomaly_core.demo.world import EVENT_NAMES
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.models.loading import load_encoder, load_lvlm
from anyanomaly_core.profile import load_profile
from anyanomaly_core.scanning.stream import segment_batches
from anyanomaly_core.scoring.scorers import make_scorer
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore

COLUMNS = ("key frame", "position", "temporal", "all")
FIELDS = ("key_score", "position_score", "temporal_score", "score")
UNRELATED = "unrelated"


def auc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Probability that a positive frame scores above a negative one, ties counting half (Mann-Whitney)."""
    ranks = rankdata(scores)
    p, n = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n)) if p and n else float("nan")


def score_archive(root: Path, rules: Sequence[RuleTexts]) -> dict[str, tuple[list[Segment], list[SegmentScore]]]:
    """Segments and scores of every video of an archive."""
    profile = load_profile("demo")
    settings = Settings(
        archive_root=str(root), database_url=SecretStr("none"), parquet_root=root, state_dir=root / "_state"
    )
    scorer = make_scorer(profile, load_encoder(profile, settings), load_lvlm(profile, settings))
    scored = {}
    frames: dict[str, int] = {}
    for uri, _, _ in frame_truth(root):
        frames[uri] = frames.get(uri, 0) + 1
    for uri, count in tqdm(frames.items(), desc="videos"):
        segments = split_into_segments(count, profile.sampling.segment_frames)
        rows = []
        for batch in segment_batches(root / uri, segments, step=1, size=None, limits=Limits()):
            rows += scorer.score(batch, rules)
        scored[uri] = (segments, rows)
    return scored


def measure(root: Path) -> dict[str, dict[str, float]]:
    """AUC by column and event; besides ``reasons`` (share of right ones) and ``unrelated`` (mean score)."""
    rules = [RuleTexts(n, name, (EVENT_TEXTS[name][1],)) for n, name in enumerate(EVENT_NAMES)]
    strange = [RuleTexts(100 + n, UNRELATED, (text,)) for n, text in enumerate(HELD_OUT_UNRELATED[:6])]
    scored = score_archive(root, [*rules, *strange])
    truth: dict[str, list[frozenset[str]]] = {}
    for uri, _, events in frame_truth(root):
        truth.setdefault(uri, []).append(events)
    sigma = load_profile("demo").scoring.smoothing_sigma
    table: dict[str, dict[str, float]] = {column: {} for column in COLUMNS}
    for rule in rules:
        positive = np.array([rule.name in events for uri in scored for events in truth[uri]])
        for column, field in zip(COLUMNS, FIELDS, strict=True):
            values = [
                frame_scores(
                    segments,
                    [getattr(row, field) for row in rows if row.rule_version_id == rule.rule_version_id],
                    len(truth[uri]),
                    sigma,
                )
                for uri, (segments, rows) in scored.items()
            ]
            table[column][rule.name] = auc(positive, np.concatenate(values).astype(float))
    for column in COLUMNS:
        table[column]["mean"] = float(np.nanmean(list(table[column].values())))
    table["reasons"] = _reasons(scored, truth, rules)
    others = [
        row.score for _, rows in scored.values() for row in rows if row.rule_version_id >= 100 and row.score is not None
    ]
    table[UNRELATED] = {"mean": float(np.mean(others))}
    return table


def _reasons(
    scored: dict[str, tuple[list[Segment], list[SegmentScore]]],
    truth: dict[str, list[frozenset[str]]],
    rules: Sequence[RuleTexts],
) -> dict[str, float]:
    """Of the segments found rightly (0.5 and above, event shown), how many have the event's own reason."""
    right = found = 0
    names = {rule.rule_version_id: rule.name for rule in rules}
    for uri, (segments, rows) in scored.items():
        for row in rows:
            name = names.get(row.rule_version_id)
            if name is None or row.score is None or row.score < 0.5:
                continue
            segment = segments[row.segment_index]
            if any(name in truth[uri][frame] for frame in segment.sampled):
                found += 1
                right += row.rationale is not None and REASONS[name].rstrip(".") in row.rationale
    return {"right": right / max(found, 1), "of": float(found)}


def main() -> None:
    """Render, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=9001)
    parser.add_argument("--archive", type=Path, default=Path(tempfile.gettempdir()) / "anyanomaly-bench-archive")
    given = parser.parse_args()
    make_archive(given.archive, ArchivePlan(seed=given.seed, cameras=given.clips, clips_per_camera=1, clip_s=40))
    table = measure(given.archive)
    print(f"| event | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for name in (*EVENT_NAMES, "mean"):
        print(f"| {name} | " + " | ".join(f"{table[column][name]:.3f}" for column in COLUMNS) + " |")
    print(f"right reasons: {table['reasons']['right']:.1%} of {table['reasons']['of']:.0f} segments found")
    print(f"unrelated texts: mean score {table[UNRELATED]['mean']:.3f}")
    print(json.dumps(table))


if __name__ == "__main__":
    main()
