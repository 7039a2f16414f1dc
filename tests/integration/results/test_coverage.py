"""The ledger adds up to the archive, whatever happens to footage and rules, in whatever order."""

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, func, select, text

from anyanomaly_core.results import catalog, segment_store
from anyanomaly_core.results.coverage import coverage_table, ledger_errors
from anyanomaly_core.results.planning import missing_units
from anyanomaly_core.results.rule_store import list_rules
from anyanomaly_core.results.writer import commit_failure, commit_unit
from tests.integration.results import world

PER_VIDEO = """
    SELECT c.video_id, c.camera, c.rule_version_id, sum(c.seconds), v.duration_s
    FROM coverage c JOIN videos v USING (video_id) GROUP BY 1, 2, 3, 5
"""
PER_SEGMENT = """
    SELECT video_id, camera, rule, version, status::text, count(*), sum(cardinality(frame_scores)),
           sum(extract(epoch FROM ended_at - started_at))
    FROM segment_results GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
LEDGER = """
    SELECT video_id, camera, rule, version, state, segments, seconds FROM coverage
    WHERE scorer_id IS NOT NULL AND state <> 'no_footage' ORDER BY video_id, camera, rule, version, state
"""
EXPECTED = """
    SELECT f.video_id, f.camera_id, r.rule_version_id
    FROM video_files f JOIN rule_versions r ON glob_matches(f.camera_id, r.cameras)
