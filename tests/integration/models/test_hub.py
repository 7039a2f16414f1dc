"""Models are fetched by the hub's own client from a server that speaks its API, and load from where they were put."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.profile import load_profile
from tests.integration.archive.small_archive import make_models
from tests.servers.hub_server import COMMIT, Hub, running_hub

ENCODER, LVLM = "somebody/tiny-encoder", "somebody/tiny-lvlm-2B"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    made = yaml.safe_load(make_models(folder).read_text())
    (folder / "lvlm" / "modeling_evil.py").write_text("raise SystemExit('code of strangers was run')")
    (folder / "encoder" / "README.md").write_text("of no use to a scan")
    made["encoder"] = {"model": f"hf-hub:{ENCODER}"}
    made["lvlm"] = {"model": LVLM, "max_new_tokens": 4}
    (folder / "fetched.yaml").write_text(yaml.safe_dump(made))
    return folder


@pytest.fixture
def hub(shelf: Path) -> Iterator[Hub]:
    with running_hub({ENCODER: shelf / "encoder", LVLM: shelf / "lvlm"}) as hub:
        yield hub


def run(hub: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANYANOMALY_", "HF_"))}
    environment |= {"HF_ENDPOINT": hub, "HF_HOME": str(folder / "hf"), "ANYANOMALY_MODELS_DIR": str(folder / "models")}
    command = [sys.executable, "-m", "anyanomaly_core.cli", "models", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_profile_is_fetched_at_one_commit_and_loads_from_its_folder(hub: Hub, shelf: Path, tmp_path: Path) -> None:
    profile = str(shelf / "fetched.yaml")
    listed = run(hub.address, tmp_path, "list", profile)
    assert listed.stdout.count("on the hub, ") == 2
    fetched = run(hub.address, tmp_path, "fetch", profile)
    assert fetched.returncode == 0, fetched.stderr
    assert f"{ENCODER}, commit {COMMIT}: {tmp_path / 'models' / ENCODER}" in fetched.stderr
    assert "100 %" in fetched.stderr
    kept = {path.name for path in (tmp_path / "models" / LVLM).iterdir()}
    assert {"config.json", "model.safetensors", "FETCHED_FROM"} <= kept
    assert "modeling_evil.py" not in kept
    assert not (tmp_path / "models" / ENCODER / "README.md").exists()
    assert "README.md" not in " ".join(hub.asked)
    listed = run("http://127.0.0.1:9", tmp_path, "list", profile)  # without a hub
    assert str(tmp_path / "models" / LVLM) in listed.stdout
    settings = LibrarySettings(models_dir=tmp_path / "models", state_dir=tmp_path / "state", device="cpu")
    original = LibrarySettings(models_dir=shelf, state_dir=tmp_path / "state", device="cpu")
    loaded = load_encoder(load_profile(profile), settings)
    assert loaded.revision == load_encoder(load_profile(str(shelf / "tiny.yaml")), original).revision
    assert run("http://127.0.0.1:9", tmp_path, "fetch", profile).returncode == 0, "what is there is not fetched again"


def test_an_interrupted_download_leaves_nothing_half_done_and_goes_on(hub: Hub, shelf: Path, tmp_path: Path) -> None:
    hub.breaks_after = 5000
    profile = str(shelf / "fetched.yaml")
    first = run(hub.address, tmp_path, "fetch", profile)
    if first.returncode:  # the client did not try again by itself
        assert not (tmp_path / "models" / ENCODER).exists()
        assert run(hub.address, tmp_path, "fetch", profile).returncode == 0
    for part, repository in (("encoder", ENCODER), ("lvlm", LVLM)):
        for path in (shelf / part).glob("*.safetensors"):
            assert (tmp_path / "models" / repository / path.name).read_bytes() == path.read_bytes()


def test_what_the_hub_does_not_give_is_said_in_words(hub: Hub, shelf: Path, tmp_path: Path) -> None:
    hub.gated = {LVLM}
    said = run(hub.address, tmp_path, "fetch", str(shelf / "fetched.yaml"))
    assert (said.returncode, "given out on request only" in said.stderr) == (1, True), said.stderr
    assert "Traceback" not in said.stderr
    for change, words in (
        ({"model": "somebody/unknown"}, "it knows no somebody/unknown"),
        ({"model": LVLM, "revision": "0" * 40}, "has no revision 0000"),
    ):
        profile = yaml.safe_load((shelf / "fetched.yaml").read_text())
        profile["lvlm"] |= change
        (tmp_path / "other.yaml").write_text(yaml.safe_dump(profile))
        hub.gated = set()
        said = run(hub.address, tmp_path, "list", str(tmp_path / "other.yaml"))
        assert words in said.stderr
