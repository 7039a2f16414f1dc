"""One self-contained HTML page: the tables, and score curves over the labelled frames. No script, nothing fetched."""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, spans
from anyanomaly_core.evaluation.reliability import ReliabilityBin
from anyanomaly_core.evaluation.report.tables import Table, exclusions, reliability_of, tables
from anyanomaly_core.evaluation.summary import ScoreCurve, Summary

WIDTH, HEIGHT = 720, 90
MOST_POINTS = 720
INTERESTING = 0.5  # curves of classes that a video does not show are drawn from this peak upwards

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1d2530;background:#fff}
table{border-collapse:collapse;margin:.5rem 0 1.5rem;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem;border-bottom:1px solid #d8dee6;text-align:left}th{background:#f2f5f8}
figure{margin:.6rem 0 1.2rem}figcaption{font-size:.9rem}svg{max-width:100%;height:auto;display:block}
.axis{stroke:#9aa5b1;stroke-width:1}.label{fill:#f2b8a8}.unlabelled{fill:#e3e6ea}.unscored{fill:#fff3bf}
.score{fill:none;stroke:#1f5fa8;stroke-width:1.6}.even{stroke:#9aa5b1;stroke-dasharray:4 4;fill:none}
.key span{display:inline-block;padding:0 .5rem;margin-right:.6rem}
@media(max-width:40rem){table{display:block;overflow-x:auto}}
"""
_KEY = (
    '<p class="key"><span style="background:#f2b8a8">labelled: shows the class</span>'
    '<span style="background:#e3e6ea">unlabelled</span><span style="background:#fff3bf">no score</span>'
    '<span style="color:#1f5fa8">score, 0 to 1; dashed: 0.5</span></p>'
)


def render(summary: Summary) -> str:
    """The whole page."""
    title = f"Evaluation of {escape(summary.archive.name)}"
    notice = summary.variants[0].profile.notice
    parts = [
        (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        ),
        f"<p><strong>{escape(notice)}</strong></p>" if notice else "",
        *(_table(table) for table in tables(summary)),
        _list("What was left out", exclusions(summary)),
        _reliability_chart(reliability_of(summary)),
        (
            f"<h2>Score curves</h2><p>The profile as it is, smoothed as in a scan. Drawn: what a video shows, and "
            f"false alarms from a peak of {INTERESTING} upwards.</p>{_KEY}"
        ),
        *_charts(summary.curves),
        "</html>\n",
    ]
    return "\n".join(parts)


def _list(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{escape(title)}</h2><ul>{items}</ul>" if lines else ""


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><p>{escape(table.note)}</p><table><tr>{head}</tr>{body}</table>"


def _charts(curves: Sequence[ScoreCurve]) -> Iterator[str]:
    for curve in curves:
        known = curve.scores[np.isfinite(curve.scores)]
        shows = bool((curve.labels == 1).any())
        if not shows and (not len(known) or known.max() < INTERESTING):
            continue
        what = "shown" if shows else "false alarm"
        name = f"{curve.video}: {curve.label} ({what})"
        yield f"<figure><figcaption>{escape(name)}</figcaption>{_chart(curve, name)}</figure>"


def _chart(curve: ScoreCurve, name: str) -> str:
    frames = len(curve.scores)
    bands = [
        *_bands(curve.labels == UNLABELLED, frames, "unlabelled"),
        *_bands(curve.labels == 1, frames, "label"),
        *_bands(~np.isfinite(curve.scores), frames, "unscored"),
    ]
    lines = "".join(f'<path class="score" d="{path}"/>' for path in _paths(curve.scores))
    axis = f'<path class="axis" d="M0 {HEIGHT}H{WIDTH}M0 0V{HEIGHT}"/><path class="even" d="M0 {HEIGHT / 2}H{WIDTH}"/>'
    box = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">'
    return f"{box}{''.join(bands)}{axis}{lines}</svg>"


def _bands(mask: NDArray[np.bool_], frames: int, kind: str) -> Iterator[str]:
    for first, last in spans(mask):
        x, width = first / frames * WIDTH, max(1.0, (last + 1 - first) / frames * WIDTH)
        yield f'<rect class="{kind}" x="{x:.1f}" y="0" width="{width:.1f}" height="{HEIGHT}"/>'


def _paths(scores: NDArray[np.float32]) -> Iterator[str]:
    """One path per run of scored frames; a long video is thinned, keeping the highest of each step."""
    frames = len(scores)
    step = max(1, -(-frames // MOST_POINTS))
    for first, last in spans(np.isfinite(scores)):
        points = [
            (start / frames * WIDTH, HEIGHT - float(scores[start : min(start + step, last + 1)].max()) * HEIGHT)
            for start in range(first, last + 1, step)
        ]
        points.append(((last + 1) / frames * WIDTH, points[-1][1]))
        yield "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _reliability_chart(curve: Sequence[ReliabilityBin]) -> str:
    if not curve:
        return ""
    side = 260
    points = " ".join(f"{bar.mean_score * side:.1f},{side - bar.share_right * side:.1f}" for bar in curve)
    dots = "".join(
        f'<circle cx="{bar.mean_score * side:.1f}" cy="{side - bar.share_right * side:.1f}" r="4" fill="#1f5fa8">'
        f"<title>{bar.count} frames</title></circle>"
        for bar in curve
    )
    return (
        f"<figure><figcaption>Reliability: share that shows the class (up) by score (right); dashed: a "
        f'probability</figcaption><svg viewBox="-6 -6 {side + 12} {side + 12}" width="{side}" role="img" '
        f'aria-label="Reliability curve"><path class="even" d="M0 {side}L{side} 0"/><path class="axis" '
        f'd="M0 {side}H{side}M0 0V{side}"/><polyline class="score" points="{points}"/>{dots}</svg></figure>'
    )
