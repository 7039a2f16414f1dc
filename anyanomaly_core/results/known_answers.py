"""Answers that another scorer has given already: one with the same models and parameters that left out other segments.

So when a cascade is switched off, or widened, only what it had pruned is judged; likewise what a certificate left out.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select

from anyanomaly_core.profile import Profile
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import scorers, segment_scores, units
from anyanomaly_core.scoring.types import SegmentScore, Status


def known_answers(
    connection: Connection, video_id: int, rules: Sequence[StoredRule], scorer_id: int, mask_digest: str | None
) -> dict[tuple[int, int], SegmentScore]:
    """Rows of a video that were scored by such a scorer: (segment, rule version) -> row, without its timings.

    Args:
        connection: a read is enough.
        video_id: of the video.
        rules: to be scored.
        scorer_id: of the scorer that is about to score.
        mask_digest: of the footage's privacy mask now; what was seen through another is left out.
    """
    s, u = segment_scores.c, units.c
    certified = (u.video_id == video_id) & (u.scorer_id == scorer_id) & u.certificate_id.is_not(None)
    others = _others(connection, scorer_id)
    if not others and connection.execute(select(u.video_id).where(certified).limit(1)).first() is None:
        return {}
    judged_before = s.scorer_id.in_(others) | ((s.scorer_id == scorer_id) & u.certificate_id.is_not(None))
    same_unit = (u.video_id == s.video_id) & (u.scoring_id == s.scoring_id) & (u.scorer_id == s.scorer_id)
    query = (
        select(segment_scores)
        .join_from(segment_scores, units, same_unit)
        .where(s.video_id == video_id, judged_before, s.status == Status.SCORED.value)
        .where(s.scoring_id.in_([rule.scoring_id for rule in rules]), u.mask_digest.is_not_distinct_from(mask_digest))
        .order_by(s.scorer_id)
    )
    versions = {rule.scoring_id: rule.rule_version_id for rule in rules}
    rows = connection.execute(query)
    return {(row.segment_index, versions[row.scoring_id]): _row(row, versions[row.scoring_id]) for row in rows}


def _others(connection: Connection, scorer_id: int) -> list[int]:
    """Scorers that differ from one in their cascade and nothing else but the name of their profile."""
    s = scorers.c
    known: dict[int, tuple[str, Profile]] = {}
    for found, body, revisions in connection.execute(select(s.scorer_id, s.profile, s.revisions)):
        try:
            profile = Profile.model_validate(body)
        except ValidationError:  # of a version of this software whose profiles were others
            continue
        known[found] = profile.answers_digest(revisions), profile
    if scorer_id not in known:
        return []
    digest, own = known[scorer_id]
    if own.scoring.scorer in {"lavida", "baseline"}:  # they answer frame by frame, and rows hold one score
        return []
    return [
        found
        for found, (other, profile) in known.items()
        if found != scorer_id and other == digest and profile.scoring.cascade != own.scoring.cascade
    ]


def _row(row: Row[*tuple[Any, ...]], rule_version_id: int) -> SegmentScore:
    box = row.winning_window
    return SegmentScore(
        segment_index=row.segment_index,
        rule_version_id=rule_version_id,
        status=Status.SCORED,
        score=row.score,
        key_score=row.key_score,
        position_score=row.position_score,
        temporal_score=row.temporal_score,
        key_frame=row.key_frame,
        grid_frames=tuple(row.grid_frames or ()),
        window=None if box is None else (box[0], box[1], box[2], box[3]),
        text=row.winning_text,
        rationale=row.rationale,
    )
