"""What stands in the Parquet files: a rule's rows as the tables of a video, and how their columns are encoded."""

from typing import Any

import numpy as np
import pyarrow as pa

from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.rows import RuleRows
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer

MOMENT = pa.timestamp("us", tz="UTC")
MOMENTS = ("frame_at", "started_at", "ended_at")
_SCORES = ("score", "key_score", "position_score", "temporal_score")
_NUMBERS = ("frame", "segment", "first_frame", "last_frame", "key_frame")


def tables(video: StoredVideo, scorer: StoredScorer, of_rule: RuleRows) -> dict[str, pa.Table]:
    """A table of pyarrow for each relation, with its provenance."""
    footer = _provenance(of_rule.rule, video, scorer)
    made = {"frame_scores": _frames(video, of_rule), "segment_scores": _segments(video, of_rule)}
    if any(row.score.regions for row in of_rule.rows):
        made["frame_regions"] = _regions(video, of_rule)
    return {relation: table.replace_schema_metadata(footer) for relation, table in made.items()}


def _frames(video: StoredVideo, of_rule: RuleRows) -> pa.Table:
    rows = of_rule.rows
    lengths = [row.segment.frame_count for row in rows]
    scores = of_rule.frames  # [F]
    statuses = pa.array([row.score.status.value for row in rows]).dictionary_encode()
    which = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)  # [F] segment of each frame
    columns = {
        **_names(video, of_rule.rule, len(which)),
        "frame": pa.array(np.arange(len(scores), dtype=np.int32)),
        "frame_at": pa.array(of_rule.moments).cast(MOMENT),
        "score": pa.array(scores, mask=np.isnan(scores)),
        "segment": pa.array(which),
        "status": statuses.take(pa.array(which, pa.int32())),
    }
    return pa.table(columns)


def _segments(video: StoredVideo, of_rule: RuleRows) -> pa.Table:
    rows = of_rule.rows
    columns = {
        **_names(video, of_rule.rule, len(rows)),
        "segment": pa.array([row.segment.index for row in rows], pa.int32()),
        "first_frame": pa.array([row.segment.first_frame for row in rows], pa.int32()),
        "last_frame": pa.array([row.segment.last_frame for row in rows], pa.int32()),
        "started_at": pa.array([row.started_us for row in rows], pa.int64()).cast(MOMENT),
        "ended_at": pa.array([row.ended_us for row in rows], pa.int64()).cast(MOMENT),
        "status": pa.array([row.score.status.value for row in rows]).dictionary_encode(),
        **{name: pa.array([getattr(row.score, name) for row in rows], pa.float32()) for name in _SCORES},
        "peak": pa.array([row.peak for row in rows], pa.float32()),
        "key_frame": pa.array([row.score.key_frame for row in rows], pa.int32()),
        "grid_frames": pa.array([list(row.score.grid_frames) or None for row in rows], pa.list_(pa.int32())),
        "winning_window": pa.array([row.score.window for row in rows], pa.list_(pa.int16())),
        "winning_text": pa.array([row.winning_text for row in rows], pa.string()),
        "rationale": pa.array([row.rationale for row in rows], pa.string()),
        "reason": pa.array([row.reason for row in rows], pa.string()),
    }
    return pa.table(columns)


def _regions(video: StoredVideo, of_rule: RuleRows) -> pa.Table:
    regions = [region for row in of_rule.rows for region in row.score.regions]
    frames = np.array([region.frame for region in regions], np.int32)
    edges = zip(*(region.box for region in regions), strict=True)
    centres = zip(*(region.centre for region in regions), strict=True)
    sizes = zip(*(region.mask_size for region in regions), strict=True)
    columns = {
        **_names(video, of_rule.rule, len(regions)),
        "frame": pa.array(frames),
        "frame_at": pa.array(of_rule.moments[frames]).cast(MOMENT),
        "score": pa.array([region.score for region in regions], pa.float32()),
        **{name: pa.array(edge, pa.float32()) for name, edge in zip(("x0", "y0", "x1", "y1"), edges, strict=True)},
        "area": pa.array([region.area for region in regions], pa.float32()),
        **{name: pa.array(c, pa.float32()) for name, c in zip(("centre_x", "centre_y"), centres, strict=True)},
        **{name: pa.array(n, pa.int16()) for name, n in zip(("mask_height", "mask_width"), sizes, strict=True)},
        "mask": pa.array([region.mask for region in regions], pa.string()),
    }
    return pa.table(columns)


def _names(video: StoredVideo, rule: StoredRule, count: int) -> dict[str, Any]:
    """Columns that say the same in every row.

    Folders say rule and camera as well, but readers take names of digits there for numbers (01 becomes 1), and long
    names are cut. Under the folders' own names, columns would contradict what a reader makes of those.
    """
    constants = {"video": video.content_sha256, "camera_id": video.camera_id, "rule_name": rule.name}
    indices = np.zeros(count, np.int32)
    return {name: pa.DictionaryArray.from_arrays(indices, pa.array([text])) for name, text in constants.items()}


def writer_options(names: set[str]) -> dict[str, Any]:
    """Options of pyarrow's writer for a table with these columns."""
    chosen = dict.fromkeys(names & {*_SCORES, "peak"}, "BYTE_STREAM_SPLIT")
    chosen |= dict.fromkeys(names & {*_NUMBERS, *MOMENTS}, "DELTA_BINARY_PACKED")
    repeated = sorted(names & {"video", "camera_id", "rule_name", "status", "winning_text", "rationale", "reason"})
    return {"use_dictionary": repeated, "column_encoding": chosen}


def _provenance(rule: StoredRule, video: StoredVideo, scorer: StoredScorer) -> dict[str, str]:
    """Footer metadata: which question, which models and code, which footage."""
    return {
        "anyanomaly.rule": rule.name,
        "anyanomaly.version": str(rule.scoring_version),
        "anyanomaly.scoring_digest": rule.definition.scoring_digest(),
        "anyanomaly.scorer_digest": scorer.digest,
        "anyanomaly.profile": scorer.profile_name,
        "anyanomaly.code_version": scorer.code_version,
        "anyanomaly.camera": video.camera_id,
        "anyanomaly.recorded_at": video.recorded_at.isoformat(),
        "anyanomaly.video_sha256": video.content_sha256,
    }
