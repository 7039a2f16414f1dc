"""Errors of models that do not load, or load without something that they need: the file at fault, and what mends it."""

import json
import os
from pathlib import Path
from typing import Any

from anyanomaly_core.errors import ModelError, ModelSetupError
from anyanomaly_core.models.broken_files import broken_file

ENCODER_CONFIG, LVLM_CONFIG = "open_clip_config.json", "config.json"


def check_preprocessing(model: str, directory: Path) -> None:
    """Refuse a directory that does not say how its images are normalised: open_clip would take CLIP's numbers."""
    path = directory / ENCODER_CONFIG
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise load_error("encoder", model, directory, error) from error
    stated = config.get("preprocess_cfg") if isinstance(config, dict) else None
    stated = stated if isinstance(stated, dict) else {}
    missing = [name for name in ("mean", "std") if not _has_three_numbers(stated.get(name))]
    if missing:
        raise ModelSetupError(
            f"{path} states no {' and no '.join(missing)} of three numbers in its preprocess_cfg, so the encoder "
            f"{model!r} would see images normalised for another model. Take the whole file from where the model comes "
            "from, or add "
            '"preprocess_cfg": {"mean": [...], "std": [...]} as the model was trained.'
        )


def _has_three_numbers(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(part) in {float, int} for part in value)  # noqa: PLR2004


def check_complete(model: str, processor: object, report: dict[str, Any]) -> None:
    """Refuse what transformers only warns about: weights that are in no file are random numbers."""
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelSetupError(
            f"The lvlm {model!r} could not be loaded: {len(missing)} of its weights are in no file (such as "
            f"{missing[0]}). Download the missing weight files, or a model of the class that config.json names."
        )
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise ModelSetupError(
            f"The lvlm {model!r} could not be loaded: it has a {type(processor).__name__} where it needs a processor "
            "of text and images. Download its processor_config.json or preprocessor_config.json."
        )


def load_error(part: str, model: str, directory: Path | None, error: Exception) -> ModelError:
    """The error to raise for a model that a library could not load: names the broken file where there is one."""
    broken = None if directory is None else broken_file(directory)
    if broken is not None:
        return ModelSetupError(f"The {part} {model!r} could not be loaded: {broken}.")
    kind = "an open_clip directory with open_clip_config.json" if part == "encoder" else "a transformers directory"
    offline = " HF_HUB_OFFLINE is set." if os.environ.get("HF_HUB_OFFLINE") else ""
    name = model.rsplit("/", 1)[-1]
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    # A hub that is away may be back, and memory may be free the next time.
    return (ModelError if not offline and isinstance(error, OSError | RuntimeError) else ModelSetupError)(
        f"The {part} {model!r} could not be loaded.{offline} Without access to the hub, put {kind} into "
        f"ANYANOMALY_MODELS_DIR/{name}, or name its folder as `path` in the profile. Reason: {reason}"
    )
