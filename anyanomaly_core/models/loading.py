"""Loads the models of a profile, once per task; a local directory always wins over the hub."""

from pathlib import Path
from typing import Any

from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import ConfigurationError, ModelSetupError
from anyanomaly_core.models.hub import HubModel, cached_folder, download_to_cache, hub_model
from anyanomaly_core.models.load_errors import (
    ENCODER_CONFIG,
    LVLM_CONFIG,
    check_complete,
    check_preprocessing,
    load_error,
)
from anyanomaly_core.models.protocols import ClipModel, ImageTextEncoder, VisionLanguageModel
from anyanomaly_core.models.revision import directory_revision, state_revision
from anyanomaly_core.profile import EncoderSpec, Profile

_DEMO_WEIGHTS = Path(__file__).parents[1] / "demo" / "weights"
_HUB_PREFIX = "hf-hub:"
LAVIDA_CONFIG = "lavida.json"
_DEMO_TRAINING = "python -m anyanomaly_core.demo.training"


def load_encoder(profile: Profile, settings: ModelSettings) -> ImageTextEncoder:
    """The image-text encoder of ``profile``, ready on ``settings.device``.

    Raises:
        ModelError: when the model is neither on this machine nor to be had from the hub, or does not load.
        ConfigurationError: when the profile contradicts itself or the device does not exist.
    """
    spec = profile.encoder
    directory = local_directory(spec.model.removeprefix(_HUB_PREFIX), spec.path, "encoder", settings)
    if directory is None and not spec.model.startswith(_HUB_PREFIX):
        return _encoder_by_tag(spec, settings)
    revision = None
    if directory is None:
        directory, revision = _encoder_from_hub(spec)
    revision = revision or local_revision(directory, settings)
    check_preprocessing(spec.model, directory)
    return _encoder(spec, settings, directory, revision)


def load_lvlm(profile: Profile, settings: ModelSettings) -> VisionLanguageModel:
    """The vision-language model of ``profile``: in this process, or behind an OpenAI-compatible server.

    Raises:
        ModelError: when the model is neither on this machine nor to be had from the hub, or does not load.
        ModelServerError: when the server cannot be reached or does not serve this model.
        ConfigurationError: when the profile contradicts itself or the device does not exist.
    """
    spec = profile.lvlm
    if spec.backend == "openai":
        from anyanomaly_core.models.openai_lvlm import connect  # noqa: PLC0415  # needs no torch

        return connect(spec, settings)
    directory = local_directory(spec.model, spec.path, "lvlm", settings)
    return _lvlm(profile, settings, directory)


def load_lavida(profile: Profile, settings: ModelSettings) -> ClipModel:
    """The model of the scorer ``lavida``, ready on ``settings.device``.

    Raises:
        ModelError: when it is not on this machine (no hub has one), or does not load.
        ConfigurationError: when the profile names none, or the device does not exist.
    """
    spec = profile.lavida
    if spec is None:
        raise ConfigurationError(f"The profile {profile.name} names no model for the scorer lavida.")
    directory = local_directory(spec.model, spec.path, "lavida", settings)
    if directory is None:
        raise ModelSetupError(no_lavida(spec.model))
    from anyanomaly_core.models.device import DTYPES, resolve_device  # noqa: PLC0415  # seconds to import
    from anyanomaly_core.models.inference_speed import keep_freed_memory  # noqa: PLC0415
    from anyanomaly_core.models.lavida.clip_model import LavidaClipModel  # noqa: PLC0415
    from anyanomaly_core.models.lavida.model import Lavida  # noqa: PLC0415

    device = resolve_device(settings.device)
    keep_freed_memory()
    model = Lavida.from_pretrained(directory, DTYPES[spec.precision]).to(device)
    return LavidaClipModel(model, name=spec.model, revision=local_revision(directory, settings))


def no_lavida(model: str) -> str:
    """Why there is no such model, and where one comes from."""
    folder = model.rsplit("/", maxsplit=1)[-1]
    return (
        f"LAVIDA's model {model!r} is not on this machine, and no hub has it: its authors released no weights. Train "
        f"it with `anyanomaly train lavida` and put its folder `model` into ANYANOMALY_MODELS_DIR/{folder}, or name it "
        "as `path` in the profile."
    )


def model_revisions(encoder: ImageTextEncoder, lvlm: VisionLanguageModel) -> dict[str, str]:
    """What goes into ``Profile.digest``."""
    return {"encoder": encoder.revision, "lvlm": lvlm.revision}


def local_directory(model: str, path: Path | None, part: str, settings: ModelSettings) -> Path | None:
    """Where the model lies on this machine: ``path``, the demo's weights, or ``models_dir/<name>``; None: nowhere.

    ``org/name`` is looked for as ``models_dir/org/name`` and as ``models_dir/name``.

    Raises:
        ModelSetupError: when the profile names a directory that is not there.
    """
    if path is not None:
        if not path.is_dir():
            raise ModelSetupError(
                f"The profile's {part} path {path} is not a directory. Put the model there, or remove `path`."
            )
        return path
    if model == "demo":
        return _demo_directory(part)
    if settings.models_dir is None:
        return None
    candidates = [settings.models_dir / model, settings.models_dir / model.rsplit("/", 1)[-1]]
    return next((c for c in candidates if (c / _marker(part)).is_file()), None)


