"""Make ``.local/distributed``: over ``.venv``, the packages that only the way past one machine needs.

It is what the image installs (``requirements-distributed.lock``, hashes checked), of which ``.venv`` has most already,
and moto, the S3 server of the tests. ``make test`` runs ``tests/distributed`` in it; by hand:

    .local/distributed/bin/python -m pytest tests/distributed
"""

import fcntl
import hashlib
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".local" / "distributed"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements-distributed.lock"
FOR_TESTS = ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5")


def make_environment() -> Path:
    """The environment's Python; one that is as locked costs nothing."""
    stamp, wanted = VENV / "as-locked", _digest()
    VENV.parent.mkdir(parents=True, exist_ok=True)
    with (VENV.parent / "distributed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return PYTHON
        started = time.monotonic()
        print("[distributed] installing what only the way past one machine needs ...", end="", flush=True)
        _install()
        stamp.write_text(wanted, encoding="utf-8")
        print(f" {time.monotonic() - started:.0f} s", flush=True)
    return PYTHON


def _install() -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV], check=True)
    below = Path(sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages")
    packages = VENV / below.relative_to(sys.prefix)
    (packages / "embedded.pth").write_text(f"import site; site.addsitedir({str(below)!r})\n", encoding="utf-8")
    # Twice quiet: an index that lacks some of the packages is warned of once for each.
    pip = [sys.executable, "-m", "pip", "--python", PYTHON, "--disable-pip-version-check", "install", "-qq"]
    subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", LOCK], check=True, cwd=ROOT)
    subprocess.run([*pip, "-c", ROOT / "requirements-torch.lock", *FOR_TESTS], check=True, cwd=ROOT)
    subprocess.run([sys.executable, "-m", "pip", "--python", PYTHON, "check"], check=True, cwd=ROOT)


def _digest() -> str:
    inputs = (LOCK, Path(__file__), ROOT / "requirements.lock", ROOT / "requirements-torch.lock")
    return hashlib.sha256(b"".join(path.read_bytes() for path in inputs) + sys.prefix.encode()).hexdigest()


if __name__ == "__main__":
    make_environment()
