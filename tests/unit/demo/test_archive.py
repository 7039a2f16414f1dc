"""A tiny rendered archive: what is planned is what ffmpeg wrote and what the class_targets says."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core import demo
from anyanomaly_core.demo.archive import DEMO_RULES, ArchivePlan, frame_truth, make_archive, planted_events
from anyanomaly_core.demo.archive_plan import planned_files
from anyanomaly_core.demo.archive_truth import _runs
from anyanomaly_core.demo.world import EVENT_NAMES
from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.decode import read_frames
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.rules.files import load_rules

PLAN = ArchivePlan(cameras=2, clips_per_camera=1, clip_s=4.0, fps=6.0, events=("lying", "bag"))
FRAMES = 24
SHORT = replace(PLAN, clip_s=0.5)  # 3 frames a file


def footage(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.mp4"))


def mtimes(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "footage of the site"
    make_archive(root, PLAN)
    return root


def slow_runs(frames: Sequence[Sequence[str]], gap: int) -> set[tuple[str, int, int]]:
    """Frame by frame: a run goes on while the event was shown at most ``gap`` frames ago."""
    runs = set()
    for name in EVENT_NAMES:
        first = last = None
        for number, events in enumerate(frames):
            if name not in events:
                continue
            if first is None or last is None or number - last > gap:
                if first is not None and last is not None:
                    runs.add((name, first, last))
                first = number
            last = number
        if first is not None and last is not None:
            runs.add((name, first, last))
    return runs


def test_files_have_the_planned_frames_and_no_damage(archive: Path) -> None:
    assert footage(archive) == sorted(file.uri for file in planned_files(PLAN))
    for uri in footage(archive):
        index = index_frames(archive / uri)
        assert len(index.times_s) == FRAMES
        assert index.complete
        assert index.damage == ()
        assert np.allclose(np.diff(index.times_s), 1 / PLAN.fps, atol=1e-3)
        assert read_frames(archive / uri, [FRAMES - 1])[FRAMES - 1].shape == (360, 480, 3)


def test_the_truth_has_a_row_for_every_frame(archive: Path) -> None:
    rows = [(uri, number) for uri, number, _ in frame_truth(archive)]
    assert rows == [(file.uri, number) for file in planned_files(PLAN) for number in range(FRAMES)]
    shown = {event for _, _, events in frame_truth(archive) for event in events}
    assert shown
    assert shown <= set(PLAN.events)


def test_events_sum_up_the_frames(archive: Path) -> None:
    by_file: dict[str, list[list[str]]] = {}
    with (archive / "_truth" / "frames.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            by_file.setdefault(row["uri"], []).append([name for name in EVENT_NAMES if row[name] == "1"])
    expected = {(uri, *run) for uri, frames in by_file.items() for run in slow_runs(frames, gap=6)}
    planted = planted_events(archive, EVENT_NAMES)
    assert {(e.uri, e.event, e.first_frame, e.last_frame) for e in planted} == expected
    for event in planted:
        assert event.start_s == pytest.approx(event.first_frame / 6, abs=1e-3)
        assert event.end_s == pytest.approx((event.last_frame + 1) / 6, abs=1e-3)
        assert event.rule == DEMO_RULES[event.event]
    assert planted_events(archive, ["car"]) == []


@given(
    st.lists(st.lists(st.sampled_from(EVENT_NAMES[:2]), max_size=2, unique=True), max_size=30),
    st.integers(min_value=1, max_value=6),
)
def test_runs_agree_with_the_slow_way(frames: list[list[str]], gap: int) -> None:
    assert sorted(_runs(frames, gap)) == sorted(slow_runs(frames, gap))


def test_every_demo_rule_exists() -> None:
    names = {rule.name for rule in load_rules(Path(demo.__file__).parent / "rules")}
    assert set(DEMO_RULES.values()) <= names


def test_a_second_call_does_nothing(archive: Path) -> None:
    before = mtimes(archive)
    make_archive(archive, PLAN)
    assert mtimes(archive) == before


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    make_archive(tmp_path, SHORT, workers=1)
    first, second = (tmp_path / file.uri for file in planned_files(SHORT))
    whole, class_targets = second.read_bytes(), (tmp_path / "_truth" / "events.csv").read_text()
    # What a killed run leaves: no tables yet, one file rendered, the other begun.
    for name in ("events.csv", "frames.csv"):
        (tmp_path / "_truth" / name).unlink()
    begun = tmp_path / "_truth" / "parts" / second.relative_to(tmp_path)
    begun.with_suffix(".json").unlink()
    second.rename(begun)
    kept = first.stat().st_mtime_ns

    make_archive(tmp_path, SHORT, workers=1)

    assert first.stat().st_mtime_ns == kept
    assert second.read_bytes() == whole
    assert (tmp_path / "_truth" / "events.csv").read_text() == class_targets
    assert footage(tmp_path) == sorted(file.uri for file in planned_files(SHORT))


def test_another_plan_replaces_the_archive_and_spares_other_files(tmp_path: Path) -> None:
    make_archive(tmp_path, SHORT, workers=1)
    theirs = tmp_path / "their-camera" / "2026-01-01" / "080000.mp4"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"not ours")
    longer = replace(SHORT, clip_s=1.0)  # the same names, other contents
    other = replace(longer, seed=21)  # other names

    make_archive(tmp_path, longer, workers=1)
    assert {len(index_frames(tmp_path / file.uri).times_s) for file in planned_files(longer)} == {6}
    make_archive(tmp_path, other, workers=1)

    planned = {file.uri for file in planned_files(other)}
    assert planned.isdisjoint(file.uri for file in planned_files(longer))
    assert set(footage(tmp_path)) == {*planned, theirs.relative_to(tmp_path).as_posix()}
    assert {uri for uri, _, _ in frame_truth(tmp_path)} == planned
    assert json.loads((tmp_path / "_truth" / "plan.json").read_text())["seed"] == 21


def test_a_failing_encoder_is_an_error_and_leaves_no_archive(tmp_path: Path) -> None:
    uri = planned_files(SHORT)[0].uri
    (tmp_path / "_truth" / "parts" / uri).mkdir(parents=True)  # ffmpeg cannot write where a folder is
    (tmp_path / "_truth" / "plan.json").write_text(json.dumps(asdict(SHORT), sort_keys=True))
    with pytest.raises(StorageError, match="exit status"):
        make_archive(tmp_path, SHORT, workers=1)
    assert not (tmp_path / uri).exists()
    assert not (tmp_path / "_truth" / "events.csv").exists()