def _marker(part: str) -> str:
    return {"encoder": ENCODER_CONFIG, "lvlm": LVLM_CONFIG, "lavida": LAVIDA_CONFIG}[part]


def _demo_directory(part: str) -> Path:
    directory = _DEMO_WEIGHTS / part
    if (directory / _marker(part)).is_file():
        return directory
    if part == "lavida":
        raise ModelSetupError(
            "No release carries a demo model of LAVIDA yet. Train one with `anyanomaly train lavida --out run`, "
            "and name its folder run/model in a copy of the profile, as `lavida.path` (docs/lavida.md)."
        )
    raise ModelSetupError(
        f"The demo's {part} is missing ({directory}). Train it with `{_DEMO_TRAINING}`, "
        "or install the package from a release, which carries the weights."
    )


def local_revision(directory: Path, settings: ModelSettings) -> str:
    """Hash of a model directory's files; raises ModelError when it holds no weights or cannot be read."""
    return directory_revision(directory, settings.state_dir / "model-hashes.json")


def _encoder(
    spec: EncoderSpec, settings: ModelSettings, directory: Path | None, revision: str | None
) -> ImageTextEncoder:
    from anyanomaly_core.models.torchvision_compat import ensure_torchvision  # noqa: PLC0415  # seconds to import

    ensure_torchvision()
    import open_clip  # noqa: PLC0415

    from anyanomaly_core.models.device import resolve_device  # noqa: PLC0415
    from anyanomaly_core.models.inference_speed import keep_freed_memory  # noqa: PLC0415
    from anyanomaly_core.models.open_clip_encoder import OpenClipEncoder  # noqa: PLC0415

    device = resolve_device(settings.device)
    keep_freed_memory()
    source, tag = (spec.model, spec.pretrained) if directory is None else (f"local-dir:{directory}", None)
    try:
        model = open_clip.create_model(
            source, pretrained=tag, precision=spec.precision, device=device, require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(source)
    except Exception as error:  # libraries add kinds of their own, all of which mean: it does not load
        raise load_error("encoder", spec.model, directory, error) from error
    return OpenClipEncoder(
        model,
        tokenizer,
        name=spec.model,
        revision=revision or state_revision(model.state_dict()),
        device=device,
        precision=spec.precision,
        batch_size=spec.batch_size,
    )


def _encoder_by_tag(spec: EncoderSpec, settings: ModelSettings) -> ImageTextEncoder:
    if spec.pretrained is None:
        raise ConfigurationError(
            f"The encoder {spec.model!r} is an architecture without weights. Give `pretrained` (such as openai), "
            "an `hf-hub:` id or a `path`."
        )
    return _encoder(spec, settings, None, None)


def _encoder_from_hub(spec: EncoderSpec) -> tuple[Path, str]:
    """Download (or find in the cache) one pinned commit; open_clip's own hub loading cannot pin."""
    model_id = spec.model.removeprefix(_HUB_PREFIX)
    try:
        folder = download_to_cache(HubModel("encoder", model_id, spec.revision, model_id))
    except Exception as error:  # the client raises many kinds, all of which mean: not to be had
        raise load_error("encoder", model_id, None, error) from error
    return folder, folder.name  # a snapshot's folder is named after its commit


def _lvlm(profile: Profile, settings: ModelSettings, directory: Path | None) -> VisionLanguageModel:
    from anyanomaly_core.models.torchvision_compat import ensure_torchvision  # noqa: PLC0415  # seconds to import

    ensure_torchvision()
    from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: PLC0415

    from anyanomaly_core.models.device import DTYPES, resolve_device  # noqa: PLC0415
    from anyanomaly_core.models.inference_speed import keep_freed_memory  # noqa: PLC0415
    from anyanomaly_core.models.transformers_lvlm import TransformersLvlm  # noqa: PLC0415
    from anyanomaly_core.models.visual_tokens import check_budget  # noqa: PLC0415

    spec, device = profile.lvlm, resolve_device(settings.device)
    keep_freed_memory()
    source = spec.model if directory is None else str(directory)
    options: dict[str, Any] = {"trust_remote_code": False}  # code of strangers is not run; such models are refused
    options |= {"local_files_only": True} if directory is not None else {"revision": spec.revision}
    try:
        processor = AutoProcessor.from_pretrained(source, **options)  # type: ignore[no-untyped-call]
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            source, dtype=DTYPES[spec.precision], output_loading_info=True, **options
        )
        model, report = loaded
        model = model.to(device)
    except Exception as error:  # libraries add kinds of their own, all of which mean: it does not load
        raise load_error("lvlm", spec.model, directory or cached_folder(hub_model(profile, "lvlm")), error) from error
    check_complete(spec.model, processor, report)
    commit = getattr(model.config, "_commit_hash", None) or spec.revision
    lvlm = TransformersLvlm(
        model,
        processor,
        name=spec.model,
        revision=local_revision(directory, settings)
        if directory is not None
        else commit or state_revision(model.state_dict()),
        batch_size=spec.batch_size,
        max_new_tokens=spec.max_new_tokens,
        max_image_side=spec.max_image_side,
        image_splitting=spec.image_splitting,
        system_prompt=spec.system_prompt,
        repetition_penalty=spec.repetition_penalty,
        compression=spec.compression,
    )
    check_budget(profile, processor)
    return lvlm
