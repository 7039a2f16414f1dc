"""Bundles with the camera's own packets: byte for byte, and never beside a hidden picture unless that is meant."""

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from anyanomaly_core.cli.app import app
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review.app import create_app
from anyanomaly_core.review.evidence.export import export_evidence
from anyanomaly_core.review.evidence.verify import verify
from tests.conftest import TestDatabase
from tests.integration.archive.small_archive import aged
from tests.integration.footage.test_footage_packets import SIGNATURE, film_signed
from tests.integration.review.kept_footage import FIRST, FPS, FRAMES, LAST, Kept, keep
from tests.integration.review.pages.pages_site import HeaderHost, token


def film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        return aged(film_signed(Path(folder) / path.name, frames=FRAMES).rename(path))


@pytest.fixture(scope="module")
def signed(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    engine = make_engine(module_database.url(), pool_size=4)
    yield keep(engine, tmp_path_factory.mktemp("signed"), filmed=film)
    engine.dispose()


@pytest.fixture(scope="module")
def masked(signed: Kept, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    masks = tmp_path_factory.mktemp("masks") / "masks.yaml"
    masks.write_text("cameras: {gate: [{rectangle: [0, 0, 0.5, 1]}]}")
    return signed.settings.model_copy(update={"privacy_masks": masks})


def export(kept: Kept, settings: Settings, out: Path, **options: Any) -> dict[str, bytes]:  # noqa: ANN401
    around = {"before_s": 1, "after_s": 1, "load_models": False}
    export_evidence(kept.engine, settings, [kept.event_id], out, **around, **options)
    assert verify(out).problems == []
    with zipfile.ZipFile(out) as archive:
        return {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}


def packets_of(file: Any) -> list[tuple[bytes, bool, float]]:  # noqa: ANN401  (a path or an open file)
    with av.open(file) as container:
        stream = container.streams.video[0]
        return [(bytes(p), p.is_keyframe, float(p.pts * p.time_base)) for p in container.demux(stream) if p.size]


def test_the_packets_are_the_cameras_and_hold_its_signatures(signed: Kept, tmp_path: Path) -> None:
    files = export(signed, signed.settings, tmp_path / "x.zip", originals=True)
    mine, source = packets_of(io.BytesIO(files["original-packets.mp4"])), packets_of(str(signed.file))
    first, last = source[FIRST - FPS], source[LAST + FPS]
    begin = [data for data, *_ in source].index(mine[0][0])
    assert [packet[0] for packet in source[begin : begin + len(mine)]] == [packet[0] for packet in mine]
    assert source[begin][1]
    assert source[begin][2] <= first[2]
    assert source[begin + len(mine) - 1][2] > last[2]
    assert b"".join(data for data, *_ in mine).count(SIGNATURE) == sum(key for _, key, _ in mine)
    stated = json.loads(files["manifest.json"])["events"][0]["original_packets"]
    assert (stated["packets"], stated["reveals"]) == (len(mine), [])
    assert stated["begin_at"].startswith("2026-03-01T21:00:18")  # the key frame before second 19.67
    assert json.loads(files["event.json"])["original_packets"] == stated
    assert b"ONVIF Media Signing" in files["README.txt"]


def test_without_being_asked_for_they_are_not_there(signed: Kept, tmp_path: Path) -> None:
    files = export(signed, signed.settings, tmp_path / "x.zip")
    assert not [name for name in files if name.startswith("original")]
    assert SIGNATURE not in files["clip.mp4"]
    assert json.loads(files["event.json"])["original_packets"] is None


def test_beside_what_is_hidden_they_must_be_asked_for_explicitly(
    signed: Kept, masked: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"would show the masked areas of its clip.*--reveal-originals"):
        export(signed, masked, tmp_path / "x.zip", originals=True)
    with pytest.raises(ConfigurationError, match="would show the blurred areas and the masked areas"):
        export(signed, masked, tmp_path / "x.zip", originals=True, blur=["faces"])
    assert list(tmp_path.iterdir()) == []
    files = export(signed, masked, tmp_path / "x.zip", originals=True, reveal=True)
    assert json.loads(files["manifest.json"])["events"][0]["original_packets"]["reveals"] == ["masked areas"]
    assert b"WARNING: this file is not blurred and not masked. It shows the masked areas" in files["README.txt"]
    checked = CliRunner().invoke(app, ["evidence", "verify", str(tmp_path / "x.zip")])
    assert "original-packets.mp4" in checked.output
    assert "It shows the masked areas of the clip." in checked.output


def test_the_page_never_reveals(signed: Kept, masked: Settings) -> None:
    form = {"csrf": token(), "originals": "true"}
    for settings, status in ((masked, 400), (signed.settings, 200)):
        browser = TestClient(create_app(HeaderHost(), signed.engine, settings), headers={"x-user": "anna/user"})
        answer = browser.post(f"/event/{signed.event_id}/evidence.zip", data=form)
        assert answer.status_code == status
        assert (b"original-packets.mp4" in answer.content) == (status == 200)
