"""A cascade through the tasks, PostgreSQL and real small models: pruned in the ledger, audited, bounded, undone."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, text

from anyanomaly_core.config import get_settings
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore
from tasks import backfill, scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, film
from tests.integration.archive.test_scan import as_xcom, ingest_all, rows, scan_all, worker

LONG, SEGMENTS = f"hall/{DAY}/12-00-00.mp4", 30
STATUS = """
SELECT v.uri, r.name, s.segment_index, s.status::text, s.score, s.peak, s.reason
FROM segment_scores s JOIN videos v USING (video_id) JOIN scorings g USING (scoring_id) JOIN rules r USING (rule_id)
WHERE s.scorer_id = (SELECT max(scorer_id) FROM scorers) ORDER BY 1, 2, 3"""
AUDITED = """
SELECT v.uri, scoring_id, judged_by_rank, audited_segments, audited_scores
FROM unit_cascades JOIN videos v USING (video_id) ORDER BY 1, 2"""
UNITS = """
SELECT sum(segments_pruned), sum(segments_scored), sum(segments_failed), bool_and(state = 'done') FROM units
WHERE scorer_id = (SELECT max(scorer_id) FROM scorers)"""


@pytest.fixture
def cascaded(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with a longer video, and a profile that prunes."""
    film(world.archive / LONG, SEGMENTS * 8)
    use(world, monkeypatch, {"share": 0.2, "audit": 0.25, "motion": None})
    return world


