from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from anyanomaly_core.errors import RuleError
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import catalog, event_store, rule_store, scorer_store, segment_store
from anyanomaly_core.results.planning import missing_units
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.writer import commit_failure, commit_unit
from anyanomaly_core.rules.cameras import matches
from anyanomaly_core.rules.definition import RuleDefinition
from tests.integration.results import world


def missing(
    engine: Engine, rules: list[StoredRule], scorer_id: int | None, **options: object
) -> list[tuple[int, list[str]]]:
    with engine.connect() as connection:
        units = missing_units(connection, rules, scorer_id, **options)  # type: ignore[arg-type]
    return [(unit.video.video_id, [rule.name for rule in unit.rules]) for unit in units]


def fail(
    engine: Engine, video_id: int, rules: tuple[StoredRule, ...], scorer: scorer_store.StoredScorer, root: Path
) -> None:
    with engine.begin() as connection:
        video = catalog.load_video(connection, video_id)
        segments = segment_store.load_segments(connection, video_id, world.SAMPLING)
    commit_failure(engine, video, segments, rules, scorer, reason="the GPU fell off", parquet_root=root)


def test_exactly_what_is_missing(engine: Engine, tmp_path: Path) -> None:
    for camera in ("gate", "yard"):
        world.add_camera(engine, camera)
    late = world.add_video(engine, "gate/2.mp4", recorded_at=world.START + timedelta(days=1))
    early = world.add_video(engine, "gate/1.mp4")
    yard = world.add_video(engine, "yard/1.mp4", "yard", recorded_at=world.START + timedelta(hours=1))
    fall, bike = world.add_rule(engine), world.add_rule(engine, "bike", texts=("a bicycle",), cameras=("gat*",))
    scorer = world.add_scorer(engine)
    rules, mine = [fall, bike], scorer.scorer_id

    everything = [(early, ["fall", "bike"]), (yard, ["fall"]), (late, ["fall", "bike"])]
    assert missing(engine, rules, None) == everything
    assert missing(engine, rules, mine) == everything
    assert missing(engine, rules, mine, newest_first=True) == everything[::-1]
    assert missing(engine, rules, mine, camera_ids=["yard"]) == [(yard, ["fall"])]
    assert missing(engine, rules, mine, recorded_from=world.START + timedelta(minutes=1)) == everything[1:]
    assert missing(engine, rules, mine, recorded_before=world.START + timedelta(hours=1)) == everything[:1]

    commit_unit(engine, world.unit_result(engine, early, (bike,), scorer, failing=0), tmp_path)
    assert missing(engine, rules, mine) == [(early, ["fall"]), *everything[1:]]
    other = world.add_scorer(engine, "2")
    assert missing(engine, rules, other.scorer_id) == everything
    with engine.begin() as connection:
        catalog.mark_unreadable(connection, yard, "rotten")
    assert missing(engine, rules, mine) == [(early, ["fall"]), (late, ["fall", "bike"])]


