"""Clips as a browser asks for them: in ranges, from a cache with a bound, and when the disk is full."""

import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from anyanomaly_core.errors import FootageError, StorageError
from anyanomaly_core.footage.command import executable
from anyanomaly_core.footage.cut import ClipPart, cut
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.app import create_app
from anyanomaly_core.review.clips.clip import event_clip
from anyanomaly_core.review.clips.stills import event_still
from anyanomaly_core.review.event_record import load_event_record
from anyanomaly_core.review.evidence.export import export_evidence
from anyanomaly_core.review.pages import media
from tests.integration.review.kept_footage import Kept
from tests.integration.review.pages.pages_site import HeaderHost, token


@pytest.fixture(scope="module")
def browser(kept: Kept) -> Iterator[TestClient]:
    app = create_app(HeaderHost(), kept.engine, kept.settings)
    with TestClient(app, headers={"x-user": "anna/user"}) as client:
        yield client


@pytest.fixture(scope="module")
def whole(kept: Kept) -> bytes:
    return event_clip(kept.engine, kept.settings, kept.event_id).read_bytes()


@pytest.mark.parametrize(
    ("asked", "place"),
    [("bytes=0-0", (0, 0)), ("bytes=100-199", (100, 199)), ("bytes=1000-", (1000, -1)), ("bytes=-500", (-500, -1))],
)
def test_a_part_of_a_clip_is_a_part(
    browser: TestClient, kept: Kept, whole: bytes, asked: str, place: tuple[int, int]
) -> None:
    answer = browser.get(f"/event/{kept.event_id}/clip.mp4", headers={"Range": asked})
    first, last = (number % len(whole) for number in place)
    assert (answer.status_code, answer.headers["content-type"]) == (206, "video/mp4")
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer.content == whole[first : last + 1]


def test_a_range_behind_the_end_is_refused_and_says_how_long_the_clip_is(
    browser: TestClient, kept: Kept, whole: bytes
) -> None:
    answer = browser.get(f"/event/{kept.event_id}/clip.mp4", headers={"Range": f"bytes={len(whole)}-"})
    assert answer.status_code == 416
    assert re.search(rf"\*/{len(whole)}$", answer.headers["content-range"])


def test_without_a_range_the_whole_clip_comes_and_says_that_ranges_can_be_asked_for(
    browser: TestClient, kept: Kept, whole: bytes
) -> None:
    answer = browser.get(f"/event/{kept.event_id}/clip.mp4")
    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "bytes")
    assert answer.content == whole


def test_the_page_says_when_no_key_signs_the_bundle(browser: TestClient, kept: Kept, tmp_path: Path) -> None:
    assert "not signed" in browser.get(f"/event/{kept.event_id}").text
    settings = kept.settings.model_copy(update={"evidence_key_file": tmp_path / "key.pem"})
    signing = TestClient(create_app(HeaderHost(), kept.engine, settings), headers={"x-user": "anna/user"})
    assert "not signed" not in signing.get(f"/event/{kept.event_id}").text


def test_the_page_exports_with_faces_blurred(browser: TestClient, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        media, "export_evidence", partial(export_evidence, before_s=0.2, after_s=0.2)
    )  # detecting is slow
    form = {"csrf": token(), "blur": "faces"}
    answer = browser.post(f"/event/{kept.event_id}/evidence.zip", data=form)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert b'"targets": [\n' in answer.content
    assert not list(kept.settings.state_dir.glob("evidence-*")), "nothing of it stays behind"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small file system can only be mounted by root, and not in every container")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_clip_and_is_said(kept: Kept, small_disk: Path) -> None:
    settings = kept.settings.model_copy(update={"state_dir": small_disk})
    with pytest.raises(FootageError, match=r"cannot be written: .*/clips has no space left\.$"):
        event_clip(kept.engine, settings, kept.event_id)
    assert [path.name for path in (small_disk / "clips").iterdir()] == [".locks"]
    (small_disk / "filler").write_bytes(bytes(small_disk_left(small_disk)))
    with pytest.raises(StorageError, match=r"cannot be kept in .*: No space left on device"):
        event_still(kept.engine, settings, kept.event_id, "key")
    with TestClient(create_app(HeaderHost(), kept.engine, settings), headers={"x-user": "anna/user"}) as browser:
        answer = browser.get(f"/event/{kept.event_id}/key.png")
        assert (answer.status_code, "No space left on device" in answer.text) == (404, True)
        refused = browser.post(f"/event/{kept.event_id}/evidence.zip", data={"csrf": token()})
        assert refused.status_code == 400
        assert "has no space left" in refused.text


def test_a_clip_larger_than_the_cache_is_said(tmp_path: Path) -> None:
    noise = ["-f", "lavfi", "-i", "nullsrc=s=320x240:r=15,geq=random(1)*255:128:128", "-frames:v", "60"]
    file = tmp_path / "noise.mp4"
    subprocess.run([executable(), "-v", "error", *noise, "-c:v", "mpeg4", "-q:v", "2", str(file)], check=True)
    times = index_frames(file).times_s
    with pytest.raises(FootageError, match="larger than the 1 MB allowed"):
        cut(file, ClipPart(times, 0, len(times) - 1), tmp_path / "x.mp4", limits=Limits(threads=1, written_mb=1))


def small_disk_left(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def test_attention_that_cannot_be_made_says_why_where_it_would_stand(browser: TestClient, kept: Kept) -> None:
    page = browser.get(f"/event/{kept.event_id}").text
    assert f'hx-post="/event/{kept.event_id}/attention"' in page
    assert "attention.png" not in page, "nothing is asked for that is not there"
    form = {"csrf": token()}
    answer = browser.post(f"/event/{kept.event_id}/attention", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert 'id="attention"' in answer.text
    assert 'role="alert"' in answer.text
    assert "encoder" in answer.text
    assert browser.post(f"/event/{kept.event_id}/attention", data={"csrf": "forged"}).status_code == 403


def test_any_moment_has_a_picture_and_any_stretch_can_be_played(browser: TestClient, kept: Kept) -> None:
    [video_id] = {event_video(kept)}
    pictures = [browser.get(f"/video/{video_id}/{second}.jpg") for second in ("0", "12.5", "29.99", "400")]
    assert [answer.status_code for answer in pictures] == [200] * 4
    assert pictures[0].content != pictures[1].content
    assert pictures[2].content == pictures[3].content, "after the end stands the last frame"
    for number in range(3):  # 30 s
        answer = browser.get(f"/video/{video_id}/stretch-{number}.mp4")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    missing = browser.get(f"/video/{video_id}/stretch-3.mp4")
    assert (missing.status_code, missing.text) == (404, f"There is no stretch 3 of video {video_id}.")
    assert browser.get("/video/999999/0.jpg").status_code == 404


def test_a_stretch_has_exactly_its_frames(browser: TestClient, kept: Kept, tmp_path: Path) -> None:
    """10 seconds of 15 frames each, the first and the last stretch together without a gap."""
    frames = []
    for number in range(3):
        file = tmp_path / f"{number}.mp4"
        file.write_bytes(browser.get(f"/video/{event_video(kept)}/stretch-{number}.mp4").content)
        frames.append(len(index_frames(file).times_s))
    assert frames == [150, 150, 150]


def event_video(kept: Kept) -> int:
    return load_event_record(kept.engine, kept.event_id).video.video_id
