# ruff: noqa: ANN401  # models and processors of transformers have no types
"""Where models come from, and what is said when they are not there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip_names
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_vlms import build_vlm
from transformers import AutoModelForImageTextToText

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, ModelError
from anyanomaly_core.models import loading
from anyanomaly_core.models.loading import load_encoder, load_lvlm, model_revisions
from anyanomaly_core.models.protocols import AnswerKind, Request
from anyanomaly_core.models.revision import directory_revision
from anyanomaly_core.profile import EncoderSpec, LvlmSpec, Profile, builtin_profiles, load_profile


def profile(**lvlm: Any) -> Profile:
    return Profile(name="test", encoder=EncoderSpec(model="demo"), lvlm=LvlmSpec(**({"model": "tiny"} | lvlm)))


def test_the_built_in_profiles() -> None:
    assert {"cpu", "default", "demo", "paper", "served"} <= set(builtin_profiles())
    for name in builtin_profiles():
        loaded = load_profile(name)
        assert loaded.name == name
        assert loaded.description
        if loaded.encoder.model != "demo" and not loaded.encoder.model.startswith("hf-hub:"):
            assert (loaded.encoder.model, loaded.encoder.pretrained) in open_clip_names.known()
    paper = load_profile("paper")
    assert paper.scoring.readout == "generate"
    assert paper.encoder.reference_preprocessing
    assert paper.scoring.weights == (0.6, 0.3, 0.1)


def test_a_model_directory_is_loaded_and_answers(tmp_path: Path, settings: Settings, images: Any) -> None:
    folder = build_vlm("smolvlm", tmp_path / "models" / "tiny")
    by_name = load_lvlm(profile(model="somebody/tiny"), settings)
    by_path = load_lvlm(profile(path=folder), settings)
    assert by_name.revision == by_path.revision
    request = Request(images[0], "Is there a car?", AnswerKind.SCORE)
    assert by_name.answer([request]) == by_path.answer([request])
    assert by_name.name == "somebody/tiny"
    assert model_revisions(by_path, by_name) == {"encoder": by_path.revision, "lvlm": by_name.revision}  # type: ignore[arg-type]


def test_half_precision_answers_nearly_the_same(tmp_path: Path, settings: Settings, images: Any) -> None:
    folder = build_vlm("qwen2_5_vl", tmp_path / "half")
    request = Request(images[0], "Is there a car?", AnswerKind.SCORE)
    full, half = (load_lvlm(profile(path=folder, precision=p), settings).answer([request])[0] for p in ("fp32", "bf16"))
    assert half.distribution == pytest.approx(full.distribution, abs=0.15)


def test_what_is_not_there_says_what_to_do(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"ANYANOMALY_MODELS_DIR/Nowhere-7B"):
        load_lvlm(profile(model="somebody/Nowhere-7B"), settings)
    with pytest.raises(ModelError, match="is not a directory"):
        load_lvlm(profile(path=tmp_path / "nowhere"), settings)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="could not be loaded"):
        load_lvlm(profile(path=tmp_path / "empty"), settings)
    with pytest.raises(ConfigurationError, match="ANYANOMALY_LVLM_BASE_URL"):
        load_lvlm(profile(backend="openai"), settings)
    monkeypatch.setattr(loading, "_DEMO_WEIGHTS", tmp_path)
    for part, load in (("encoder", load_encoder), ("lvlm", load_lvlm)):
        with pytest.raises(ModelError, match=f"{part} is missing.*[Tt]rain"):
            load(profile(model="demo"), settings)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345678\n"
BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "pointer": lambda _: POINTER, "cut": lambda whole: whole[: len(whole) // 2], "empty": lambda _: b"",
}  # fmt: skip
SAID = {
    "pointer": r"is a Git LFS pointer to a file of 12345678 bytes.*git lfs pull",
    "cut": "cut off",
    "empty": "empty",
}


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory, encoder_folder: Path) -> dict[str, Path]:
    return {"encoder": encoder_folder, "lvlm": build_vlm("smolvlm", tmp_path_factory.mktemp("whole"))}


def load(part: str, folder: Path, settings: Settings) -> Any:
    if part == "lvlm":
        return load_lvlm(profile(path=folder), settings)
    spec = EncoderSpec(model="mine", path=folder)
    return load_encoder(Profile(name="test", encoder=spec, lvlm=LvlmSpec(model="demo")), settings)


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize(
    ("part", "file"),
    [("encoder", "open_clip_model.safetensors"), ("encoder", "open_clip_config.json"), ("lvlm", "model.safetensors"),
     ("lvlm", "tokenizer.json"), ("lvlm", "config.json")],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_named_in_one_sentence(
    part: str, file: str, *, broken: str, parts: dict[str, Path], settings: Settings, tmp_path: Path
) -> None:
    folder = shutil.copytree(parts[part], tmp_path / "copy")
    (folder / file).write_bytes(BREAKS[broken]((folder / file).read_bytes()))
    with pytest.raises(ModelError, match=f"could not be loaded: {re.escape(str(folder / file))} .*{SAID[broken]}"):
        load(part, folder, settings)


@pytest.mark.parametrize("broken", [*BREAKS, "missing"])
def test_a_shard_that_is_not_whole_is_named(broken: str, settings: Settings, tmp_path: Path) -> None:
    folder = build_vlm("smolvlm", tmp_path / "whole")
    model = AutoModelForImageTextToText.from_pretrained(folder)
    model.save_pretrained(tmp_path / "shards", max_shard_size="100KB")
    (folder / "model.safetensors").unlink()
    shards = shutil.copytree(folder, tmp_path / "shards", dirs_exist_ok=True)
    assert load("lvlm", shards, settings)
    shard = sorted(shards.glob("model-*.safetensors"))[1]
    if broken == "missing":
        shard.unlink()
    else:
        shard.write_bytes(BREAKS[broken](shard.read_bytes()))
    with pytest.raises(ModelError, match=rf"could not be loaded: .*{shard.name}.*(lacks|{SAID.get(broken)})"):
        load("lvlm", shards, settings)


def test_a_torch_file_that_was_cut_off_is_named(parts: dict[str, Path], settings: Settings, tmp_path: Path) -> None:
    folder = shutil.copytree(parts["encoder"], tmp_path / "copy")
    weights = load_file(folder / "open_clip_model.safetensors")
    (folder / "open_clip_model.safetensors").unlink()
    torch.save(weights, folder / "open_clip_pytorch_model.bin")
    assert load("encoder", folder, settings)
    whole = (folder / "open_clip_pytorch_model.bin").read_bytes()
    (folder / "open_clip_pytorch_model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"open_clip_pytorch_model\.bin is cut off"):
        load("encoder", folder, settings)


def test_a_broken_file_that_nobody_needs_stops_nothing(
    parts: dict[str, Path], settings: Settings, tmp_path: Path
) -> None:
    folder = shutil.copytree(parts["lvlm"], tmp_path / "copy")
    (folder / "pytorch_model.bin").write_bytes(POINTER)
    (folder / "notes.json").write_bytes(b"")
    assert load("lvlm", folder, settings)


@pytest.mark.parametrize("stated", [None, {}, {"mean": [0.5] * 3}, {"mean": 0.5, "std": [0.5] * 3}])
def test_an_encoder_without_its_preprocessing_is_refused(
    stated: Any, parts: dict[str, Path], settings: Settings, tmp_path: Path
) -> None:
    folder = shutil.copytree(parts["encoder"], tmp_path / "copy")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["preprocess_cfg"] = stated
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"open_clip_config\.json states no .*std|mean"):
        load("encoder", folder, settings)


def test_weights_that_are_in_no_file_are_refused_not_random(
    parts: dict[str, Path], settings: Settings, tmp_path: Path
) -> None:
    folder = shutil.copytree(parts["lvlm"], tmp_path / "copy")
    weights = load_file(folder / "model.safetensors")
    dropped = next(name for name in weights if "layers.1" in name)
    save_file({n: w for n, w in weights.items() if n != dropped}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"1 of its weights are in no file \(such as .*layers\.1"):
        load("lvlm", folder, settings)


def test_the_revision_covers_files_of_any_format_but_not_what_people_read(
    parts: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(parts["lvlm"], tmp_path / "copy")
    before = directory_revision(folder)
    for name in ("README.md", "LICENSE", ".gitattributes", "picture.png"):
        (folder / name).write_text("x")
    assert directory_revision(folder) == before
    (folder / "vocabulary.tiktoken").write_text("x")
    assert directory_revision(folder) != before


def test_a_served_profile_needs_no_torch() -> None:
    """A worker that only talks to a server starts in a moment and needs little memory."""
    code = (
        "import sys, anyanomaly_core.models.loading, anyanomaly_core.models.openai_lvlm;"
        "sys.exit(int('torch' in sys.modules or 'transformers' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
