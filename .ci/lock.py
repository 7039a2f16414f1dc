"""Write the locks anew from ``pyproject.toml``: every version pinned, every published file's hash.

One for each role: ``requirements.lock`` is for one machine and development, ``requirements-distributed.lock`` for the
image (docs/distributed.md), without tools of development. Where they share a package they share its version. A role
as an argument writes that one only: ``lock.py distributed``.

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
LOCKS = {"embedded": ROOT / "requirements.lock", "distributed": ROOT / "requirements-distributed.lock"}
EXTRAS = {"embedded": "dev", "distributed": "distributed"}
OLDEST = (3, 11, 2)  # Debian 12's; what a newer Python needs no more, or has alone, would be missing or wrong there
NOT_SHARED = {"python-dateutil"}  # botocore takes none above 2
NOT_LOCKED = re.compile(r"(torch|torchvision|triton|pip|nvidia-.*|cuda-.*|anyanomaly-archive)==")
OPTIONS = [
    *("--quiet", "--all-build-deps", "--generate-hashes", "--strip-extras", "--allow-unsafe"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
]
HEADER = """\
# Every package but PyTorch, with the hashes of its published files; written by `make lock`, do not edit.
# PyTorch stands in requirements-torch.lock: its build depends on the machine.
"""


def main() -> None:
    """Compile the locks with pip-tools in an environment of its own; the second keeps to the versions of the first."""
    if sys.version_info[:3] > OLDEST:
        sys.exit("Make the locks with the oldest Python that they serve, Debian 12's: /usr/bin/python3.11 .ci/lock.py")
    roles = [role for role in LOCKS if role in sys.argv] or list(LOCKS)
    with tempfile.TemporaryDirectory(prefix="anyanomaly-lock-") as folder:
        tools = Path(folder)
        venv.create(tools / "venv", with_pip=True)
        python = tools / "venv" / "bin" / "python"
        print("[lock] installing pip-tools", flush=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-tools"], check=True)
        for role in roles:
            _compile(role, python, tools)


def _compile(role: str, python: Path, tools: Path) -> None:
    print(f"[lock] {role}: resolving and collecting hashes (about 5 minutes)", flush=True)
    raw, constraints = tools / f"{role}.lock", tools / f"{role}.txt"
    pins = (ROOT / "requirements-torch.lock").read_text(encoding="utf-8") + _kept(role)
    constraints.write_text("".join(f"{line}\n" for line in _public(pins)), encoding="utf-8")
    command = [str(python), "-m", "piptools", "compile", *OPTIONS, f"--extra={EXTRAS[role]}"]
    command += ["-c", str(constraints), "-o", str(raw), str(ROOT / "pyproject.toml")]
    subprocess.run(command, check=True, cwd=ROOT)
    LOCKS[role].write_text(HEADER + _without_torch(raw.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"[lock] wrote {LOCKS[role].name}", flush=True)


def _kept(role: str) -> str:
    """Pins that stay: what the present environment has; for the image, what one machine's lock says."""
    if role == "distributed":
        pins = re.findall(r"^[\w.-]+==[^\s;\\]+", LOCKS["embedded"].read_text(encoding="utf-8"), re.MULTILINE)
        return "\n".join(pin for pin in pins if pin.partition("==")[0] not in NOT_SHARED)
    if "--upgrade" in sys.argv:
        return ""
    command = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pip", "freeze", "--all", "--exclude-editable"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


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
