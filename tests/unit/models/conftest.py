# ruff: noqa: ANN401  # models and processors of transformers have no types
from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tiny_vlms import build_vlm
from transformers import AutoModelForImageTextToText, AutoProcessor, logging

from anyanomaly_core.config import Settings
from anyanomaly_core.models.transformers_lvlm import TransformersLvlm

logging.disable_progress_bar()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other


@pytest.fixture(scope="session")
def images() -> list[NDArray[np.uint8]]:
    """Three pictures, two sizes, the last one tall."""
    draw = np.random.default_rng(0)
    return [draw.integers(0, 255, (*size, 3), dtype=np.uint8) for size in [(64, 96), (64, 96), (100, 50)]]


@pytest.fixture(scope="session")
def load_vlm(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(architecture, tokenizer kind) -> (model, processor), built and read back from disk once."""
    built: dict[tuple[str, str], tuple[Any, Any]] = {}

    def load(architecture: str, kind: str = "byte_bpe") -> tuple[Any, Any]:
        if (architecture, kind) not in built:
            folder = build_vlm(architecture, tmp_path_factory.mktemp(f"{architecture}_{kind}"), kind)
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
            model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
            built[architecture, kind] = model.eval(), processor
        return built[architecture, kind]

    return load


@pytest.fixture(scope="session")
def make_lvlm(load_vlm: Any) -> Any:
    def make(architecture: str, kind: str = "byte_bpe", **options: Any) -> TransformersLvlm:
        model, processor = load_vlm(architecture, kind)
        return TransformersLvlm(
            model, processor, name=architecture, revision="test", **({"max_new_tokens": 6} | options)
        )

    return make


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random open_clip model directory: 32x32 input, 16 dimensions, odd mean and deviation."""
    import open_clip  # noqa: PLC0415  # only imports once torchvision_compat was

    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    model = open_clip.model.CLIP(**config)  # type: ignore[arg-type]
    preprocess = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4], "size": 32}
    text = json.dumps({"model_cfg": config, "preprocess_cfg": preprocess})
    (folder / "open_clip_config.json").write_text(text)
    save_file(
        {name: weight.contiguous() for name, weight in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        archive_root=str(tmp_path),
        database_url="postgresql://localhost/none",
        parquet_root=tmp_path / "parquet",
        state_dir=tmp_path / "state",
        device="cpu",
        models_dir=tmp_path / "models",
    )
