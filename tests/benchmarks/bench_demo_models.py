"""What the shipped demo models reach on rendered footage that they have never seen, through the product's own pipeline.

``python tests/benchmarks/bench_demo_models.py [--clips N] [--seconds S] [--ablate GROUPS]``: an archive of unseen seeds
and camera backgrounds is rendered, written as H.264, and given to ``anyanomaly evaluate`` (docs/evaluation.md). Then:
how many reasons are right, and what texts of things outside the rendered world score. Interrupted, it goes on.
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from anyanomaly_core.cli.evaluate import settings_without_database
from anyanomaly_core.demo.archive import ArchivePlan, make_archive
from anyanomaly_core.demo.vocabulary import HELD_OUT_UNRELATED, REASONS
from anyanomaly_core.evaluation.benchmark_run import BenchmarkRun
from anyanomaly_core.evaluation.evaluate import write_report
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.report.tables import markdown
from anyanomaly_core.evaluation.summary import Predictions, summarize
from anyanomaly_core.evaluation.variants import ablation
from anyanomaly_core.profile import load_profile

UNRELATED = "unrelated: "


def reasons(scored: Predictions) -> tuple[int, int]:
    """Of the segments found rightly (a reason was written, the event is shown): how many have the right reason."""
    right = found = 0
    for video, (own, *_) in scored:
        for name, segments in own.segments.items():
            if name not in video.labels:
                continue
            labels = video.labels[name].array(own.frame_count)
            shown = [
                segment.rationale
                for segment in segments
                if segment.rationale and (labels[segment.first_frame : segment.last_frame + 1] == 1).any()
            ]
            found += len(shown)
            right += sum(REASONS[name].rstrip(".") in rationale for rationale in shown)
    return right, found


def mean_unrelated(scored: Predictions) -> float:
    """Mean score of the texts that name nothing of the rendered world."""
    values = [own.columns[name]["score"] for _, (own, *_) in scored for name in unrelated(own)]
    return float(np.nanmean(np.concatenate(values))) if values else float("nan")


def unrelated(own: VideoPredictions) -> list[str]:
    return [name for name in own.columns if name.startswith(UNRELATED)]


def main() -> None:
    """Render, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seed", type=int, default=9001)
    parser.add_argument("--ablate", default="contexts,weights,smoothing")
    parser.add_argument("--unrelated", type=int, default=6, help="texts of things outside the world")
    parser.add_argument("--archive", type=Path, default=Path(tempfile.gettempdir()) / "anyanomaly-bench-archive")
    parser.add_argument("--out", type=Path, default=Path("evaluation"))
    given = parser.parse_args()
    make_archive(
        given.archive, ArchivePlan(seed=given.seed, cameras=given.clips, clips_per_camera=1, clip_s=given.seconds)
    )
    labelled = open_archive(given.archive)
    strange = {UNRELATED + text: (text,) for text in HELD_OUT_UNRELATED[: given.unrelated]}
    profile = load_profile("demo")
    os.environ.setdefault("ANYANOMALY_STATE_DIR", str(given.archive / "_state"))
    bench = BenchmarkRun(
        replace(labelled, texts=labelled.texts | strange), profile, settings_without_database(given.archive)
    )
    variants = ablation(profile, [name for name in given.ablate.split(",") if name])
    with tqdm(desc="scoring", unit="video x scorer", disable=None) as bar:

        def to(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        scored = list(bench.predict(variants, progress=to))
    summary = summarize(labelled, variants, scored)
    write_report(summary, given.out)
    print(markdown(summary))
    right, found = reasons(scored)
    print(
        f"Right reasons: {right} of {found} segments found. Unrelated texts: mean score {mean_unrelated(scored):.3f}."
    )


if __name__ == "__main__":
    main()
