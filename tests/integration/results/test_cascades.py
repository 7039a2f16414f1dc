"""What the ledger says of a cascade, against plain Python over the rows that were committed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.binomial import missed_bound, share_bound
from anyanomaly_core.results.cascades import bounds_of_run, describe_bound
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.known_answers import known_answers
from anyanomaly_core.results.queries import run_ready
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer, start_run
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.scoring.types import SegmentScore, SelectionReason, Status
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.review.pages.pages_site import client_of

KINDS = ["rank", "motion", "audit", "carried", "pruned", "failed"]  # carried from an audited one; failed in the audit


def cascade_scorer(engine: Engine, share: float | None, name: str = "demo") -> StoredScorer:
    body = load_profile("demo").model_dump()
    cascade = None if share is None else {"share": share}
    profile = load_profile("demo").model_validate(
        {**body, "name": name, "scoring": {**body["scoring"], "cascade": cascade}}
    )
    return world.add_scorer(engine, "1", profile)


def row(index: int, rule: StoredRule, kind: str, value: float) -> SegmentScore:
    if kind == "pruned":
        return SegmentScore(index, rule.rule_version_id, Status.PRUNED, reason="left out by the cascade")
    if kind == "failed":
        return replace(world.segment_score(index, rule, None), chosen=SelectionReason.AUDIT)
    scored = world.segment_score(index, rule, value)
    if kind == "carried":
        return replace(scored, status=Status.CARRIED, reason="static scene", chosen=SelectionReason.AUDIT)
    return replace(scored, chosen=SelectionReason(kind))


def commit(
    engine: Engine, root: Path, video: int, kinds: Sequence[str], *, rule: StoredRule, scorer: StoredScorer, run: int
) -> list[SegmentScore]:
    made = world.unit_result(engine, video, (rule,), scorer)
    values = np.random.default_rng(video).random(len(kinds)).astype(np.float32)
    scores = [row(n, rule, kind, float(value)) for n, (kind, value) in enumerate(zip(kinds, values, strict=True))]
    frames = np.full(made.segments.frame_count, np.nan, np.float32)
    for part, score in zip(made.segments.segments, scores, strict=True):
        frames[part.first_frame : part.last_frame + 1] = np.nan if score.score is None else score.score
    result = UnitResult(made.video, made.segments, (rule,), scorer, scores, {rule.rule_version_id: frames}, run)
    commit_unit(engine, result, root)
    return scores


def of(engine: Engine, statement: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(found) for found in connection.execute(text(statement)).mappings()]


def test_views_and_run_say_what_was_committed(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    rule, scorer = world.add_rule(engine, "fall", threshold=0.5), cascade_scorer(engine, 0.2)
    with engine.begin() as connection:
        runs = [start_run(connection, "scan", code_version="1", external_id=str(n)) for n in range(2)]
    rng = np.random.default_rng(5)
    kinds = [rng.choice(KINDS, size=40, p=[0.15, 0.05, 0.2, 0.1, 0.48, 0.02]).tolist() for _ in range(3)]
    kinds[2][:3] = "failed", "pruned", "audit"
    videos = [world.add_video(engine, f"gate/{n}.mp4", frames=40 * 24) for n in range(3)]
    committed = [
        commit(engine, tmp_path, video, own, rule=rule, scorer=scorer, run=runs[n // 2])
        for n, (video, own) in enumerate(zip(videos, kinds, strict=True))
    ]

    def expected(videos: Sequence[int]) -> dict[str, Any]:
        flat = [kind for n in videos for kind in kinds[n]]
        audited = [score for n in videos for score in committed[n] if score.chosen is SelectionReason.AUDIT]
        hits = sum(s.status is Status.SCORED and (s.score or 0) >= 0.5 for s in audited)
        drawn, failed = flat.count("audit") + flat.count("failed"), flat.count("failed")
        left = drawn + flat.count("carried") + flat.count("pruned")
        most = missed_bound(hits + failed, drawn, left)
        return {
            "pruned": flat.count("pruned"),
            "audited": drawn,
            "audited_failed": failed,
            "audited_hits": hits,
            "missed_share_bound": pytest.approx(share_bound(hits + failed, drawn), abs=1e-6),
            "missed_segments_bound": min(most, flat.count("pruned")),
        }

    whole = of(engine, "SELECT * FROM cascade_bounds")
    assert len(whole) == 1
    assert expected([0, 1, 2]).items() <= whole[0].items()
    assert whole[0]["judged_by_rank"] == sum(own.count("rank") for own in kinds)
    assert whole[0]["judged_for_motion"] == sum(own.count("motion") for own in kinds)
    with engine.connect() as connection:
        for run, of_run in zip(runs, ([0, 1], [2]), strict=True):
            said = bounds_of_run(connection, run)
            assert said == [{"rule": "fall", "profile": "demo", **expected(of_run)}]
            assert f"missed at most {said[0]['missed_segments_bound']} segments" in describe_bound(said[0])
    assert run_ready(engine, "cascade_bounds").rows
    pruned = of(engine, "SELECT * FROM coverage WHERE state = 'pruned'")
    assert sum(found["segments"] for found in pruned) == whole[0]["pruned"]
    assert of(engine, "SELECT count(*) FROM segment_scores WHERE status = 'pruned' AND (score, peak) IS DISTINCT FROM (NULL, NULL)") == [{"count": 0}]  # fmt: skip  # noqa: E501


def test_the_rule_page_says_what_was_left_out(engine: Engine, database: TestDatabase, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    rule, video = world.add_rule(engine, "fall"), world.add_video(engine, "gate/1.mp4", frames=40 * 24)
    kinds = ["rank"] * 8 + ["audit"] * 2 + ["pruned"] * 30
    with engine.begin() as connection:
        run = start_run(connection, "scan", code_version="1")
    commit(engine, tmp_path, video, kinds, rule=rule, scorer=cascade_scorer(engine, 0.2), run=run)
    reviewer = make_engine(database.url("reviewer"))
    page = client_of(reviewer, tmp_path).get("/rules/fall?quote=1")
    reviewer.dispose()
    [found] = of(engine, "SELECT * FROM cascade_bounds")
    text = " ".join(page.text.split())
    assert "30 segments, by the cascade of demo" in text
    assert f"{found['audited_hits']} of 2 audited segments reach the threshold" in text
    assert f"at most {found['missed_segments_bound']} were missed" in text
    assert "With a cascade: " in text


@pytest.mark.parametrize(
    ("hits", "drawn"), [(0, 0), (0, 1), (1, 1), (0, 60), (3, 60), (59, 60), (40, 5000), (0, 10**6)]
)
def test_sql_has_the_same_bound_as_python(engine: Engine, hits: int, drawn: int) -> None:
    [found] = of(engine, f"SELECT clopper_pearson_upper({hits}, {drawn}) AS share")
    assert found["share"] == pytest.approx(share_bound(hits, drawn), abs=1e-9)


def test_answers_of_a_scorer_that_differs_in_its_cascade_only_are_known(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    rule, video = world.add_rule(engine), world.add_video(engine, "gate/1.mp4", frames=6 * 24)
    narrow, wide = cascade_scorer(engine, 0.2), cascade_scorer(engine, 0.4, "wide")
    off, renamed = cascade_scorer(engine, None), cascade_scorer(engine, 0.2, "renamed")
    with engine.begin() as connection:
        run = start_run(connection, "scan", code_version="1")
    committed = commit(engine, tmp_path, video, KINDS, rule=rule, scorer=narrow, run=run)
    wanted = {
        (score.segment_index, rule.rule_version_id): replace(score, chosen=None, timings_ms={})
        for score in committed
        if score.status is Status.SCORED
    }
    with engine.connect() as connection:
        for scorer in (wide, off):
            found = known_answers(connection, video, [rule], scorer.scorer_id, None)
            assert found.keys() == wanted.keys()
            for key, score in found.items():
                assert score.score == pytest.approx(wanted[key].score, abs=1e-6)
                plain = {"score": 0.0, "key_score": 0.0, "rationale": None}
                assert replace(score, **plain) == replace(wanted[key], **plain)  # type: ignore[arg-type]
        # Nothing of oneself, of what has the same cascade under another name, or of what was seen through a mask.
        assert known_answers(connection, video, [rule], narrow.scorer_id, None) == {}
        assert known_answers(connection, video, [rule], renamed.scorer_id, None) == {}
        assert known_answers(connection, video, [rule], off.scorer_id, "ab" * 32) == {}
