"""The ledger of units: what was committed of a video, for which question, by which scorer."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.results.cascades import record_cascades
from anyanomaly_core.results.rows import RuleScores, UnitResult
from anyanomaly_core.results.schema import NOW, units
from anyanomaly_core.scoring.types import Status

_KEY = ("video_id", "scoring_id", "scorer_id")


def record_unit(connection: Connection, result: UnitResult, rules: Sequence[RuleScores]) -> set[int]:
    """Write the rows of a unit; returns the scorings whose scores are now the ones that views show."""
    u = units.c
    others = (u.video_id == result.video.video_id) & (u.scorer_id != result.scorer.scorer_id) & u.is_current
    failed = [of_rule.rule.scoring_id for of_rule in rules if of_rule.state == "failed"]
    # A scorer that failed does not hide what another one found out.
    better = select(u.scoring_id).where(others, u.scoring_id.in_(failed), u.state != "failed")
    hidden = set(connection.execute(better).scalars()) if failed else set()
    current = {of_rule.rule.scoring_id for of_rule in rules} - hidden
    connection.execute(update(units).where(others, u.scoring_id.in_(sorted(current))).values(is_current=False))
    values = [_values(result, of_rule, is_current=of_rule.rule.scoring_id in current) for of_rule in rules]
    if values:
        row = insert(units)
        again: dict[str, Any] = {name: row.excluded[name] for name in values[0] if name not in {*_KEY, "attempts"}}
        again |= {"attempts": u.attempts + 1, "finished_at": NOW}
        connection.execute(row.on_conflict_do_update(index_elements=_KEY, set_=again), values)
    record_cascades(connection, result, rules)
    return current


def _values(result: UnitResult, of_rule: RuleScores, *, is_current: bool) -> dict[str, Any]:
    return {
        "video_id": result.video.video_id,
        "scoring_id": of_rule.rule.scoring_id,
        "scorer_id": result.scorer.scorer_id,
        "layout_id": result.segments.layout_id,
        "state": of_rule.state,
        "is_current": is_current,
        "attempts": 1,
        "last_error": of_rule.last_error,
        **{f"segments_{status.value}": of_rule.segments[status] for status in Status},
        **{f"seconds_{status.value}": of_rule.seconds[status] for status in Status},
        "work_ms": of_rule.work_ms,
        "run_id": result.run_id,
        "mask_digest": result.mask_digest,
        "certificate_id": result.certificate_id,
    }


def record_files(connection: Connection, video_id: int, files: Mapping[tuple[int, int], Sequence[str]]) -> list[str]:
    """Note the names of a video's Parquet files in a bucket; returns those that they take the place of.

    Args:
        connection: in the transaction that commits the rows.
        video_id: the video.
        files: by scoring and scorer, names under the root.
    """
    u = units.c
    replaced: list[str] = []
    for (scoring_id, scorer_id), names in files.items():
        mine = (u.video_id == video_id) & (u.scoring_id == scoring_id) & (u.scorer_id == scorer_id)
        before = connection.execute(select(u.parquet_files).where(mine)).scalar_one() or []
        connection.execute(update(units).where(mine).values(parquet_files=[*names]))
        replaced += [name for name in before if name not in names]
    return replaced
