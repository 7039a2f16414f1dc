"""Figures into the database, so that two scorers can be compared in SQL."""

import hashlib
import json
import math
from typing import Any

from sqlalchemy import Connection, delete, insert

from anyanomaly_core import __version__
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.summary import Summary
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.results.evaluation_tables import evaluation_measures, evaluations
from anyanomaly_core.results.scorer_store import register_scorer

AS_SCORED = "as scored"


def archive_digest(archive: LabelledArchive) -> str:
    """SHA-256 over what makes two evaluations comparable: class texts, names of videos, labels."""
    body = [
        sorted(archive.texts.items()),
        [
            (
                video.name,
                [(name, own.positive, own.frames, own.unlabelled) for name, own in sorted(video.labels.items())],
            )
            for video in sorted(archive.videos, key=lambda video: video.name)
        ],
    ]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def post_processing(variant: Variant) -> str:
    """How a variant puts the scorer's answers together."""
    return AS_SCORED if variant.weights is None and variant.sigma is None else variant.name


def store_summary(connection: Connection, summary: Summary) -> int:
    """Write the figures of every variant; those of the same scorer, labels and post-processing are replaced.

    Args:
        connection: in a transaction.
        summary: what was measured.

    Returns:
        Evaluations written.
    """
    digest, source = archive_digest(summary.archive), summary.provenance
    for variant in summary.variants:
        revisions = {part: model.revision for part, model in source.models[variant.name].items()}
        scorer = register_scorer(connection, variant.profile, revisions, code_version=__version__)
        key = {"archive_digest": digest, "scorer_id": scorer.scorer_id, "post_processing": post_processing(variant)}
        e = evaluations.c
        same = (e[name] == value for name, value in key.items())
        connection.execute(delete(evaluations).where(*same))
        counts = summary.counts[variant.name]
        row = {
            **key,
            "archive": summary.archive.name,
            "videos": len(summary.archive.videos),
            "videos_without_scores": len(summary.problems),
            "frames_counted": counts.counted,
            "frames_unlabelled": counts.unlabelled,
            "frames_unscored": counts.unscored,
            "frames_not_in_footage": counts.not_in_footage,
            "resamples": source.resamples,
            "code_version": source.code,
        }
        number = connection.execute(insert(evaluations).values(row).returning(e.evaluation_id)).scalar_one()
        figures = _figures(summary, variant, number)
        if figures:
            connection.execute(insert(evaluation_measures), figures)
    return len(summary.variants)


def _figures(summary: Summary, variant: Variant, number: int) -> list[dict[str, Any]]:
    return [
        {
            "evaluation_id": number,
            "protocol": measure.protocol,
            "class": measure.label,
            "metric": measure.metric,
            "value": measure.value,
            "low": None if measure.interval is None else measure.interval.low,
            "high": None if measure.interval is None else measure.interval.high,
            "videos": measure.basis.videos,
            "positives": measure.basis.positives,
            "frames": measure.basis.frames,
            "tuned": measure.tuned,
            "unscored_positives": measure.basis.unscored_positives,
            "unscored_negatives": measure.basis.unscored_negatives,
            "at_worst": measure.worst,
            "classes": measure.basis.classes,
        }
        for measure in summary.measures
        if measure.variant == variant.name and math.isfinite(measure.value)
    ]
