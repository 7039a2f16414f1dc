"""The files of a report: Markdown, CSV of every figure, Parquet of every frame, the profile, and the page."""

import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anyanomaly_core.display import display_text
from anyanomaly_core.evaluation.curves import ScoreCurve
from anyanomaly_core.evaluation.metrics import Interval
from anyanomaly_core.evaluation.report.page import render_evaluation_page
from anyanomaly_core.evaluation.report.tables import exclusions, headline, summary_tables
from anyanomaly_core.evaluation.summary import Summary

NAMES = ("report.html", "report.md", "measures.csv", "frames.parquet", "profile.json")
FRAMES_SCHEMA = pa.schema(
    [
        ("video", pa.dictionary(pa.int32(), pa.string())),
        ("class", pa.dictionary(pa.int32(), pa.string())),
        ("frame", pa.int32()),  # from 0
        ("score", pa.float32()),  # after smoothing; NULL: not scored
        ("label", pa.int8()),  # 1: shows the class, 0: does not, NULL: nobody said
    ]
)


def write_evaluation_report(summary: Summary, out: Path) -> None:
    """Write all files into a folder, made if absent; raises OSError when that cannot be done."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(render_evaluation_page(summary), encoding="utf-8")
    (out / "report.md").write_text(markdown(summary), encoding="utf-8")
    write_measures(summary, out / "measures.csv")
    write_frames(summary.curves, out / "frames.parquet")
    profile = summary.variants[0].profile.model_dump(mode="json")
    (out / "profile.json").write_text(json.dumps(profile, indent=1), encoding="utf-8")


def markdown(summary: Summary) -> str:
    """All tables, and what has no scores."""
    parts = [f"# Evaluation of {summary.archive.name}", headline(summary)]
    for table in summary_tables(summary):
        lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
        parts += [f"## {table.title}", table.note, "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)]
    parts += [f"* {_cell(line)}" for line in exclusions(summary)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_measures(summary: Summary, path: Path) -> None:
    """One row a figure, as CSV."""
    names = [
        "variant", "group", "protocol", "class", "metric", "value", "low", "high", "difference", "difference_low",
        "difference_high", "at_worst", "videos", "positives", "frames", "unscored_positives", "unscored_negatives",
        "classes", "tuned",
    ]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for m in summary.measures:
            figures = [m.value, *_ends(m.interval), m.difference, *_ends(m.difference_interval), m.worst]
            rounded = ["" if v is None or not math.isfinite(v) else f"{v:.6f}" for v in figures]
            b = m.basis
            counts = [b.videos, b.positives, b.frames, b.unscored_positives, b.unscored_negatives, b.classes]
            writer.writerow([m.variant, m.group, m.protocol, m.label, m.metric, *rounded, *counts, m.tuned or ""])


def write_frames(curves: Sequence[ScoreCurve], path: Path) -> None:
    """One row per video, class and frame, under the profile as it is; a row group per video and class.

    From this file anybody can compute a figure again, or another one.
    """
    with pq.ParquetWriter(path, FRAMES_SCHEMA) as writer:
        for curve in curves:
            frames = len(curve.scores)
            columns = [
                pa.array([curve.video] * frames).dictionary_encode(),
                pa.array([curve.label] * frames).dictionary_encode(),
                pa.array(np.arange(frames, dtype=np.int32)),
                pa.array(curve.scores, mask=~curve.scored),
                pa.array(curve.labels, mask=~curve.labelled),
            ]
            writer.write_table(pa.table(columns, schema=FRAMES_SCHEMA))


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _cell(text: str) -> str:
    return display_text(text, sys.maxsize).replace("|", "\\|")
