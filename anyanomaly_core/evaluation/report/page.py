"""One self-contained HTML page: the tables, and score curves over the labelled frames. No script, nothing fetched."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from anyanomaly_core.display import display_text
from anyanomaly_core.evaluation.curves import ScoreCurve
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, frame_ranges
from anyanomaly_core.evaluation.metrics import BoolArray
from anyanomaly_core.evaluation.report.tables import exclusions, headline, reliability_of, summary_tables
from anyanomaly_core.evaluation.summary import Summary

WIDTH, HEIGHT = 720.0, 90.0  # of a curve, in the SVG's own units
MOST_POINTS = 720
FALSE_ALARM = 0.5  # curves of classes that a video does not show are drawn from this peak upwards

_TEMPLATES = Environment(
    loader=PackageLoader("anyanomaly_core.evaluation.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["foreign"] = partial(display_text, max_characters=sys.maxsize)  # a list of videos may be long


@dataclass(frozen=True, slots=True)
class Band:
    """Frames of one kind, as a part of a chart's width."""

    kind: str  # label, unlabelled or unscored
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The score curve of a video and class, ready to draw."""

    title: str
    bands: list[Band]
    paths: list[str]  # of the SVG, one for each run of scored frames


def render_evaluation_page(summary: Summary) -> str:
    """The whole page."""
    return _TEMPLATES.get_template("report.jinja").render(
        title=f"Evaluation of {summary.archive.name}",
        headline=headline(summary),
        tables=summary_tables(summary),
        exclusions=exclusions(summary),
        reliability=reliability_of(summary),
        charts=[_chart(curve) for curve in summary.curves if _worth_drawing(curve)],
        false_alarm=FALSE_ALARM,
        width=WIDTH,
        height=HEIGHT,
    )


def _worth_drawing(curve: ScoreCurve) -> bool:
    known = curve.scores[curve.scored]
    return bool((curve.labels == 1).any()) or (len(known) > 0 and float(known.max()) >= FALSE_ALARM)


def _chart(curve: ScoreCurve) -> Chart:
    shown = curve.labels == 1
    bands = [
        *_bands(curve.labels == UNLABELLED, "unlabelled"),
        *_bands(shown, "label"),
        *_bands(~curve.scored, "unscored"),
    ]
    missing = int((shown & ~curve.scored).sum())
    what = "shown" if shown.any() else "false alarm"
    if missing:
        what = f"shown; {missing:,} of {int(shown.sum()):,} frames that show it have no score"
    return Chart(f"{curve.video}: {curve.label} ({what})", bands, _paths(curve))


def _bands(frames: BoolArray, kind: str) -> list[Band]:
    return [
        Band(kind, first / len(frames) * WIDTH, max(1.0, (last + 1 - first) / len(frames) * WIDTH))
        for first, last in frame_ranges(frames)
    ]


def _paths(curve: ScoreCurve) -> list[str]:
    """One path per run of scored frames; a long video is thinned, keeping the highest of each step."""
    frames = len(curve.scores)
    step = max(1, -(-frames // MOST_POINTS))
    paths = []
    for first, last in frame_ranges(curve.scored):
        starts = range(first, last + 1, step)
        points = [(n / frames, float(curve.scores[n : min(n + step, last + 1)].max())) for n in starts]
        paths.append(_path(points, (last + 1) / frames))
    return paths


def _path(points: Sequence[tuple[float, float]], end: float) -> str:
    """Points are (share of the width, score); the last score lasts until ``end``."""
    drawn = [*points, (end, points[-1][1])]
    return "M" + "L".join(f"{x * WIDTH:.1f} {HEIGHT - score * HEIGHT:.1f}" for x, score in drawn)