def use(world: World, monkeypatch: pytest.MonkeyPatch, cascade: dict[str, Any] | None) -> None:
    profile = yaml.safe_load(Path(get_settings().profile).read_text(encoding="utf-8"))
    profile["scoring"]["cascade"] = cascade
    path = world.parquet.parent / "cascade.yaml"
    path.write_text(yaml.safe_dump(profile))
    monkeypatch.setenv("ANYANOMALY_PROFILE", str(path))
    get_settings.cache_clear()


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many segments the scorer was asked about, by rule."""
    counts: Counter[str] = Counter()
    original = AnyAnomalyScorer.score

    def counting(
        scorer: AnyAnomalyScorer, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]
    ) -> list[SegmentScore]:
        counts.update({rule.name: len(segments) for rule in rules})
        return original(scorer, segments, rules)

    monkeypatch.setattr(AnyAnomalyScorer, "score", counting)
    return counts


def ledger_adds_up(world: World) -> bool:
    wrong = """
    SELECT count(*) FROM videos w
    JOIN (SELECT video_id, rule_version_id, sum(seconds) AS seconds FROM coverage GROUP BY 1, 2) c USING (video_id)
    WHERE abs(c.seconds - coalesce(w.duration_s, 0)) > 0.001"""
    return rows(world.engine, wrong) == [(0,)]


def test_pruned_segments_are_in_the_ledger_with_a_reason_and_the_run_says_what_was_missed_at_most(
    cascaded: World, judged: Counter[str]
) -> None:
    ingest_all(cascaded)
    summary = scan_all(as_xcom(scan.plan_units()))
    found = rows(cascaded.engine, STATUS)
    statuses = Counter(row[3] for row in found)
    segments = {LONG: SEGMENTS, f"hall/{DAY}/10-00-00.mp4": 5, f"hall/{DAY}/11-00-00.mp4": 4}
    segments |= {f"gate/{DAY}/10-00-00.mp4": 7}
    assert len(found) == 2 * sum(segments.values())  # two rules
    ranked = {(uri, scoring): by_rank for uri, scoring, by_rank, _, _ in rows(cascaded.engine, AUDITED)}
    assert ranked == {(uri, scoring): -(-count // 5) for uri, count in segments.items() for scoring in (1, 2)}
    for _, _, _, status, score, peak, reason in found:
        if status == "pruned":
            assert (score, peak) == (None, None)
            assert "the encoder ranks it" in reason
        else:
            assert (status, reason) == ("scored", None)
            assert peak is not None
    assert statuses["pruned"] > statuses["scored"]
    assert judged == Counter(row[1] for row in found if row[3] == "scored")
    assert (summary["rows_pruned"], summary["rows_scored"]) == (statuses["pruned"], statuses["scored"])
    assert ledger_adds_up(cascaded)

    bounds = {bound["rule"]: bound for bound in summary["cascade"]}
    assert bounds.keys() == {"car", "running"}
    for rule, bound in bounds.items():
        own = [row for row in found if row[1] == rule]
        assert bound["pruned"] == sum(row[3] == "pruned" for row in own)
        assert bound["audited"] == sum(row[3] == "scored" for row in own) - sum(-(-n // 5) for n in segments.values())
        assert 0 <= bound["audited_hits"] <= bound["audited"]
        assert 0 < bound["missed_share_bound"] <= 1
        assert bound["missed_segments_bound"] <= bound["pruned"]
    kept = rows(cascaded.engine, "SELECT summary -> 'cascade' FROM scan_runs WHERE kind = 'scan'")
    assert kept == [(summary["cascade"],)]

    form: dict[str, Any] = {"rule": "running", "cameras": [], "from": None, "to": None, "newest_first": False}
    quoted = backfill.quote_backfill({**form, "gpu_hours": None, "segments": None, "dry_run": True})
    assert quoted["videos"] == 0
    assert quoted["lvlm_calls_with_cascade"] == quoted["lvlm_calls_without_cascade"] == 0


def test_after_a_kill_the_audit_is_the_same(
    cascaded: World, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(cascaded)
    units = as_xcom(scan.plan_units())
    [unit] = [u for u in units if len(u["videos"]) == 3]
    killed = worker(unit)
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in cascaded.journal.glob("*.jsonl")) and time.monotonic() < deadline:
        assert killed.poll() is None or rows(cascaded.engine, "SELECT count(*) FROM units") != [(0,)]
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    scan_all(units)
    first = rows(cascaded.engine, STATUS), rows(cascaded.engine, AUDITED)
    assert ledger_adds_up(cascaded)
    # From nothing, one rule alone, without kept embeddings: the same choice.
    monkeypatch.setenv("ANYANOMALY_KEEP_EMBEDDINGS", "false")
    get_settings.cache_clear()
    forget(owner_engine)
    for rule in ("car", "running"):
        scan_all(as_xcom(scan.plan_units(rules=[rule])))
    again = rows(cascaded.engine, STATUS), rows(cascaded.engine, AUDITED)
    assert [row[:4] for row in again[0]] == [row[:4] for row in first[0]]
    assert [row[3] for row in again[1]] == [row[3] for row in first[1]]


def test_switched_off_exactly_what_was_pruned_is_judged(
    cascaded: World, owner_engine: Engine, judged: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(cascaded)
    scan_all(as_xcom(scan.plan_units()))
    pruned = [row for row in rows(cascaded.engine, STATUS) if row[3] == "pruned"]
    use(cascaded, monkeypatch, None)
    judged.clear()
    summary = scan_all(as_xcom(scan.plan_units()))
    assert judged == Counter(row[1] for row in pruned)
    assert "cascade" not in summary
    assert "rows_pruned" not in summary
    assert rows(cascaded.engine, UNITS) == [(0, 2 * (SEGMENTS + 16), 0, True)]
    assert rows(cascaded.engine, "SELECT count(*) FROM coverage WHERE state = 'pruned'") == [(0,)]
    assert rows(cascaded.engine, "SELECT count(*) FROM cascade_units") == [(0,)]
    assert ledger_adds_up(cascaded)
    reused = rows(cascaded.engine, STATUS)

    # As if there never had been a cascade.
    forget(owner_engine)
    scan_all(as_xcom(scan.plan_units()))
    fresh = rows(cascaded.engine, STATUS)
    assert [row[:4] for row in reused] == [row[:4] for row in fresh]
    assert [row[4] for row in reused] == pytest.approx([row[4] for row in fresh], abs=1e-5)
    assert [row[5] for row in reused] == pytest.approx([row[5] for row in fresh], abs=1e-5)


def forget(owner: Engine) -> None:
    """Every result is gone; footage and rules stay."""
    with owner.begin() as connection:
        for statement in ("DELETE FROM events", "DELETE FROM segment_scores", "DELETE FROM units"):
            connection.execute(text(statement))
