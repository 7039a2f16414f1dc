"""A trial as one HTML file that needs nothing else: curve, pictures, reason and score."""

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from anyanomaly_core.engine.trial import Trial, trial_pictures
from anyanomaly_core.review.rendering import environment

WIDTH, HEIGHT = 720.0, 120.0  # of the curve, in the SVG's own units
CAPTIONS = {
    "key": "Key frame",
    "attention": "Attention of the encoder",
    "position": "Position context",
    "grid": "Temporal context (grid)",
}


def render_trial(trial: Trial) -> str:
    """The page of a trial, in HTML."""
    pictures = {} if trial.explanation is None else trial_pictures(trial.explanation)
    return (
        environment()
        .get_template("trial.jinja")
        .render(
            trial=trial,
            best=trial.best_score,
            best_span=None if trial.best is None else trial.spans[trial.best],
            bars=_bars(trial),
            width=WIDTH,
            height=HEIGHT,
            pictures=[(CAPTIONS[name], _data_uri(image)) for name, image in pictures.items()],
            failed=sorted({row.reason for row in trial.scores if row.score is None and row.reason}),
        )
    )


def write_trial_page(trial: Trial, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_trial(trial), encoding="utf-8")


def _bars(trial: Trial) -> list[tuple[float, float, float | None, str]]:
    """For each segment: x and width in the chart, height of its score (None: no score), and its words."""
    begin, end = trial.spans[0][1], trial.spans[-1][2]
    scale = WIDTH / max(end - begin, 1e-6)
    return [
        (
            round((first - begin) * scale, 1),
            round(max((last - first) * scale, 1.0), 1),
            None if row.score is None else round(row.score * HEIGHT, 1),
            f"{first:.1f} s: {'no score' if row.score is None else format(row.score, '.2f')}",
        )
        for (_, first, last), row in zip(trial.spans, trial.scores, strict=True)
    ]


def _data_uri(image: NDArray[np.uint8]) -> str:
    content = io.BytesIO()
    Pictures.fromarray(image).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