"""
EMPTY = """TRUNCATE cameras, videos, video_files, video_cameras, segments, segment_layouts, rules, scorings,
           rule_versions, scorers, scan_runs, units, segment_scores, events, verdicts RESTART IDENTITY CASCADE"""


class Archive(RuleBasedStateMachine):
    """Footage comes, rots and goes; rules come and change; scans succeed and fail."""

    engine: Engine
    owner: Engine

    def __init__(self) -> None:
        super().__init__()
        with self.owner.begin() as connection:
            connection.execute(text(EMPTY))
        for camera in ("gate", "yard"):
            world.add_camera(self.engine, camera)
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.scorers = [world.add_scorer(self.engine, revision) for revision in ("1", "2")]
        self.videos: list[int] = []
        self.unreadable: set[int] = set()

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(
        camera=st.sampled_from(["gate", "yard"]),
        frames=st.integers(1, 130),
        hours=st.integers(0, 2000),
        even=st.booleans(),
        absent=st.sampled_from([(0.0, 0.0), (2.5, 0.0), (0.0, 40.0)]),
    )
    def footage_arrives(self, camera: str, frames: int, hours: int, even: bool, absent: tuple[float, float]) -> None:
        lost_s, hole_s = absent
        index = world.frame_index(frames, even=even, seed=hours)
        index = replace(index, times_s=index.times_s + lost_s + hole_s * (np.arange(frames) >= 60))
        when = world.START + timedelta(hours=hours)
        uri = f"{camera}/{len(self.videos)}.mp4"
        self.videos.append(world.add_video(self.engine, uri, camera, recorded_at=when, index=index))

    @precondition(lambda self: self.videos)
    @rule(camera=st.sampled_from(["gate", "yard"]), data=st.data())
    def a_copy_arrives(self, camera: str, data: st.DataObject) -> None:
        with self.engine.begin() as connection:
            original = catalog.load_video(connection, data.draw(st.sampled_from(self.videos)))
            copy = world.found(f"{camera}/copy of {original.video_id}.mp4", camera)
            assert catalog.store_file(connection, copy, original.content_sha256) == original.video_id

    @rule(camera=st.sampled_from(["gate", "yard"]))
    def unreadable_footage_arrives(self, camera: str) -> None:
        with self.engine.begin() as connection:
            uri = f"{camera}/{len(self.videos)}.mp4"
            video_id = catalog.store_file(connection, world.found(uri, camera), world.digest(uri))
            assert video_id is not None
            catalog.mark_unreadable(connection, video_id, "no frame")
        self.videos.append(video_id)
        self.unreadable.add(video_id)

    @precondition(lambda self: self.videos)
    @rule(data=st.data())
    def a_file_goes(self, data: st.DataObject) -> None:
        video_id = data.draw(st.sampled_from(self.videos))
        with self.engine.begin() as connection:
            uri = catalog.load_video(connection, video_id).uri
            later = connection.execute(select(func.now())).scalar_one() + timedelta(days=1)
            connection.execute(
                text("UPDATE video_files SET seen_at = :later WHERE uri <> :uri"), {"later": later, "uri": uri}
            )
            catalog.mark_missing(connection, later)
            catalog.touch_files(connection, [])

    @precondition(lambda self: self.videos)
    @rule(data=st.data())
    def a_file_is_found_again(self, data: st.DataObject) -> None:
        with self.engine.begin() as connection:
            uri = catalog.load_video(connection, data.draw(st.sampled_from(self.videos))).uri
            catalog.touch_files(connection, [uri])

    @rule(
        name=st.sampled_from(["fall", "bike"]),
        wording=st.sampled_from(["one", "two"]),
        cameras=st.sampled_from([("*",), ("gate",), ("y*", "none")]),
        threshold=st.sampled_from([0.3, 0.6]),
    )
    def a_rule_is_written(self, name: str, wording: str, cameras: tuple[str, ...], threshold: float) -> None:
        world.add_rule(self.engine, name, texts=(wording,), cameras=cameras, threshold=threshold)

    @rule(
        which=st.integers(0, 1), failing=st.sampled_from([0.0, 0.5]), seed=st.integers(0, 99), limit=st.integers(1, 3)
    )
    def a_scan_runs(self, which: int, failing: float, seed: int, limit: int) -> None:
        scorer = self.scorers[which]
        for unit in self.missing(scorer.scorer_id)[:limit]:
            result = world.unit_result(self.engine, unit.video.video_id, unit.rules, scorer, seed=seed, failing=failing)
            commit_unit(self.engine, result, self.root)

    @rule(which=st.integers(0, 1))
    def a_scan_fails(self, which: int) -> None:
        scorer = self.scorers[which]
        for unit in self.missing(scorer.scorer_id)[:1]:
            with self.engine.begin() as connection:
                segments = segment_store.load_segments(connection, unit.video.video_id, world.SAMPLING)
            commit_failure(
                self.engine, unit.video, segments, unit.rules, scorer, reason="killed", parquet_root=self.root
            )

    def missing(self, scorer_id: int):  # type: ignore[no-untyped-def]  # noqa: ANN201
        with self.engine.connect() as connection:
            return missing_units(connection, list_rules(connection), scorer_id)

    @invariant()
    def every_second_is_accounted_for(self) -> None:
        with self.engine.connect() as connection:
            per_video = connection.execute(text(PER_VIDEO)).all()
            expected = {tuple(row) for row in connection.execute(text(EXPECTED))}
        assert {tuple(row[:3]) for row in per_video} == expected
        for _, _, _, seconds, duration in per_video:
            assert seconds == pytest.approx(duration or 0, abs=1e-6)

    @invariant()
    def ledger_and_rows_agree(self) -> None:
        with self.engine.connect() as connection:
            ledger = connection.execute(text(LEDGER)).all()
            found = connection.execute(text(PER_SEGMENT)).all()
            frames: dict[int, int] = dict(connection.execute(text("SELECT video_id, frame_count FROM videos")).all())
        assert [tuple(row[:6]) for row in ledger] == [tuple(row[:6]) for row in found]
        assert [row[6] for row in ledger] == pytest.approx([float(row[7]) for row in found], abs=1e-4)
        of_unit: Counter[tuple[int, str, str, int]] = Counter()
        for row in found:
            of_unit[tuple(row[:4])] += row[6]
        assert all(count == frames[key[0]] for key, count in of_unit.items())


def test_holes_and_a_lost_beginning_are_no_footage(engine: Engine, tmp_path: Path) -> None:
    """Two seconds lost, 4 s of pictures with 68 s between their halves: 4 s are scored, 70 s are no footage."""
    world.add_camera(engine, "gate")
    index = world.frame_index(100)
    times = index.times_s + 2 + 68 * (np.arange(100) >= 50)
    video_id = world.add_video(engine, "gate/1.mp4", index=replace(index, times_s=times, complete=False))
    rule, scorer = world.add_rule(engine, threshold=0.5, max_gap_s=60, min_duration_s=1), world.add_scorer(engine)
    table = text("SELECT state, seconds, segments, reason FROM coverage ORDER BY state")
    with engine.connect() as connection:
        assert connection.execute(table).all() == [
            ("no_footage", pytest.approx(70), None, "nothing was recorded, or the beginning cannot be decoded"),
            ("not_yet", pytest.approx(4), None, None),
        ]
    curve = np.full(100, 0.9, np.float32)
    commit_unit(engine, world.curve_result(engine, video_id, rule, scorer, curve), tmp_path)
    with engine.connect() as connection:
        assert [row[:3] for row in connection.execute(table)] == [
            ("no_footage", pytest.approx(70), None),
            ("scored", pytest.approx(4), 6),  # 48 frames and 2, twice
        ]
        spans = connection.execute(
            text("""SELECT round(extract(epoch FROM started_at - recorded_at), 3),
                           round(extract(epoch FROM ended_at - recorded_at), 3)
                    FROM events JOIN videos USING (video_id) ORDER BY 1""")
        ).all()
    assert [(float(a), float(b)) for a, b in spans] == [(2, 4), (72, 74)]
    assert not ledger_errors(engine).rows
    shown = coverage_table(engine, by="file")
    state, seconds = shown.columns.index("state"), shown.columns.index("seconds_of_footage")
    assert {row[state]: float(row[seconds]) for row in shown.rows} == {"no_footage": 70.0, "scored": 4.0}
    assert not coverage_table(engine, unfinished=True).rows


def test_the_ledger_always_adds_up(engine: Engine, owner_engine: Engine) -> None:
    Archive.engine, Archive.owner = engine, owner_engine
    run_state_machine_as_test(
        Archive,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
