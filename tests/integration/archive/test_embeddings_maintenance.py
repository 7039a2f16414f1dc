"""Which kept embeddings maintenance lists and removes: those that no scan to come would read."""

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.archive.maintenance import maintain
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.embeddings import encoding_digest
from anyanomaly_core.footage.masks import Mask, load_masks
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.results.rule_store import set_state
from tests.integration.archive.test_maintenance import settings
from tests.integration.results import world

DAY_S = 86400.0
HALF = Mask((((0.0, 0.0), (0.5, 0.0), (0.5, 1.0)),))
MASKS = "cameras:\n  gate:\n    - {rectangle: [0, 0, 0.5, 1]}\n"


class Kept:
    """Embeddings of one video, a file for each way in which they were made."""

    def __init__(self, engine: Engine, chosen: Settings, uri: str) -> None:
        self._engine, self._settings = engine, chosen
        content = world.digest(uri)
        self._folder = chosen.embeddings_folder / content[:2] / content

    def put(
        self, profile: Profile, revision: str, mask: Mask | None = None, *, part: str = "7-ab", age_s: float = 2 * DAY_S
    ) -> Path:
        digest = encoding_digest(profile, revision, None if mask is None else mask.digest)
        path = self._folder / digest[:16] / part / "frames.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    def gone(self, chosen: Settings | None = None) -> set[Path]:
        """What goes; the dry run before removes nothing and names just that."""
        used = chosen or self._settings
        there = set(self._folder.rglob("*.npy"))
        dry = maintain(self._engine, used)
        assert set(self._folder.rglob("*.npy")) == there
        done = maintain(self._engine, used, apply=True)
        assert [(file.kind, file.path, file.size) for file in dry.files] == [
            (file.kind, file.path, file.size) for file in done.files
        ]
        assert there - set(self._folder.rglob("*.npy")) == {file.path for file in done.files}
        assert {(file.kind, file.size) for file in done.files} <= {("embedding", 100)}
        return {file.path for file in done.files}


@pytest.fixture
def kept(engine: Engine, tmp_path: Path) -> Kept:
    """A scanned video. Its rules: one of the installation's profile `demo`, one of the profile `cpu`."""
    world.add_camera(engine, "gate")
    world.add_video(engine, "gate/1.mp4")
    world.add_rule(engine, "runs")
    world.add_rule(engine, "falls", profile="cpu")
    return Kept(engine, settings(tmp_path), "gate/1.mp4")


def used_days_ago(engine: Engine, profile: Profile, revision: str, days: int) -> None:
    scorer = world.add_scorer(engine, revision, profile)
    with engine.begin() as connection:
        when = text("UPDATE scorers SET last_used_at = now() - make_interval(days => :days) WHERE scorer_id = :id")
        connection.execute(when, {"days": days, "id": scorer.scorer_id})


def changed(profile: Profile, section: str, **values: object) -> Profile:
    body = profile.model_dump()
    body[section] |= values
    return Profile.model_validate(body)


def test_embeddings_stay_while_a_rule_uses_their_encoder(engine: Engine, kept: Kept) -> None:
    demo, cpu = load_profile("demo"), load_profile("cpu")
    used_days_ago(engine, demo, "older weights", 20)
    used_days_ago(engine, demo, "weights", 10)
    used_days_ago(engine, cpu, "weights of cpu", 12)
    stay = [kept.put(demo, "weights"), kept.put(changed(demo, "scoring", readout="generate"), "weights")]
    of_cpu = kept.put(cpu, "weights of cpu")
    young = kept.put(demo, "no scorer's", age_s=60)  # a scan may just have written it
    other = {
        kept.put(demo, "older weights"),
        kept.put(changed(demo, "contexts", window_sizes=(60,)), "weights"),
        kept.put(demo, "weights", HALF),
        kept.put(demo, "weights", part=".8-killed"),
    }
    assert kept.gone() == other
    with engine.begin() as connection:
        set_state(connection, "falls", "paused")
    assert kept.gone() == set(), "a paused rule may go on tomorrow"
    with engine.begin() as connection:
        set_state(connection, "falls", "retired")
    assert kept.gone() == {of_cpu}
    assert all(path.exists() for path in [*stay, young])
    assert not of_cpu.parents[1].exists(), "nor its empty folders"


def test_a_scorer_in_use_keeps_its_embeddings_though_no_rule_names_it(engine: Engine, kept: Kept) -> None:
    by_hand = changed(load_profile("demo"), "contexts", window_sizes=(60,))
    used_days_ago(engine, load_profile("demo"), "weights", 3)
    used_days_ago(engine, by_hand, "weights", 0)  # a scan with a profile of its own, or one that has just been changed
    own = kept.put(by_hand, "weights")
    assert kept.gone() == set()
    used_days_ago(engine, by_hand, "weights", 2)
    assert kept.gone() == {own}


def test_a_new_mask_retires_what_was_seen_without_it(engine: Engine, kept: Kept, tmp_path: Path) -> None:
    demo = load_profile("demo")
    used_days_ago(engine, demo, "weights", 3)
    masks = tmp_path / "masks.yaml"
    masks.write_text(MASKS, encoding="utf-8")
    masked = kept.put(demo, "weights", load_masks(masks).of("gate"))
    bare = kept.put(demo, "weights")
    chosen = settings(tmp_path).model_copy(update={"privacy_masks": masks})
    assert kept.gone(chosen) == {bare}
    assert masked.exists()


def test_nothing_goes_while_nobody_can_say_what_is_used(engine: Engine, kept: Kept) -> None:
    path = kept.put(load_profile("demo"), "weights nobody knows")
    world.add_rule(engine, "lies", profile="/nowhere/gone.yaml")
    assert kept.gone() == set()
    with engine.begin() as connection:
        set_state(connection, "lies", "retired")
    assert kept.gone() == {path}
