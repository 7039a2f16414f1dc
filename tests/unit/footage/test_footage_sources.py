"""Discovery: what is found, what it states, and what is never opened."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from anyanomaly_core.errors import FootageError, UnsafePathError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.sources import discover, identify, list_files, local_path, with_recording_time
from anyanomaly_core.footage.types import FoundFile

LAYOUT = "{camera}/{date}/{time}.{ext}"
TIME = datetime(2025, 3, 1, 7, 30, tzinfo=UTC)


def put(root: Path, uri: str, content: bytes = b"x") -> Path:
    path = root / uri
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(root: Path | str, layout: str = LAYOUT, zone: str = "UTC", **options: float) -> dict[str, FoundFile]:
    return {file.uri: file for file in discover(str(root), layout, zone, **options)}


def test_order_kinds_and_hidden(tmp_path: Path) -> None:
    for name in ("b/.mp4", "a/.MKV", "a/.txt", "_truth/.mp4", ".x/.mp4"):
        put(tmp_path, name.replace("/", "/2025-03-01/07-30-00"))
    put(tmp_path, "a/2025-03-01/._07-30-00.mp4")
    files = found(tmp_path)
    assert list(files) == ["a/2025-03-01/07-30-00.MKV", "b/2025-03-01/07-30-00.mp4"]
    first = files["a/2025-03-01/07-30-00.MKV"]
    assert (first.camera, first.recorded_at, first.recorded_at_source, first.size, first.problem) == (
        "a", TIME, "path", 1, None,
    )  # fmt: skip


def test_sidecar_where_the_path_says_nothing(tmp_path: Path) -> None:
    for name in ("both", "naive", "camera", "broken", "list", "when", "none"):
        put(tmp_path, f"{name}.mp4")
    beside = {
        "both": json.dumps({"camera": "gate", "recorded_at": "2025-03-01T08:30:00+01:00"}),
        "naive": json.dumps({"camera": "gate", "recorded_at": "2025-03-01T08:30:00"}),
        "camera": json.dumps({"camera": "gate"}),
        "broken": "{",
        "list": "[1]",
        "when": json.dumps({"camera": "gate", "recorded_at": "yesterday"}),
    }
    for name, text in beside.items():
        put(tmp_path, f"{name}.mp4.json", text.encode())
    files = found(tmp_path, zone="Europe/Zurich")
    for name in ("both", "naive"):
        file = files[f"{name}.mp4"]
        assert (file.camera, file.recorded_at, file.recorded_at_source) == ("gate", TIME, "sidecar")
    assert files["camera.mp4"].recorded_at is None
    assert files["camera.mp4"].problem is None
    problems = {name: str(files[f"{name}.mp4"].problem) for name in ("broken", "list", "when", "none")}
    assert "cannot be read" in problems["broken"]
    assert "no JSON object" in problems["list"]
    assert "no ISO 8601 time" in problems["when"]
    assert "no camera is stated" in problems["none"]


def test_files_still_being_written_wait(tmp_path: Path) -> None:
    old, new = put(tmp_path, "a/2025-03-01/07-30-00.mp4"), put(tmp_path, "a/2025-03-01/08-30-00.mp4")
    os.utime(old, (time.time() - 100,) * 2)
    assert list(found(tmp_path, settle_s=30)) == [old.relative_to(tmp_path).as_posix()]
    os.utime(new, (time.time() - 31,) * 2)
    assert len(found(tmp_path, settle_s=30)) == 2


def test_links_out_of_the_root_are_not_opened(tmp_path: Path) -> None:
    root = tmp_path / "root"
    outside, inside = put(tmp_path, "secret/s.mp4"), put(root, "a/2025-03-01/07-30-00.mp4")
    (root / "a/2025-03-01/08-30-00.mp4").symlink_to(outside)
    (root / "a/2025-03-01/09-30-00.mp4").symlink_to(inside)
    (root / "a/2025-03-01/10-30-00.mp4").symlink_to(tmp_path / "nowhere")
    (root / "b").symlink_to(outside.parent)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "a/2025-03-01/11-30-00.mp4")
    files = found(root)
    assert list(files) == [f"a/2025-03-01/{hour}-30-00.mp4" for hour in ("07", "08", "09")]
    assert "leads out" in str(files["a/2025-03-01/08-30-00.mp4"].problem)
    assert files["a/2025-03-01/09-30-00.mp4"].problem is None
    for uri in (
        "a/2025-03-01/08-30-00.mp4",
        "../secret/s.mp4",
        "a/../../secret/s.mp4",
        str(outside),
        "b/s.mp4",
        "a\0b",
    ):
        with pytest.raises(UnsafePathError):
            local_path(str(root), uri)
    assert local_path(str(root), "a/2025-03-01/09-30-00.mp4").read_bytes() == b"x"


@pytest.mark.parametrize(
    "camera", ["new\nline", "-rf", "東京 \U0001f4f9", "x" * 255, "a'b\"c", "%d", "~", "C:\\x", "$(id)"]
)
def test_any_name_is_only_a_name(tmp_path: Path, camera: str) -> None:
    put(tmp_path, f"{camera}/2025-03-01/07-30-00.mp4")
    (file,) = found(tmp_path).values()
    assert (file.camera, file.problem) == (camera, None)
    assert local_path(str(tmp_path), file.uri).is_file()


def test_a_name_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/gate\xff"
    os.mkdir(folder)  # noqa: PTH102  (a Path cannot hold these bytes)
    Path(os.fsdecode(folder), "2025.mp4").write_bytes(b"x")
    (file,) = found(tmp_path).values()
    assert "not valid UTF-8" in str(file.problem)
    file.uri.encode()


def test_a_missing_root_is_no_empty_archive(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="mounted"):
        found(tmp_path / "away")


def test_a_key_that_no_database_can_hold_is_a_finding(tmp_path: Path) -> None:
    root = f"memory://keys-{tmp_path.name}"
    fsspec.filesystem("memory").pipe_file(f"{root}/gate/2025-03-01/07-30-00\0.mp4", b"one")
    [file] = found(root).values()
    assert file.uri == "gate/2025-03-01/07-30-00%00.mp4"
    assert file.problem is not None
    assert "NUL" in file.problem


def test_a_bucket_through_the_same_calls(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    root = f"memory://bucket-{tmp_path.name}"
    objects = {
        "gate/2025-03-01/07-30-00.mp4": b"one",
        "gate/2025-03-01/08-30-00.mp4": b"two!",
        "_truth/x.mp4": b"",
        "clip.mp4": b"three",
        "clip.mp4.json": b'{"camera": "door"}',
    }
    for uri, content in objects.items():
        system.pipe_file(f"{root}/{uri}", content)
    files = found(root)
    assert {uri: file.camera for uri, file in files.items()} == {
        "clip.mp4": "door", "gate/2025-03-01/07-30-00.mp4": "gate", "gate/2025-03-01/08-30-00.mp4": "gate",
    }  # fmt: skip
    cache = tmp_path / "cache"
    for uri in sorted(files, reverse=True):
        copy = local_path(root, uri, cache=cache, cache_bytes=8)
    assert copy.read_bytes() == b"three"
    assert sum(path.stat().st_size for path in cache.iterdir() if path.is_file()) <= 8
    assert local_path(root, "clip.mp4", cache=cache, cache_bytes=8) == copy
    with pytest.raises(UnsafePathError):
        local_path(root, "../other/x.mp4", cache=cache)
    with pytest.raises(FootageError, match="cannot be copied"):
        local_path(root, "gone.mp4", cache=cache)


def test_a_file_url_is_a_bucket_too(tmp_path: Path) -> None:
    put(tmp_path / "archive", "gate/2025-03-01/07-30-00.mp4", b"bytes")
    root = f"file://{tmp_path}/archive"
    (file,) = found(root).values()
    assert (file.camera, file.size) == ("gate", 5)
    assert local_path(root, file.uri, cache=tmp_path / "cache").read_bytes() == b"bytes"


def test_recording_time_is_never_guessed_silently(tmp_path: Path) -> None:
    path = put(tmp_path, "gate.mp4", b"no video")
    os.utime(path, (1_740_814_200,) * 2)  # 2025-03-01T07:30:00Z
    (file,) = found(tmp_path, layout="{camera}.{ext}").values()
    assert file.recorded_at is None
    assert "no recording time is stated" in str(with_recording_time(file, path, "refuse").problem)
    taken = with_recording_time(file, path, "modified")
    assert (taken.recorded_at, taken.recorded_at_source, taken.problem) == (TIME, "modified", None)


def test_content_hash(tmp_path: Path) -> None:
    path = put(tmp_path, "a.mp4", b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    with pytest.raises(FootageError, match="cannot be read"):
        sha256(tmp_path / "absent")


def test_links_under_a_file_url_are_not_opened(tmp_path: Path) -> None:
    outside = put(tmp_path, "secret/s.mp4")
    put(tmp_path, "root/gate/2025-03-01/07-30-00.mp4")
    (tmp_path / "root/gate/2025-03-01/08-30-00.mp4").symlink_to(outside)
    (tmp_path / "root/other").symlink_to(outside.parent)
    root = f"file://{tmp_path}/root"
    files = found(root)
    assert [file.problem is None for file in files.values()] == [True, False]
    with pytest.raises(UnsafePathError, match="symbolic link"):
        local_path(root, "gate/2025-03-01/08-30-00.mp4", cache=tmp_path / "cache")


def test_a_missing_bucket_is_no_empty_archive(tmp_path: Path) -> None:
    for root in (f"memory://absent-{tmp_path.name}", f"file://{tmp_path}/absent"):
        with pytest.raises(FootageError, match="cannot be listed"):
            found(root)


def test_a_link_to_itself_stops_nothing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path, f"{name}.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "b.mp4.json").symlink_to("b.mp4.json")
    files = found(tmp_path)
    assert list(files) == ["a.mp4", "b.mp4"]
    assert "leads to itself" in str(files["b.mp4"].problem)
    with pytest.raises(UnsafePathError, match="itself"):
        local_path(str(tmp_path), "loop.mp4")


def test_a_file_removed_during_the_walk_is_left_out(tmp_path: Path) -> None:
    first, second = put(tmp_path, "a.mp4"), put(tmp_path, "b.mp4")
    walk = discover(str(tmp_path), "{camera}.{ext}", "UTC")
    assert next(walk).uri == first.name
    second.unlink()
    assert list(walk) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" * 60_000, "cannot be read"),
        (b'{"recorded_at": "0001-01-01T00:00:00"}', "beyond the calendar"),
        (b"\xff\xfe{", "cannot be read"),
    ],
    ids=["deep", "before UTC", "no text"],
)
def test_a_hostile_sidecar_is_a_problem_of_its_file_only(tmp_path: Path, content: bytes, problem: str) -> None:
    put(tmp_path, "a.mp4")
    put(tmp_path, "a.mp4.json", content)
    put(tmp_path, "b.mp4")
    files = found(tmp_path, layout="{camera}.{ext}", zone="Asia/Tokyo")
    assert problem in str(files["a.mp4"].problem)
    assert files["b.mp4"].problem is None


def test_the_longest_name_has_no_sidecar(tmp_path: Path) -> None:
    name = "n" * 251
    put(tmp_path, f"{name}.mp4")
    (file,) = found(tmp_path, layout="{camera}.{ext}").values()
    assert (file.camera, file.problem) == (name, None)


AXIS = "20190812/11/20190812_113000_B27F_00408C18823A"
BLOCK = f"{AXIS}/20190812_11/20190812_113000_32D4"
BLOCK_XML = b"""<RecordingBlock RecordingBlockToken="20190812_113000_32D4" >
<StartTime>2019-08-12T09:30:00.813188Z</StartTime>
<StopTime>2019-08-12T09:35:01.704260Z</StopTime><Status>Complete</Status></RecordingBlock>"""
RECORDING_XML = (
    b"<Recording><SourceToken>%s</SourceToken><StartTime>2019-08-12T09:30:00.813188Z</StartTime></Recording>"
)


@pytest.mark.parametrize("bucket", [False, True], ids=["folder", "bucket"])
def test_the_xml_beside_an_axis_recording_says_when_and_which_sensor(tmp_path: Path, bucket: bool) -> None:
    root, old = tmp_path / "card", "20190812_113000_0C3D_B8A44F998877"
    for name in (f"{BLOCK}.mkv", f"{BLOCK[:-4]}0001.mkv", f"{old}/0.mkv", f"{old}/1.mkv"):
        put(root, name)
    put(root, f"{BLOCK}.xml", BLOCK_XML)
    put(root, f"{AXIS}/recording.xml", RECORDING_XML % b"4")
    put(root, f"{old}/recording.xml", RECORDING_XML % b"1")
    files = found(f"file://{root}" if bucket else root, "axis", "Europe/Stockholm")
    at = datetime(2019, 8, 12, 9, 30, 0, 813188, UTC)
    stated = [(file.camera, file.recorded_at, file.recorded_at_source, file.problem) for file in files.values()]
    assert stated == [
        ("00408C18823A-4", at.replace(microsecond=0), "path", None),  # no XML beside it
        ("00408C18823A-4", at, "sidecar", None),
        ("B8A44F998877", at, "sidecar", None),
        ("B8A44F998877", None, None, None),  # a later block: its beginning stands in the Matroska header
    ]


def test_what_only_a_recorder_s_own_software_reads_is_named_with_what_converts_it(tmp_path: Path) -> None:
    names = {
        "video/2022/01/13/E063DA3FEC8C_0_rotating_1642077111078.ubv": "unifi-protect-remux",
        "New/gate.20260223_150409.bvr": "Blue Iris",
        "export.G64X": "Genetec",
        "datadir0/hiv00027.mp4": "libHikvision",
    }
    for name in (*names, "datadir0/index00.bin", "datadir0/hiv00027.pic", "notes.txt"):
        put(tmp_path, name)
    files = found(tmp_path)
    assert set(files) == set(names)
    for name, converter in names.items():
        assert converter in str(files[name].problem)


def test_a_doubtful_time_is_told_when_nothing_else_states_one(tmp_path: Path) -> None:
    uri = "gate/2025-10-26/02-30-00.mp4"
    path = put(tmp_path, uri, b"no video")
    file = found(tmp_path, zone="Europe/Zurich")[uri]
    assert (file.camera, file.recorded_at, file.problem) == ("gate", None, None)
    assert "comes twice in Europe/Zurich" in str(with_recording_time(file, path, "refuse").problem)
    put(tmp_path, f"{uri}.json", b'{"recorded_at": "2025-10-26T02:30:00"}')
    assert "comes twice" in str(found(tmp_path, zone="Europe/Zurich")[uri].problem)
    put(tmp_path, f"{uri}.json", b'{"recorded_at": "2025-10-26T02:30:00+01:00"}')
    file = found(tmp_path, zone="Europe/Zurich")[uri]
    assert (file.recorded_at, file.recorded_at_source) == (datetime(2025, 10, 26, 1, 30, tzinfo=UTC), "sidecar")


def test_a_known_file_is_found_without_looking_for_its_camera(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        put(tmp_path, name)
        put(tmp_path, f"{name}.json", b"{")
    known, new = list_files(str(tmp_path))
    assert (known.uri, known.problem, new.uri) == ("a.mp4", None, "b.mp4")
    assert "cannot be read" in str(identify(str(tmp_path), new, LAYOUT, Zones("UTC")).problem)
