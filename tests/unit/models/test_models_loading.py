# ruff: noqa: ANN401  # models and processors of transformers have no types
"""Where models come from, and what is said when they are not there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import open_clip_names
import pytest
from tiny_vlms import build_vlm

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, ModelError
from anyanomaly_core.models import loading
from anyanomaly_core.models.loading import load_encoder, load_lvlm, revisions
from anyanomaly_core.models.protocols import Request, Want
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
    request = Request(images[0], "Is there a car?", Want.SCORE)
    assert by_name.answer([request]) == by_path.answer([request])
    assert by_name.name == "somebody/tiny"
    assert revisions(by_path, by_name) == {"encoder": by_path.revision, "lvlm": by_name.revision}  # type: ignore[arg-type]


def test_half_precision_answers_nearly_the_same(tmp_path: Path, settings: Settings, images: Any) -> None:
    folder = build_vlm("qwen2_5_vl", tmp_path / "half")
    request = Request(images[0], "Is there a car?", Want.SCORE)
    full, half = (load_lvlm(profile(path=folder, precision=p), settings).answer([request])[0] for p in ("fp32", "bf16"))
    assert half.distribution == pytest.approx(full.distribution, abs=0.15)


def test_what_is_not_there_says_what_to_do(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"ANYANOMALY_MODELS_DIR/Nowhere-7B"):
        load_lvlm(profile(model="somebody/Nowhere-7B"), settings)
    with pytest.raises(ModelError, match="no directory"):
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


def test_a_served_profile_needs_no_torch() -> None:
    """A worker that only talks to a server starts in a moment and needs little memory."""
    code = (
        "import sys, anyanomaly_core.models.loading, anyanomaly_core.models.openai_lvlm;"
        "sys.exit(int('torch' in sys.modules or 'transformers' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
