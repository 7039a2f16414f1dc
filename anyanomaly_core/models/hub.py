"""The model hub: what a profile would take from it, and fetching that into a folder of this machine.

``huggingface_hub`` does the work; ``HF_ENDPOINT``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` mean what they mean there.
"""

import fnmatch
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from anyanomaly_core.errors import ConfigurationError, ModelError, ModelSetupError
from anyanomaly_core.models.revision import is_of_the_model
from anyanomaly_core.profile import Profile

# What is left out: folders, other formats of the same weights, and what is not the model's. All else is fetched, so
# that a tokenizer in a format that nobody knows yet comes along.
_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.ot", "*.onnx", "*.gguf", "*.tflite")
_LEFT_OUT = {
    "encoder": ("*/*", *_OTHER_WEIGHTS, "model*.safetensors"),  # that of timm, beside open_clip_model.safetensors
    "lvlm": ("*/*", *_OTHER_WEIGHTS),
}
_OLDER_WEIGHTS = {"encoder": ["open_clip_pytorch_model.bin"], "lvlm": ["pytorch_model*.bin"]}
_MARKERS = {"encoder": "open_clip_config.json", "lvlm": "config.json"}
_LOOK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model as a profile asks the hub for it."""

    part: Literal["encoder", "lvlm"]
    repository: str  # organisation/name
    revision: str | None  # None: the newest
    folder: str  # under ANYANOMALY_MODELS_DIR, where loading looks for it


@dataclass(frozen=True, slots=True)
class HubFiles:
    """What the hub has of it."""

    commit: str
    files: tuple[str, ...]
    bytes: int


def hub_model(profile: Profile, part: Literal["encoder", "lvlm"]) -> HubModel:
    """What a profile's model is called on the hub.

    Raises:
        ConfigurationError: when the profile names an architecture whose weights are on no hub.
    """
    if part == "lvlm":
        return HubModel(part, profile.lvlm.model, profile.lvlm.revision, profile.lvlm.model)
    spec = profile.encoder
    if spec.model.startswith("hf-hub:"):
        name = spec.model.removeprefix("hf-hub:")
        return HubModel(part, name, spec.revision, name)
    if spec.pretrained is None:
        raise ConfigurationError(
            f"The encoder {spec.model!r} is an architecture without weights. Give `pretrained` (such as openai), "
            "an `hf-hub:` id or a `path`."
        )
    return HubModel(part, _repository_of_tag(spec.model, spec.pretrained), spec.revision, spec.model)


def cached_folder(model: HubModel) -> Path | None:
    """Where the hub's own cache on this machine has the model; None: it was never downloaded whole."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (half a second to import)
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        folder = Path(snapshot_download(model.repository, revision=model.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    has_weights = any(path.suffix in {".safetensors", ".bin"} for path in folder.iterdir())
    return folder if has_weights else None


def download_to_cache(model: HubModel) -> Path:
    """Where the hub's own cache has the model, downloaded if need be; raises whatever the hub's client raises."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    left_out = list(_LEFT_OUT[model.part])
    folder = Path(snapshot_download(model.repository, revision=model.revision, ignore_patterns=left_out))
    if not any(folder.glob("*.safetensors")):
        older = _OLDER_WEIGHTS[model.part]
        folder = Path(snapshot_download(model.repository, revision=model.revision, allow_patterns=older))
    return folder


def look_up(model: HubModel) -> HubFiles:
    """What the hub has of a model, by one question.

    Raises:
        ModelSetupError: when the hub cannot be reached, does not know the model, or asks for a token.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415

    with _in_words(model):
        found = HfApi().model_info(
            model.repository, revision=model.revision, timeout=_LOOK_TIMEOUT_S, files_metadata=True
        )
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in found.siblings or []}
    for older in ([], _OLDER_WEIGHTS[model.part]):
        files = {name: size for name, size in sizes.items() if is_needed(model.part, name) or _matches(name, older)}
        if any(name.endswith((".safetensors", ".bin")) for name in files):
            return HubFiles(str(found.sha), tuple(sorted(files)), sum(files.values()))
    raise ModelSetupError(f"{model.repository} on the hub holds no weights that can be read: *.safetensors or *.bin.")


def fetch_model(model: HubModel, models_dir: Path, *, progress: Callable[[int, int], None]) -> Path:
    """Download one commit of a model into the folder where loading looks for it; returns that folder.

    An interrupted download goes on where it stopped; the folder has its name only when it is whole.

    Args:
        model: as a profile asks for it.
        models_dir: ``ANYANOMALY_MODELS_DIR``.
        progress: bytes here and in all.

    Raises:
        ModelSetupError: when the hub cannot be reached, refuses, or has no files that could be loaded.
        ModelError: when the disk is too small, or something already lies in the folder's place.
    """
    there = look_up(model)
    target = models_dir / model.folder
    part = target.with_name(f".{target.name}.part")
    if target.exists():
        raise ModelError(f"{target} is there already; remove it to fetch the model anew.")
    part.mkdir(parents=True, exist_ok=True)
    had = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    if (free := shutil.disk_usage(part).free) < there.bytes - had:
        raise ModelError(
            f"{model.repository} has {there.bytes / 1e9:.1f} GB, {models_dir} has room for {free / 1e9:.1f} GB."
        )
    _download(model, there, part, progress)
    if not (part / _MARKERS[model.part]).is_file():
        raise ModelSetupError(
            f"{model.repository} has no {_MARKERS[model.part]}, so that it cannot be loaded from a folder. "
            f"What was fetched lies in {part}."
        )
    shutil.rmtree(part / ".cache", ignore_errors=True)  # of the download
    (part / "FETCHED_FROM").write_text(f"{model.repository} {there.commit}\n", encoding="utf-8")
    part.rename(target)
    return target


def _download(model: HubModel, there: HubFiles, folder: Path, progress: Callable[[int, int], None]) -> None:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415
    from huggingface_hub.utils.tqdm import tqdm  # noqa: PLC0415

    done = 0

    class ByteCounter(tqdm):  # the client tells a bar of tqdm how many bytes came
        def update(self, n: float | None = 1) -> None:
            progress(min(there.bytes, done + round(self.n + (n or 0))), there.bytes)
            self.n += n or 0

    progress(0, there.bytes)
    for name in there.files:
        with _in_words(model):
            path = hf_hub_download(
                model.repository, name, revision=there.commit, local_dir=folder, tqdm_class=ByteCounter
            )
        done += Path(path).stat().st_size
        progress(done, there.bytes)


def _repository_of_tag(architecture: str, tag: str) -> str:
    from anyanomaly_core.models.torchvision_compat import ensure_torchvision  # noqa: PLC0415  (seconds to import)

    ensure_torchvision()
    import open_clip  # noqa: PLC0415

    found = open_clip.get_pretrained_cfg(architecture, tag)
    if not found:
        raise ConfigurationError(f"open_clip knows no weights {tag!r} for the architecture {architecture!r}.")
    repository = str(found.get("hf_hub") or "").strip("/")
    if not repository:
        raise ConfigurationError(f"The weights {tag!r} of {architecture!r} are on no hub; name a directory as `path`.")
    return "/".join(repository.split("/")[:2])


def is_needed(part: Literal["encoder", "lvlm"], name: str) -> bool:
    """Whether a file of a repository belongs to the model, in the format that is loaded, and stays in its folder."""
    path = PurePosixPath(name)
    stays = not path.is_absolute() and ".." not in path.parts
    return stays and is_of_the_model(path) and not _matches(name, _LEFT_OUT[part])


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name matches one of the patterns."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


@contextmanager
def _in_words(model: HubModel) -> Iterator[None]:
    """The client raises errors of many kinds; all of them mean that the model is not to be had."""
    from huggingface_hub import constants  # noqa: PLC0415
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError  # noqa: PLC0415

    try:
        yield
    except GatedRepoError:
        problem = f"{model.repository} is given out on request only: ask for it on its page, and set HF_TOKEN"
    except RevisionNotFoundError:
        problem = f"{model.repository} has no revision {model.revision}"
    except RepositoryNotFoundError:
        problem = f"it knows no {model.repository}, or asks for a token (HF_TOKEN)"
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001  (see above)
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        problem = f"it cannot be used ({reason})" if not constants.is_offline_mode() else "HF_HUB_OFFLINE is set"
    else:
        return
    raise ModelSetupError(f"The hub {constants.ENDPOINT}: {problem}.")