def test_failures_are_tried_a_few_times(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4")
    rule, scorer = world.add_rule(engine), world.add_scorer(engine)
    for _ in range(3):
        assert missing(engine, [rule], scorer.scorer_id) == [(video_id, ["fall"])]
        fail(engine, video_id, (rule,), scorer, tmp_path)
    assert missing(engine, [rule], scorer.scorer_id) == []
    assert missing(engine, [rule], scorer.scorer_id, max_attempts=4) == [(video_id, ["fall"])]
    with engine.connect() as connection:
        found = connection.execute(text("SELECT state, seconds, reason, attempts FROM coverage")).all()
    assert found == [("failed", pytest.approx(4), "the GPU fell off", 3)]


def test_a_failure_hides_no_result(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4")
    rule, scorer = world.add_rule(engine), world.add_scorer(engine)
    commit_unit(engine, world.unit_result(engine, video_id, (rule,), scorer, failing=0), tmp_path)
    fail(engine, video_id, (rule,), scorer, tmp_path)
    fail(engine, video_id, (rule,), world.add_scorer(engine, "2"), tmp_path)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT DISTINCT state, scorer_id FROM coverage")).all() == [("scored", 1)]
        assert connection.execute(text("SELECT count(*) FROM frame_scores WHERE score IS NULL")).scalar() == 0
    commit_unit(
        engine, world.unit_result(engine, video_id, (rule,), world.add_scorer(engine, "3"), failing=0), tmp_path
    )
    with engine.connect() as connection:
        assert connection.execute(text("SELECT DISTINCT scorer_id FROM frame_scores")).all() == [(3,)]
        assert connection.execute(text("SELECT count(*) FROM frame_scores")).scalar() == 100


def needs_events(engine: Engine, **changes: object) -> bool:
    definition = RuleDefinition.model_validate({"name": "fall", "texts": ("a person falls",), **changes})
    with engine.begin() as connection:
        return rule_store.apply_rules(connection, [definition], author="test")[0].needs_events


def test_versions(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4", frames=600)
    rule, scorer = world.add_rule(engine, threshold=0.9), world.add_scorer(engine)
    assert (rule.version, world.add_rule(engine, threshold=0.9)) == (1, rule)
    commit_unit(engine, world.unit_result(engine, video_id, (rule,), scorer, failing=0), tmp_path)
    with engine.connect() as connection:
        before = event_store.count_events(connection, rule.rule_version_id)

    # A lower threshold is a new version, found in the scores that are there, and the old one's events stay.
    loose = world.add_rule(engine, threshold=0.3)
    assert (loose.version, loose.scoring_id) == (2, rule.scoring_id)
    assert needs_events(engine, threshold=0.3)  # still, after an interrupted apply
    assert missing(engine, [loose], scorer.scorer_id) == []
    rederived = event_store.rederive_rule(engine, loose)
    assert event_store.rederive_rule(engine, loose) == rederived > before
    assert not needs_events(engine, threshold=0.3)
    with engine.connect() as connection:
        assert event_store.count_events(connection, rule.rule_version_id) == before
        by_rederiving = connection.execute(text("SELECT to_jsonb(e) FROM events e ORDER BY 1")).all()
    commit_unit(engine, world.unit_result(engine, video_id, (rule,), scorer, failing=0), tmp_path)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_jsonb(e) FROM events e ORDER BY 1")).all() == by_rederiving

    # Other texts need scoring; going back to the first ones does not.
    other = world.add_rule(engine, texts=("a person lies down",))
    assert (other.version, missing(engine, [other], scorer.scorer_id)) == (3, [(video_id, ["fall"])])
    back = world.add_rule(engine, threshold=0.3)
    assert (back.version, back.scoring_id, missing(engine, [back], scorer.scorer_id)) == (4, rule.scoring_id, [])


def test_pausing_and_retiring(engine: Engine) -> None:
    world.add_rule(engine)
    paused = RuleDefinition(name="fall", texts=("a person falls",), active=False)
    with engine.begin() as connection:
        (applied,) = rule_store.apply_rules(connection, [paused], author="test")
        assert (applied.change, applied.rule.version, applied.rule.state) == ("state", 1, "paused")
        assert rule_store.list_rules(connection, state="active") == []
        rule_store.set_state(connection, "fall", "retired")
        assert rule_store.load_rule(connection, "fall").state == "retired"
        with pytest.raises(RuleError, match="There is no rule 'dog'; known: fall"):
            rule_store.set_state(connection, "dog", "paused")
        with pytest.raises(RuleError, match="it has versions 1 to 1"):
            rule_store.load_rule(connection, "fall", 2)


def test_a_file_applied_again_does_not_undo_what_was_set_by_hand(engine: Engine) -> None:
    def state_after(*, active: bool, **changes: object) -> str:
        return world.add_rule(engine, active=active, **changes).state

    def by_hand(state: rule_store.State) -> None:
        with engine.begin() as connection:
            rule_store.set_state(connection, "fall", state)

    assert state_after(active=True) == "active"
    by_hand("paused")
    assert state_after(active=True) == "paused"
    assert state_after(active=False) == "paused"
    assert state_after(active=True) == "active"
    by_hand("retired")
    assert state_after(active=True) == "retired"
    assert state_after(active=True, threshold=0.9) == "active"  # somebody edited it, so somebody wants it


def test_the_latest_scorer_of_a_profile_needs_no_models(engine: Engine) -> None:
    profile = load_profile("demo")
    with engine.begin() as connection:
        assert scorer_store.latest_scorer(connection, profile) is None
    first, second = world.add_scorer(engine, "1"), world.add_scorer(engine, "2")
    with engine.begin() as connection:
        assert scorer_store.latest_scorer(connection, profile) == second
    assert world.add_scorer(engine, "1") == first
    with engine.begin() as connection:
        assert scorer_store.latest_scorer(connection, profile) == first


letters = "ab%_\\.+([]-!"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cameras=st.lists(st.text(st.sampled_from(letters + "*?"), min_size=1, max_size=5), max_size=20),
    glob=st.text(st.sampled_from(letters + "*?"), min_size=1, max_size=6),
)
def test_sql_and_python_match_the_same_cameras(engine: Engine, cameras: list[str], glob: str) -> None:
    query = text("SELECT glob_matches(camera, ARRAY[:glob]) FROM unnest(CAST(:cameras AS text[])) AS c(camera)")
    with engine.connect() as connection:
        in_sql = connection.execute(query, {"glob": glob, "cameras": cameras}).scalars().all()
    assert in_sql == [matches(camera, [glob]) for camera in cameras]
