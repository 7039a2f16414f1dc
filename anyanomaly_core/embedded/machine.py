"""What this machine offers, as far as anything of ours needs it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import psutil

from anyanomaly_core.embedded.installation import LOCAL
from anyanomaly_core.embedded.postgres_process import binaries
from anyanomaly_core.errors import AnyAnomalyError

_LEAST_MEMORY = 2e9  # PostgreSQL, Airflow and the demo's models
_LEAST_DISK = 2e9
_REST = 1.5e9  # of the memory: Airflow, PostgreSQL, decoding


@dataclass(frozen=True, slots=True)
class MachinePart:
    """Something that every scan needs."""

    what: str
    found: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """Where models would be loaded."""

    bytes: float
    what: str


def examine_machine() -> list[MachinePart]:
    """Processor, memory, disk, graphics card, and the programs that come with the packages, tried out."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(_existing(LOCAL))
    return [
        MachinePart("processor", f"{os.cpu_count()} cores"),
        MachinePart(
            "memory",
            f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB free",
            None if memory.available > _LEAST_MEMORY else f"only {memory.available / 1e9:.1f} GB are free",
        ),
        MachinePart(
            "disk",
            f"{disk.free / 1e9:.1f} GB free for {LOCAL}",
            None if disk.free > _LEAST_DISK else f"only {disk.free / 1e9:.1f} GB are free for {LOCAL}",
        ),
        MachinePart("graphics card", _graphics_card() or "none: models run on the processor"),
        _program("ffmpeg", [imageio_ffmpeg.get_ffmpeg_exe(), "-version"]),
        _postgres(),
    ]


def memory_of_models() -> ModelMemory:
    """Memory of the graphics card if there is one, else what this machine has beside services and decoding."""
    if card := _graphics_card_memory():
        return ModelMemory(card, "of the graphics card")
    return ModelMemory(max(0.0, psutil.virtual_memory().total - _REST), "of this machine, on its processor")


def _program(name: str, command: list[str]) -> MachinePart:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        return MachinePart(name, "", f"{command[0]} cannot be started: {error.strerror}")
    lines = (done.stdout or done.stderr).splitlines() or [""]
    if done.returncode != 0:
        return MachinePart(name, "", f"{command[0]} fails: {lines[-1]}")
    return MachinePart(name, lines[0])


def _postgres() -> MachinePart:
    try:
        return _program("PostgreSQL", [str(binaries() / "postgres"), "--version"])
    except AnyAnomalyError as error:
        return MachinePart("PostgreSQL", "", str(error))


def _graphics_card() -> str | None:
    lines = _nvidia_smi("name,memory.total")
    return "; ".join(lines) if lines else None


def _graphics_card_memory() -> float | None:
    """Bytes of the first card."""
    lines = _nvidia_smi("memory.total")
    try:
        return float(lines[0].split()[0]) * 2**20 if lines else None  # MiB
    except ValueError:
        return None


def _nvidia_smi(fields: str) -> list[str]:
    """What NVIDIA's own tool says, a line for each card; nothing where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, f"--query-gpu={fields}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)
