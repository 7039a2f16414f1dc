"""What a cascade did to a unit, beside the ledger; the views ``cascade_units`` and ``cascade_bounds`` show it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, REAL, BigInteger, Column, Connection, ForeignKeyConstraint, Integer, Table, delete, text
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.results.rows import RuleScores, UnitResult
from anyanomaly_core.results.schema import metadata
from anyanomaly_core.scoring.types import SelectionReason, Status

unit_cascades = Table(
    "unit_cascades",
    metadata,
    Column("video_id", BigInteger, primary_key=True),
    Column("scoring_id", Integer, primary_key=True),
    Column("scorer_id", Integer, primary_key=True),
    Column("judged_by_rank", Integer, nullable=False),
    Column("judged_for_motion", Integer, nullable=False),
    Column("carried_from_audit", Integer, nullable=False),
    Column("audited_segments", ARRAY(Integer), nullable=False),
    Column("audited_scores", ARRAY(REAL), nullable=False),
    ForeignKeyConstraint(
        ["video_id", "scoring_id", "scorer_id"],
        ["units.video_id", "units.scoring_id", "units.scorer_id"],
        ondelete="CASCADE",
    ),
)

_KEY = ("video_id", "scoring_id", "scorer_id")
_OF_RUN = text("""
SELECT c.rule, c.profile, c.pruned, c.audited, c.audited_failed, c.audited_hits, b.share AS missed_share_bound,
       greatest(0, least(c.pruned, floor(b.share * c.left_to_chance + 1e-9)::bigint - c.audited_hits
                                   - c.audited_failed)) AS missed_segments_bound
FROM (
    SELECT rule, profile, sum(pruned) AS pruned, sum(left_to_chance) AS left_to_chance, sum(audited) AS audited,
           sum(audited_failed) AS audited_failed, sum(audited_hits) AS audited_hits
    FROM cascade_units WHERE run_id = :run AND is_current_version GROUP BY rule, profile
) AS c
CROSS JOIN LATERAL (SELECT clopper_pearson_upper(c.audited_hits + c.audited_failed, c.audited) AS share) AS b
ORDER BY c.rule, c.profile""")


def record_cascades(connection: Connection, result: UnitResult, rules: Sequence[RuleScores]) -> None:
    """Write how the segments of a unit were chosen; nothing where its scorer has no cascade. The ledger goes first.

    What a certificate left out, a cascade did not: no audit bounds it, the certificate does.
    """
    if result.certificate_id is not None:
        c, scorings = unit_cascades.c, [of_rule.rule.scoring_id for of_rule in rules]
        mine = (c.video_id == result.video.video_id) & (c.scorer_id == result.scorer.scorer_id)
        connection.execute(delete(unit_cascades).where(mine, c.scoring_id.in_(scorings)))
        return
    values = [_values(result, of_rule) for of_rule in rules if _has_cascade(of_rule)]
    if not values:
        return
    row = insert(unit_cascades)
    again = {name: row.excluded[name] for name in values[0] if name not in _KEY}
    connection.execute(row.on_conflict_do_update(index_elements=_KEY, set_=again), values)


def bounds_of_run(connection: Connection, run_id: int) -> list[dict[str, Any]]:
    """For each rule that a run pruned segments for: how many, what the audit found, and at most how many were missed.

    ``missed_share_bound`` is of all segments that neither rank nor motion chose, ``missed_segments_bound`` of the
    pruned ones; both at 95 %, exact binomial.
    """
    found = []
    for row in connection.execute(_OF_RUN, {"run": run_id}).mappings():
        share = round(float(row["missed_share_bound"]), 6)
        counts = {
            name: int(value) for name, value in row.items() if name not in {"rule", "profile", "missed_share_bound"}
        }
        found.append({"rule": row["rule"], "profile": row["profile"], **counts, "missed_share_bound": share})
    return found


def describe_bound(bound: dict[str, Any]) -> str:
    """One line for a log."""
    failed = f", {bound['audited_failed']} of them failed" if bound["audited_failed"] else ""
    return (
        f"{bound['rule']}: the cascade pruned {bound['pruned']} segments; of the {bound['audited']} audited{failed} "
        f"{bound['audited_hits']} reach the threshold. With 95 % confidence it missed "
        f"at most {bound['missed_segments_bound']} segments "
        f"(at most {bound['missed_share_bound']:.2%} of what it left to chance)."
    )


def _has_cascade(of_rule: RuleScores) -> bool:
    return any(score.chosen is not None or score.status is Status.PRUNED for score in of_rule.scores)


def _values(result: UnitResult, of_rule: RuleScores) -> dict[str, Any]:
    scores = of_rule.scores
    judged = Counter(score.chosen for score in scores if score.status is not Status.CARRIED)
    audited = [s for s in scores if s.chosen is SelectionReason.AUDIT and s.status is not Status.CARRIED]
    carried = sum(s.chosen is SelectionReason.AUDIT and s.status is Status.CARRIED for s in scores)
    return {
        "video_id": result.video.video_id,
        "scoring_id": of_rule.rule.scoring_id,
        "scorer_id": result.scorer.scorer_id,
        "judged_by_rank": judged[SelectionReason.RANK],
        "judged_for_motion": judged[SelectionReason.MOTION],
        "carried_from_audit": carried,
        "audited_segments": [score.segment_index for score in audited],
        "audited_scores": [score.score for score in audited],
    }
