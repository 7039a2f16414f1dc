"""What the shipped demo models reach on rendered footage that they have never seen, through the product's own pipeline.

``python -m tests.benchmarks.bench_demo_models [--clips N] [--seconds S] [--ablate GROUPS]``: an archive of unseen seeds
and camera backgrounds is rendered, written as H.264, and given to ``anyanomaly evaluate`` (docs/evaluation.md). Then:
how many reasons are right, and what texts of things outside the rendered world score. Interrupted, it goes on.
"""

import argparse
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from anyanomaly_core.cli.evaluate import settings_without_database
from anyanomaly_core.demo.archive import ArchivePlan, make_archive
from anyanomaly_core.demo.vocabulary import HELD_OUT_UNRELATED, REASONS
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.evaluation.benchmark_run import BenchmarkRun
from anyanomaly_core.evaluation.evaluate import RESAMPLES
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.provenance import Provenance
from anyanomaly_core.evaluation.report.files import markdown, write_evaluation_report
from anyanomaly_core.evaluation.report.tables import summary_tables
from anyanomaly_core.evaluation.summary import Predictions, Summary, summarize
from anyanomaly_core.evaluation.variants import ablation
from anyanomaly_core.profile import load_profile
from tests.benchmarks.figures import Figures, add_save_option

UNRELATED = "unrelated: "
KEPT = ("By class", "What helps", "Cascade", "Is a score a probability?")  # tables of the report


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
    parser.add_argument("--videos", type=int, default=0, help="only the first so many clips; 0: all")
    add_save_option(parser, "demo-models")
    parser.add_argument("--archive", type=Path, default=Path(tempfile.gettempdir()) / "anyanomaly-bench-archive")
    parser.add_argument("--out", type=Path, default=Path("evaluation"))
    given = parser.parse_args()
    make_archive(
        given.archive, ArchivePlan(seed=given.seed, cameras=given.clips, clips_per_camera=1, clip_s=given.seconds)
    )
    labelled = open_archive(given.archive)
    if given.videos:
        labelled = labelled.first(given.videos)
    strange = {UNRELATED + text: (text,) for text in HELD_OUT_UNRELATED[: given.unrelated]}
    profile = load_profile("demo")
    os.environ.setdefault("ANYANOMALY_STATE_DIR", str(given.archive / "_state"))
    asked = replace(labelled, texts=labelled.texts | strange)
    run = BenchmarkRun(asked, profile, settings_without_database(given.archive))
    variants = ablation(profile, [name for name in given.ablate.split(",") if name])
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    predictions = list(run.predict(variants, stages=LoggedProgress))
    models = {variant.name: run.models(variant) for variant in variants}
    summary = summarize(labelled, variants, predictions, Provenance.now(models, resamples=RESAMPLES))
    write_evaluation_report(summary, given.out)
    print(markdown(summary))
    figures = Figures(f"The demo models on {len(labelled.videos)} held-out clips", about(given, summary))
    for table in summary_tables(summary):
        if table.title in KEPT:
            figures.table(*table.columns, caption=f"**{table.title}**")
            for row in table.rows:
                figures.row(*row)
    right, found = reasons(predictions)
    figures.result(
        f"Right reasons: {right} of {found} segments found. "
        f"Texts that name nothing in the clips: mean score {mean_unrelated(predictions):.3f}."
    )
    figures.save(given.save)


def about(given: argparse.Namespace, summary: Summary) -> str:
    """What was judged, and how to read the tables."""
    clips = f"{len(summary.archive.videos)} rendered clips of {given.seconds:g} seconds (seed {given.seed})"
    return (
        f"{clips}, each from a camera of its own, that no model was trained on; {len(summary.archive.classes)} "
        "classes, honest protocol. In brackets 95 % intervals by bootstrap over clips; there is none where fewer than "
        "three clips show a class, nor for a mean of which one class has none. A difference is to the profile as it "
        "is, on the same resamples. Frames that a cascade prunes have no score and are in no ROC-AUC under *What "
        "helps*."
    )


if __name__ == "__main__":
    main()
