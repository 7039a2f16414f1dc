"""Generated damage and hostile names through register and scan: counts and statuses are true, neighbours unharmed."""

import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pyarrow.dataset
import pytest

from anyanomaly_core.archive.leftovers import find_leftovers
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.footage.content import sha256
from tasks import ingest, scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, aged, film
from tests.integration.archive.test_scan import as_xcom, rows, scan_all
from tests.integration.footage.conftest import bare_count, run_ffmpeg

CONTAINERS: dict[str, list[str]] = {
    "mp4": ["-c:v", "libx264", "-movflags", "+faststart"],
    "mkv": ["-c:v", "libx264"],
    "avi": ["-c:v", "mpeg4"],
    "ts": ["-c:v", "libx264"],
    "webm": ["-c:v", "libvpx", "-deadline", "realtime"],
}
Damage = Callable[[bytes, random.Random], bytes]


def _cut(content: bytes, draw: random.Random) -> bytes:
    return content[: len(content) * draw.randrange(5, 100, 5) // 100]


def _rot(content: bytes, draw: random.Random) -> bytes:
    rotten = bytearray(content)
    for _ in range(draw.choice([1, 10, 100])):
        rotten[draw.randrange(len(rotten))] ^= 1 << draw.randrange(8)
    return bytes(rotten)


def _hole(content: bytes, draw: random.Random) -> bytes:
    begin = draw.randrange(len(content))
    length = min(draw.choice([16, 512, 4096]), len(content) - begin)
    return content[:begin] + bytes(length) + content[begin + length :]


def _head(content: bytes, draw: random.Random) -> bytes:
    begin = draw.randrange(min(600, len(content)))
    noise = draw.randbytes(draw.choice([1, 4, 40]))
    return (content[:begin] + noise + content[begin + len(noise) :])[: len(content)]


DAMAGES: dict[str, Damage] = {"cut": _cut, "rot": _rot, "hole": _hole, "head": _head}


def damaged_archive(archive: Path, folder: Path, seed: int, each: int) -> None:
    """One damaged file for every container and kind of damage and ``each``, between whole ones, over two days."""
    draw = random.Random(seed)  # noqa: S311  (protects nothing)
    minute = 0
    for container, options in CONTAINERS.items():
        whole = folder / f"whole.{container}"
        source = "testsrc2=size=64x48:rate=10:duration=2.4,noise=alls=20:allf=t"
        run_ffmpeg("-loglevel", "error", "-f", "lavfi", "-i", source, "-g", "8", *options, f"file:{whole}")
        content = whole.read_bytes()
        for damage in DAMAGES.values():
            for _ in range(each):
                minute += 1
                name = f"{minute // 60:02}-{minute % 60:02}-00.{container}"
                path = archive / "fuzz" / DAY / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(damage(content, draw))
                aged(path)


def check_against_ffmpeg(world: World, paths: list[Path]) -> None:
    """Every file has a status that is true; its frames, segments and scores are as many as ffmpeg decodes."""
    known = {
        uri: (digest, state, frames, error)
        for uri, digest, state, frames, error in rows(
            world.engine,
            """SELECT f.uri, v.content_sha256, v.state::text, v.frame_count, v.error
               FROM video_files f JOIN videos v USING (video_id)""",
        )
    }
    scores = dict(
        rows(
            world.engine,
            """SELECT v.content_sha256, count(*) FROM frame_scores s JOIN videos v USING (video_id)
               WHERE s.rule = 'running' AND s.score IS NOT NULL GROUP BY 1""",
        )
    )
    for path in paths:
        digest, state, frames, error = known[path.relative_to(world.archive).as_posix()]
        counted = bare_count(path)
        assert digest == sha256(path)
        assert (frames or 0) == counted, path.name
        assert (state in {"ready", "damaged"}) == (counted > 0), (path.name, state)
        assert (state == "unreadable") == bool(error), (path.name, state)
        assert scores.get(digest, 0) == counted, path.name


@pytest.mark.parametrize("seed", [1])
def test_every_damaged_file_counts_as_ffmpeg_counts_it_and_harms_no_other(
    world: World, tmp_path: Path, seed: int
) -> None:
    damaged_archive(world.archive, tmp_path, seed, each=1)
    paths = sorted((world.archive / "fuzz").rglob("*.*"))
    for chunk in ingest.discover_files():
        ingest.register_files(chunk)
    apply_rule_files(world.engine, world.rules, author="test")
    summary = scan_all(as_xcom(scan.plan_units(rules=["running"])))
    assert summary["units_failed"] == 0
    check_against_ffmpeg(world, paths)
    good = rows(world.engine, "SELECT count(*) FROM videos WHERE state = 'ready' AND camera_id IN ('hall', 'gate')")
    assert good == [(3,)]
    wrong = rows(
        world.engine,
        """SELECT uri, max(video_seconds), sum(seconds) FROM coverage GROUP BY uri, rule
           HAVING abs(max(video_seconds) - sum(seconds)) > 0.01""",
    )
    assert wrong == []


# A line break, the longest name, one whose letters become nine each, right-to-left, options, traps for shells and URLs,
# and the same word in two spellings.
NAMES = ["new\nline", "x" * 255, "\u9580" * 85, "\u202egnp.4pm", "-rf", "a\\..\\b", "%2e%2e", "$(id)"]
NAMES += ["caf\u00e9", "cafe\u0301"]


def test_names_are_only_names_up_to_the_parquet_files(world: World, tmp_path: Path) -> None:
    """Each is a camera, as a folder of that name makes it one; nothing is written outside, and all can be read."""
    for number, name in enumerate(NAMES):
        film(world.archive / name / DAY / "08-00-00.mp4", 10 + number)
    outside = film(tmp_path / "outside" / "08-00-00.mp4", 9)
    (world.archive / "link").symlink_to(outside.parent)
    (world.archive / "hall" / DAY / "12-00-00.mp4").symlink_to(outside)
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(world.archive)}
    for chunk in ingest.discover_files():
        ingest.register_files(chunk)
    apply_rule_files(world.engine, world.rules, author="test")
    scan_all(scan.plan_units(rules=["running"]))
    counted = dict(
        rows(world.engine, "SELECT camera, count(score) FROM frame_scores WHERE rule = 'running' GROUP BY camera")
    )
    assert {name: counted.get(name) for name in NAMES} == {name: 10 + n for n, name in enumerate(NAMES)}
    problems = dict(rows(world.engine, "SELECT uri, problem FROM footage_problems"))
    assert "leads out" in problems[f"hall/{DAY}/12-00-00.mp4"]
    assert not [uri for uri in problems if uri.startswith("link")]
    made = {path for path in tmp_path.rglob("*") if not path.is_relative_to(world.archive)} - before
    inside = world.parquet, world.journal.parent, world.parquet.parent / "embeddings"
    assert not [path for path in made if not any(path.is_relative_to(folder) for folder in inside)]
    frames = pyarrow.dataset.dataset(world.parquet / "frame_scores", partitioning="hive").to_table()
    in_files = {
        row["camera"]: row["frame_count"]
        for row in frames.group_by("camera").aggregate([("frame", "count")]).to_pylist()
    }
    short = {name: in_files[name] for name in NAMES if len(quote(name, safe="")) <= 200}
    assert short == {name: 10 + NAMES.index(name) for name in short}
    assert sum(in_files.values()) == sum(counted.values())
    assert list(find_leftovers(world.engine, get_settings(), min_age_s=0)) == []
