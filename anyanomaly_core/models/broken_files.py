"""The file for which a model directory cannot be loaded: libraries say "header too large", not which download failed.

It is asked after loading has failed, so that a file which nobody needs stops nothing.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth"}
_POINTER = b"version https://git-lfs.github.com/spec/"
_BEGINNING = 512  # bytes of a file that show whether it is a pointer, which is shorter
_ZIP = b"PK\x03\x04"  # what torch saves


def broken_file(directory: Path) -> str | None:
    """What is wrong with the first file of a model directory that is not whole, and what mends it; None: nothing found.

    Found are Git LFS pointers, empty files, safetensors and torch files that were cut off, JSON that does not parse,
    and shards that an index names and the directory lacks.
    """
    try:
        return next(_problems(directory), None)
    except OSError as error:
        return f"{error.filename or directory} cannot be read: {error.strerror}; check its permissions"


def _problems(directory: Path) -> Iterator[str]:
    for path in sorted(path for path in directory.iterdir() if path.is_file()):
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
        if beginning.startswith(_POINTER):
            size = beginning.partition(b"\nsize ")[2].split(b"\n")[0].decode(errors="replace")
            yield (
                f"{path} is a Git LFS pointer to a file of {size or 'unknown'} bytes, not that file: fetch it with "
                "`git lfs pull`, or download the model with `hf download`"
            )
        elif path.suffix in _WEIGHTS:
            yield from _weight_problems(path, beginning)
        elif path.suffix == ".json":
            yield from _json_problems(path)


def _weight_problems(path: Path, beginning: bytes) -> Iterator[str]:
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415  # only where something is wrong

    if not beginning:
        yield f"{path} is empty: download it again"
    elif path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            yield f"{path} is cut off or damaged ({error}): download it again"
    elif beginning.startswith(_ZIP) and not zipfile.is_zipfile(path):
        yield f"{path} is cut off: download it again"


def _json_problems(path: Path) -> Iterator[str]:
    try:
        content: Any = json.loads(path.read_bytes())
    except ValueError as error:
        yield f"{path} is empty, cut off or damaged ({error}): download it again"
        return
    shards = content.get("weight_map") if path.name.endswith(".index.json") and isinstance(content, dict) else None
    if isinstance(shards, dict):
        missing = sorted({shard for shard in map(str, shards.values()) if not (path.parent / shard).is_file()})
        if missing:
            named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")  # noqa: PLR2004
            yield f"{path} names {named}, which {path.parent} lacks: download the missing files"
