"""What exactly a model is: the revision that goes into the scorer id.

A local directory is known by the content of its files; hashing gigabytes at every start would cost minutes, so each
file's hash is kept by size and modification time.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from anyanomaly_core.errors import ModelError, ModelSetupError

if TYPE_CHECKING:
    import torch  # a worker that only talks to a server loads no torch

# Whatever lies in a model directory may change what the model answers, but for what only people read, and code, which
# is never run. Hidden files and those without suffix (LICENSE) are left out too.
_NOT_OF_THE_MODEL = {".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ipynb", ".py", ".lock"}
_NO_WEIGHTS = {".json", ".jinja", ".txt", ".model"}
_LENGTH = 16  # hex digits shown; 64 bits tell models apart


def directory_revision(directory: Path, cache: Path | None = None) -> str:
    """``sha256:<16 hex digits>`` over names and contents of the model files in ``directory``.

    Args:
        directory: a model directory; subfolders count too.
        cache: a JSON file that keeps hashes by (path, size, modification time); None: hash always.

    Raises:
        ModelError: when the directory holds no weight file or a file cannot be read.
    """
    within = [path for path in directory.rglob("*") if is_of_the_model(path.relative_to(directory))]
    files = sorted(path for path in within if path.is_file())
    if not any(path.suffix not in _NO_WEIGHTS for path in files):
        raise ModelSetupError(
            f"{directory} holds no weights (*.safetensors, *.bin ...). Put a complete model directory there."
        )
    known = _read_cache(cache)
    whole = hashlib.sha256()
    for path in files:
        content = _file_hash(path, known)
        whole.update(f"{path.relative_to(directory).as_posix()}\0{content}\n".encode())
    _write_cache(cache, known)
    return f"sha256:{whole.hexdigest()[:_LENGTH]}"


def state_revision(state: Mapping[str, "torch.Tensor"]) -> str:
    """``sha256:<16 hex digits>`` over the weights in memory, for models that come from a tag and not a pinned file."""
    import torch  # noqa: PLC0415

    whole = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        whole.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\n".encode())
        whole.update(tensor.flatten().view(torch.uint8).numpy().data)
    return f"sha256:{whole.hexdigest()[:_LENGTH]}"


def is_of_the_model(path: PurePath) -> bool:
    """Whether a file, named within its directory, may change what the model answers."""
    is_hidden = any(part.startswith(".") for part in path.parts)
    return bool(path.suffix) and not is_hidden and path.suffix.lower() not in _NOT_OF_THE_MODEL


def _file_hash(path: Path, known: dict[str, Any]) -> str:
    try:
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in known:
            with path.open("rb") as file:
                known[key] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"Model file {path} cannot be read: {error.strerror}. Check its permissions.") from None
    return str(known[key])


def _read_cache(cache: Path | None) -> dict[str, Any]:
    if cache is None:
        return {}
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no cache, or one cut off by a crash: hash again
    return content if isinstance(content, dict) else {}


def _write_cache(cache: Path | None, known: dict[str, Any]) -> None:
    if cache is None:
        return
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        draft = cache.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(known), encoding="utf-8")
        draft.replace(cache)  # readers see the old or the new cache, never half of one
    except OSError:
        return  # a read-only state folder costs time, not correctness
