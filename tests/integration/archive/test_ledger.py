"""Real files come, are cut, spoiled, renamed, copied and removed at random; the ledger always adds up to the archive.

The archive is counted by the test itself, from what it did to it; frames of whole files are known from their making.
"""

import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.archive.rules import apply_rule_files
from tasks import ingest, scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import aged, film

FPS = 10
FRAMES = {"testsrc2": 16, "smptebars": 24, "rgbtestsrc": 8, "testsrc": 40, "yuvtestsrc": 17}
# A content that was ever found under two cameras is covered under each; one that a readable one replaced, no more.
PER_VIDEO = """
SELECT v.uri, r.name, v.state::text, coalesce(v.duration_s, 0), sum(c.seconds),
       array_agg(DISTINCT c.state), count(*) FILTER (WHERE c.state = 'failed' AND c.reason IS NULL)
FROM videos v JOIN video_cameras p USING (video_id)
JOIN rule_versions n ON glob_matches(p.camera_id, n.cameras) JOIN rules r USING (rule_id)
LEFT JOIN coverage c ON (c.video_id, c.rule_version_id, c.camera) = (v.video_id, n.rule_version_id, p.camera_id)
WHERE NOT EXISTS (SELECT FROM videos n WHERE n.video_id = v.replaced_by AND n.state IN ('ready', 'damaged'))
GROUP BY v.video_id, p.camera_id, v.uri, r.name, v.state, v.duration_s"""


class Disk:
    """The archive, and what is known to be in it: name -> frames, or None where the content is spoiled or cut."""

    def __init__(self, root: Path, pool: Path, rng: random.Random) -> None:
        self.root, self.rng = root, rng
        self.pool = sorted(pool.glob("*.avi"))
        self.files: dict[Path, Path | None] = {}  # None: not whole

    def add(self) -> None:
        source = self.rng.choice(self.pool)
        self._write(self._name(), source.read_bytes(), source)

    def spoil(self) -> None:
        self._write(self._any(), self.rng.randbytes(3000), None)

    def cut(self) -> None:
        path = self._any()
        content = path.read_bytes()
        self._write(path, content[: self.rng.randrange(len(content) // 4, len(content))], None)

    def remove(self) -> None:
        path = self._any()
        path.unlink()
        del self.files[path]

    def rename(self) -> None:
        path, to = self._any(), self._name()
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)
        self.files[to] = self.files.pop(path)

    def copy(self) -> None:
        path = self._any()
        self._write(self._name(), path.read_bytes(), self.files[path])

    def whole_seconds(self) -> float:
        """Of the whole contents, each counted once however many names it has."""
        return sum(FRAMES[source.stem] for source in {source for source in self.files.values() if source}) / FPS

    def _write(self, path: Path, content: bytes, source: Path | None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        aged(path)
        self.files[path] = source

    def _any(self) -> Path:
        return self.rng.choice(sorted(self.files))

    def _name(self) -> Path:
        while True:
            day, time = f"2026-03-{self.rng.randint(1, 28):02}", f"{self.rng.randint(0, 23):02}-00-00"
            path = self.root / self.rng.choice(["hall", "gate"]) / day / f"{time}.avi"
            if path not in self.files:
                return path


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def night(*, scanning: bool) -> None:
    chunks = ingest.discover_files()
    ingest.summarize_ingest(chunks, [ingest.register_files(chunk) for chunk in chunks])
    if scanning:
        for unit in scan.plan_units():
            scan.scan_unit(unit)


def check(world: World, disk: Disk, *, scanned: bool) -> None:
    present = {str(path.relative_to(disk.root)): source for path, source in disk.files.items()}
    known = rows(world.engine, "SELECT uri FROM video_files WHERE missing_since IS NULL")
    assert {uri for (uri,) in known} == set(present), "every file of the archive is known, and no other"
    whole: dict[str, float] = {}  # of the rule that looks at every camera, by video
    for uri, rule, state, duration, seconds, states, without_reason in rows(world.engine, PER_VIDEO):
        assert seconds == pytest.approx(duration, abs=1e-6), (uri, rule, "the parts add up to the video")
        assert without_reason == 0, "a failure has a reason"
        if state == "ready" and rule == "running":
            whole[uri] = seconds
        if scanned and state in {"ready", "damaged"}:
            assert states == ["scored"], (uri, rule)
        if state == "unreadable":
            assert states == ["failed"]
    assert sum(whole.values()) == pytest.approx(disk.whole_seconds(), abs=1e-3), "all of the archive, nothing twice"


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_to_the_footage_every_second_is_accounted_for(world: World, tmp_path: Path, seed: int) -> None:
    for path in sorted(world.archive.rglob("*.*")):
        path.unlink()
    for pattern, frames in FRAMES.items():
        film(tmp_path / "pool" / f"{pattern}.avi", frames, pattern=pattern)
    (world.rules / "car.yaml").write_text("name: car\ntexts: [a car]\ncameras: ['ga*']\n")
    apply_rule_files(world.engine, world.rules, author="test")
    disk = Disk(world.archive, tmp_path / "pool", random.Random(seed))  # noqa: S311  (repeatable)
    disk.add()
    disk.add()
    for _ in range(5):
        for _ in range(3):
            happens = disk.rng.choice([disk.add, disk.add, disk.spoil, disk.cut, disk.remove, disk.rename, disk.copy])
            if happens == disk.add or len(disk.files) > 1:
                happens()
        scanning = disk.rng.random() < 0.6
        night(scanning=scanning)
        check(world, disk, scanned=scanning)
    night(scanning=True)
    check(world, disk, scanned=True)
    assert scan.plan_units() == []
