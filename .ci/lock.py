"""Write ``requirements.lock`` anew from ``pyproject.toml``: every version pinned, every published file's hash.

Versions that the present environment has are kept, so that the lock says what was tested; ``--upgrade`` takes the
newest. PyTorch and what only its CUDA builds need stay out: see ``.ci/set_up.py``.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
NOT_LOCKED = re.compile(r"(torch|torchvision|triton|pip|nvidia-.*|cuda-.*|anyanomaly-archive)==")
OPTIONS = [
    *("--quiet", "--extra=dev", "--all-build-deps", "--generate-hashes", "--strip-extras", "--allow-unsafe"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
]
HEADER = """\
# Every package but PyTorch, with the hashes of its published files; written by `make lock`, do not edit.
# PyTorch stands in requirements-torch.lock: its build depends on the machine.
"""


def main() -> None:
    """Compile the lock with pip-tools in an environment of its own."""
    with tempfile.TemporaryDirectory(prefix="anyanomaly-lock-") as folder:
        tools = Path(folder)
        venv.create(tools / "venv", with_pip=True)
        python = tools / "venv" / "bin" / "python"
        print("[lock] installing pip-tools", flush=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-tools"], check=True)
        pins = (ROOT / "requirements-torch.lock").read_text(encoding="utf-8")
        if "--upgrade" not in sys.argv:
            pins += subprocess.run(
                [sys.executable, "-m", "pip", "freeze", "--all", "--exclude-editable"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        constraints = tools / "constraints.txt"
        constraints.write_text("".join(f"{line}\n" for line in _public(pins)), encoding="utf-8")
        print("[lock] resolving and collecting hashes (about 5 minutes)", flush=True)
        raw = tools / "raw.lock"
        command = [str(python), "-m", "piptools", "compile", *OPTIONS]
        command += ["-c", str(constraints), "-o", str(raw), str(ROOT / "pyproject.toml")]
        subprocess.run(command, check=True, cwd=ROOT)
        LOCK.write_text(HEADER + _without_torch(raw.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"[lock] wrote {LOCK.name}", flush=True)


def _public(pins: str) -> list[str]:
    """Pins without comments, pip and local version parts (``2.13.0+cpu`` is ``2.13.0`` to everybody else)."""
    lines = [re.sub(r"\+\w+$", "", line.strip()) for line in pins.splitlines()]
    return sorted({line for line in lines if line and not line.startswith(("#", "pip==")) and " @ " not in line})


def _without_torch(lock: str) -> str:
    """Drop the blocks (a pin and its indented hashes) of what is not locked here."""
    blocks = re.findall(r"^[^\s#].*\n(?:[ \t].*\n)*", lock, flags=re.MULTILINE)
    return "".join(block for block in blocks if not NOT_LOCKED.match(block))


if __name__ == "__main__":
    main()
