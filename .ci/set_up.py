"""Make `.venv` ready: the first step of every `make` target. Needs nothing but Python 3.11 itself.

The locked packages are installed in two steps. ``requirements.lock`` holds everything with hashes.
``requirements-torch.lock`` holds PyTorch without: which build belongs on a machine (CPU, one of several CUDA versions)
depends on the machine and on the package index it uses, so no one hash is right everywhere.

A stamp remembers what was installed; while the lock files and ``pyproject.toml`` stay as they are, a second run only
compares it and takes no time.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "anyanomaly-set-up"
LOG = ROOT / ".local" / "logs" / "set-up.log"
INPUTS = ("requirements.lock", "requirements-torch.lock", "pyproject.toml", ".ci/set_up.py")


def main() -> None:
    """Create the environment unless the stamp says that it is as locked."""
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"Python 3.11 is needed, this is {sys.version.split()[0]}. Say `make PYTHON=/path/to/python3.11 ...`.")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with (ROOT / ".local" / "set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make demo` and `make test` may be started side by side
        if not _is_done():
            _set_up()


def _set_up() -> None:
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    LOG.write_text("", encoding="utf-8")
    if not PYTHON.exists():
        _create()
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--no-input",
        "--progress-bar",
        "off",
    ]
    _step(
        "installing the locked packages, hashes checked (about 1.5 minutes)",
        [*pip, "--require-hashes", "--no-deps", "-r", ROOT / "requirements.lock"],
    )
    _step("installing PyTorch", [*pip, "-r", ROOT / "requirements-torch.lock"])
    _step("installing the project itself", [*pip, "--no-deps", "--no-build-isolation", "-e", ROOT])
    _step("checking that the versions fit together", [PYTHON, "-m", "pip", "--disable-pip-version-check", "check"])
    STAMP.write_text(_digest(), encoding="utf-8")
    print(f"[set-up] done in {time.monotonic() - started:.0f} s. The command line is .venv/bin/anyanomaly;", flush=True)
    print("[set-up] `source .venv/bin/activate` puts it on the path of this shell.", flush=True)


def _create() -> None:
    """Make the virtual environment; Debian's python3 without python3-venv still can when it has a pip of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        _step("creating .venv", [sys.executable, "-m", "venv", VENV])
        return
    if importlib.util.find_spec("pip") is None:
        sys.exit("This Python can create no virtual environment: install Debian's package python3-venv.")
    _step("creating .venv", [sys.executable, "-m", "venv", "--without-pip", VENV])
    _step("installing pip", [sys.executable, "-m", "pip", "--python", PYTHON, "install", "pip"])


def _step(name: str, command: list[str | Path]) -> None:
    """Run one step with its output in the log; a failed step ends the set-up and shows the log's end."""
    print(f"[set-up] {name} ...", end="", flush=True)
    started = time.monotonic()
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n")
        log.flush()
        environment = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "0", "PYTHONNOUSERSITE": "1"}
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment, check=False)
    if done.returncode == 0:
        print(f" {time.monotonic() - started:.0f} s", flush=True)
        return
    print(" failed", flush=True)
    tail = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    if not (VENV / "bin" / "pip").exists():
        shutil.rmtree(VENV, ignore_errors=True)  # a half-made environment would look like a whole one next time
    sys.exit("\n".join(tail) + f"\nThe step {name!r} failed; all of its output is in {LOG}. `make` tries again.")


def _is_done() -> bool:
    return STAMP.exists() and PYTHON.exists() and STAMP.read_text(encoding="utf-8") == _digest()


def _digest() -> str:
    """Of everything that decides what is installed, and of where: an environment does not survive being moved."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
