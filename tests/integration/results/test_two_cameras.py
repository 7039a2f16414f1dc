"""The same content under names of two cameras: scored once, found under each camera that a rule looks at."""

from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.results import catalog, retention
from anyanomaly_core.results.event_store import rederive_rule, rederive_video
from anyanomaly_core.results.planning import missing_units
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.writer import commit_unit
from tests.integration.results import world

EVENTS = (
    "SELECT rule, camera, first_frame, last_frame, started_local::time(0)::text FROM event_list ORDER BY rule, camera"
)


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def copied(engine: Engine, to: str = "yard") -> None:
    """A second name of gate's video, under another camera, in another time zone."""
    world.add_camera(engine, to, "Europe/London")
    with engine.begin() as connection:
        catalog.store_file(connection, world.found(f"{to}/1.mp4", to), world.digest("gate/1.mp4"))


def missing(engine: Engine, *rules: StoredRule, **options: object) -> list[tuple[int, list[str]]]:
    with engine.connect() as connection:
        units = missing_units(connection, rules, 1, **options)  # type: ignore[arg-type]
    return [(unit.video.video_id, [rule.name for rule in unit.rules]) for unit in units]


def commit(engine: Engine, video_id: int, rule: StoredRule, root: Path) -> None:
    """Frames 30 to 79 of 100 over the threshold."""
    curve = np.zeros(100, np.float32)
    curve[30:80] = 0.9
    commit_unit(engine, world.curve_result(engine, video_id, rule, world.add_scorer(engine), curve), root)


def test_a_rule_of_either_camera_wants_it_and_finds_its_events_there(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4")
    copied(engine)
    of_gate = world.add_rule(engine, "at-gate", cameras=("gate",))
    of_yard = world.add_rule(engine, "at-yard", cameras=("yard",))
    of_all = world.add_rule(engine, "anywhere")
    of_none = world.add_rule(engine, "elsewhere", cameras=("hall",))
    rules = (of_gate, of_yard, of_all, of_none)
    assert missing(engine, *rules) == [(video_id, ["at-gate", "at-yard", "anywhere"])]
    assert missing(engine, of_yard, camera_ids=["yard"]) == [(video_id, ["at-yard"])]
    assert missing(engine, *rules, camera_ids=["hall"]) == []
    for rule in (of_gate, of_yard, of_all):
        commit(engine, video_id, rule, tmp_path)
    assert missing(engine, *rules) == []

    # 22:00 UTC is midnight in Berlin and 23:00 in London, in summer; frame 30 is 1.2 s later.
    assert rows(engine, EVENTS) == [
        ("anywhere", "gate", 30, 79, "00:00:01"),
        ("anywhere", "yard", 30, 79, "23:00:01"),
        ("at-gate", "gate", 30, 79, "00:00:01"),
        ("at-yard", "yard", 30, 79, "23:00:01"),
    ]
    assert rows(engine, "SELECT count(*), count(DISTINCT event_id) FROM events") == [(4, 4)]
    assert rows(engine, "SELECT count(*) FROM segment_scores WHERE scoring_id = 3") == [(5,)], "scored once"
    found = "SELECT camera, count(*), count(score) FROM frame_scores WHERE rule = 'anywhere' GROUP BY 1 ORDER BY 1"
    assert rows(engine, found) == [("gate", 100, 100), ("yard", 100, 100)]
    covered = "SELECT rule, camera, state, round(seconds) FROM coverage ORDER BY 1, 2"
    assert rows(engine, covered) == [
        ("anywhere", "gate", "scored", 4.0),
        ("anywhere", "yard", "scored", 4.0),
        ("at-gate", "gate", "scored", 4.0),
        ("at-yard", "yard", "scored", 4.0),
    ]


def test_a_name_that_comes_later_brings_the_events_and_nothing_is_scored_again(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4")
    rule = world.add_rule(engine, "anywhere", hours="22:00-23:30")  # in Berlin the video is at midnight, outside
    commit(engine, video_id, rule, tmp_path)
    before = rows(engine, "SELECT * FROM segment_scores")
    assert rows(engine, EVENTS) == []

    copied(engine)
    with engine.begin() as connection:
        rederive_video(connection, video_id)  # as registering the file does
    assert rows(engine, EVENTS) == [("anywhere", "yard", 30, 79, "23:00:01")]
    assert missing(engine, rule) == []
    ids = rows(engine, "SELECT event_id FROM events")
    rederive_rule(engine, rule)
    commit(engine, video_id, rule, tmp_path)
    assert rows(engine, "SELECT event_id FROM events") == ids
    assert rows(engine, "SELECT * FROM segment_scores") == before


def test_the_longest_retention_of_its_cameras_counts(engine: Engine, owner_engine: Engine) -> None:
    world.add_camera(engine, "gate")
    world.add_video(engine, "gate/1.mp4")
    retention.set_retention(owner_engine, "gate", 1, person="ada")
    due = "SELECT uri, retention_days FROM retention_due"
    assert rows(engine, due) == [("gate/1.mp4", 1)]
    copied(engine)
    assert rows(engine, due) == [], "yard keeps for ever"
    retention.set_retention(owner_engine, "yard", 2, person="ada")
    assert rows(engine, due) == [("gate/1.mp4", 2)]


def test_what_one_of_its_cameras_hides_is_hidden(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4")
    masks = tmp_path / "masks.yaml"
    masks.write_text("cameras: {yard: [{rectangle: [0.0, 0.0, 0.5, 0.5]}]}", encoding="utf-8")
    places = {name: str(tmp_path) for name in ("archive_root", "parquet_root", "state_dir")}
    settings = Settings.model_validate({**places, "database_url": "postgresql://unused", "privacy_masks": masks})
    with engine.connect() as connection:
        assert footage_mask(settings, catalog.load_video(connection, video_id)) is None
    copied(engine)
    with engine.connect() as connection:
        video = catalog.load_video(connection, video_id)
    assert (video.camera_id, video.cameras) == ("gate", ("gate", "yard"))
    mask = footage_mask(settings, video)
    assert mask is not None
    assert len(mask.polygons) == 1
