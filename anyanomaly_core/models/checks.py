"""Where the models of a profile are, and whether they could be used: looked at in seconds, without loading one."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import AnyAnomalyError, ModelError
from anyanomaly_core.models.broken_files import broken_file
from anyanomaly_core.models.hub import HubModel, cached_folder, hub_model, look_up
from anyanomaly_core.models.loading import local_directory, no_lavida
from anyanomaly_core.models.openai_http import RetryPolicy
from anyanomaly_core.models.protocols import AnswerKind, Request
from anyanomaly_core.profile import ModelPart, Profile

_QUICK = RetryPolicy(tries=2, first_wait_s=0.5, longest_wait_s=1.0, connect_s=3.0, reply_s=60.0)
_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
_SIZE_IN_NAME = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of a profile."""

    part: ModelPart
    model: str
    place: str  # where it is, or would come from, in words
    memory: int | None  # bytes of its weights when loaded here; None: not known, or loaded elsewhere
    exactly: bool  # memory is counted from the weights, not guessed from the name
    problem: str | None = None  # why a scan would fail
    remedy: str = ""  # what to do


def inspect_models(profile: Profile, settings: ModelSettings) -> list[ModelState]:
    """Look for every model of a profile; of a server one question is asked, as a scan asks it."""
    found = []
    for part in profile.parts:
        if part == "lvlm" and profile.lvlm.backend == "openai":
            found.append(_server(profile, settings))
        else:
            found.append(_weights(profile, part, settings))
    return found


def _weights(profile: Profile, part: ModelPart, settings: ModelSettings) -> ModelState:
    spec = profile.spec_of(part)
    try:
        directory = local_directory(spec.model.removeprefix("hf-hub:"), spec.path, part, settings)
        source = None if directory is not None or part == "lavida" else hub_model(profile, part)
    except AnyAnomalyError as error:
        return ModelState(part, spec.model, "nowhere", None, exactly=False, problem=str(error))
    factor = _BYTES[spec.precision]
    if directory is None and source is not None:
        directory = cached_folder(source)
        if directory is None:
            return _on_the_hub(profile, part, source)
    if directory is None:
        return ModelState(part, spec.model, "nowhere", None, exactly=False, problem=no_lavida(spec.model))
    try:
        stored = _weight_bytes(directory)
    except ModelError as error:
        return ModelState(part, spec.model, str(directory), None, exactly=False, problem=str(error))
    place = "in this package" if spec.model == "demo" else str(directory)
    return ModelState(part, spec.model, place, round(stored.parameters * factor), stored.exactly)


def _on_the_hub(profile: Profile, part: ModelPart, source: HubModel) -> ModelState:
    spec = profile.spec_of(part)
    guessed = _parameters_in_name(source.repository)
    memory = None if guessed is None else round(guessed * _BYTES[spec.precision])
    try:
        there = look_up(source)
    except ModelError as error:
        kind = "an open_clip directory" if part == "encoder" else "a transformers directory"
        problem = f"The {part} {source.repository} is not on this machine. {error}"
        remedy = (
            f"Where a hub can be reached, `anyanomaly models fetch {profile.name}` brings it; else put {kind} into "
            f"ANYANOMALY_MODELS_DIR/{source.folder.rsplit('/', 1)[-1]}, or name its folder as `path` in the profile."
        )
        return ModelState(part, spec.model, "nowhere", memory, exactly=False, problem=problem, remedy=remedy)
    place = f"on the hub, {there.bytes / 1e9:.1f} GB to download"
    return ModelState(part, spec.model, place, memory, exactly=False)


def _server(profile: Profile, settings: ModelSettings) -> ModelState:
    from anyanomaly_core.models.openai_lvlm import connect  # noqa: PLC0415  (only where there is a server)

    spec = profile.lvlm
    address = settings.lvlm_base_url or spec.base_url or "no address"
    try:
        server = connect(spec, settings, _QUICK)
        want = AnswerKind.SCORE if profile.scoring.readout == "likelihood" else AnswerKind.TEXT
        grey = np.full((224, 224, 3), 128, dtype=np.uint8)  # [224, 224, 3]
        [answer] = server.answer([Request(grey, "How likely is a person in the picture? Answer 0.0 to 1.0.", want)])
    except AnyAnomalyError as error:
        return ModelState("lvlm", spec.model, address, None, exactly=False, problem=str(error))
    problem = None
    if answer.error is not None:
        problem = f"The model server {address} does not answer a question as a scan asks it: {answer.error}."
    return ModelState("lvlm", spec.model, f"{server.name} at {address}", None, exactly=False, problem=problem)


@dataclass(frozen=True, slots=True)
class _WeightSize:
    parameters: float
    exactly: bool


def _weight_bytes(directory: Path) -> _WeightSize:
    """How many parameters the weight files of a directory hold.

    Raises:
        ModelError: when a weight file is missing, empty or no weight file.
    """
    files = sorted(path for path in directory.rglob("*") if path.suffix in _WEIGHTS)
    if not files:
        raise ModelError(f"{directory} holds no weights (*.safetensors, *.bin). Put a complete model directory there.")
    tensors = [path for path in files if path.suffix == ".safetensors"]
    if not tensors or any(directory.glob("*.index.json")):
        _check_whole(directory)
    if not tensors:
        return _WeightSize(sum(path.stat().st_size for path in files) / 4, exactly=False)
    return _WeightSize(sum(_safetensors_parameters(path) for path in tensors), exactly=True)


def _check_whole(directory: Path) -> None:
    problem = broken_file(directory)
    if problem is not None:
        raise ModelError(f"{problem}.")


def _safetensors_parameters(path: Path) -> int:
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415  (numbers only: no torch is loaded)

    try:
        with safe_open(path, framework="np") as file:
            return sum(int(np.prod(file.get_slice(name).get_shape())) for name in file.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        _check_whole(path.parent)
        raise ModelError(f"{path} cannot be read ({error}). Copy it again.") from None


def _parameters_in_name(name: str) -> float | None:
    """Qwen3-VL-2B has about two billion parameters, SmolVLM2-500M half of one."""
    found = _SIZE_IN_NAME.findall(name.replace("_", "-"))
    return max((float(n) * (1e9 if unit.lower() == "b" else 1e6) for n, unit in found), default=None)
