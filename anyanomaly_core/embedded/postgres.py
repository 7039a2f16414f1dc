"""PostgreSQL without Docker or a system service: the programs come as a Python package.

The server listens on 127.0.0.1 only and asks every user for a password. Its data directory is self-contained;
beside it lie ``<name>.passwords`` (mode 0600) and ``<name>.lock``.
"""

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from anyanomaly_core.embedded.ports import free_port, is_free
from anyanomaly_core.embedded.postgres_process import (
    RunAs,
    binaries,
    choose_run_as,
    find_server_process,
    forget_dead_server,
)
from anyanomaly_core.embedded.postgres_users import (
    SUPERUSER,
    create_users_and_databases,
    make_passwords,
    read_passwords,
)
from anyanomaly_core.errors import StorageError

_START_TIMEOUT_S = 90
_STOP_TIMEOUT_S = 60
# Sized for one machine with 2 cores that also runs Airflow and the models.
_SETTINGS = """\
# Written by anyanomaly at every start; put your own settings into postgresql.conf below the include line.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '256MB'
work_mem = '16MB'
maintenance_work_mem = '128MB'
effective_cache_size = '1GB'
max_wal_size = '2GB'
random_page_cost = 1.1
max_worker_processes = 4
max_parallel_workers_per_gather = 1
max_parallel_workers = 2
io_workers = 1
jit = off
timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
log_rotation_size = 0
"""


class PostgresServer:
    """An embedded PostgreSQL on one data directory. Everything is safe to call again, from any process."""

    def __init__(self, data_dir: Path | str, port: int | None = None) -> None:
        """A server on ``data_dir`` (made at the first start); without ``port``, the last one or a free one."""
        self.data_dir = Path(data_dir).absolute()
        self._wanted_port = port

    @property
    def password_file(self) -> Path:
        """JSON file (mode 0600) of user names and passwords."""
        return self.data_dir.with_name(self.data_dir.name + ".passwords")

    @property
    def port(self) -> int:
        """Port of the running server; raises StorageError when it does not run."""
        running = find_server_process(self.data_dir)
        if running is None:
            raise StorageError(f"The embedded PostgreSQL of {self.data_dir} is not running; `make up` starts it.")
        return running.port

    def is_running(self) -> bool:
        """Whether a server runs on this data directory."""
        return find_server_process(self.data_dir) is not None

    def url(self, database: str = "anyanomaly", user: str | None = None) -> str:
        """SQLAlchemy URL with password; ``user`` defaults to the database's owner."""
        name = user or database
        passwords = read_passwords(self.password_file)
        if name not in passwords:
            raise StorageError(f"The embedded PostgreSQL has no user {name!r}, only {', '.join(sorted(passwords))}.")
        return f"postgresql+psycopg2://{name}:{passwords[name]}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it unless it runs, then make sure the users and databases exist.

        Raises:
            StorageError: when it cannot start; the message carries the end of the server's log.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with _lock(self.data_dir):
            if not self.is_running():
                self._start_stopped()
            if self._wanted_port not in (None, self.port):
                raise StorageError(
                    f"The embedded PostgreSQL of {self.data_dir} already runs on port {self.port}, "
                    f"not {self._wanted_port}; stop it first to move it."
                )
            self._set_up_users()

    def stop(self) -> None:
        """Stop the server of this data directory, whoever started it; nothing happens when it does not run."""
        if not self.data_dir.parent.exists():
            return
        with _lock(self.data_dir):
            # Fast shutdown first; an immediate one (recovered at the next start) only when that hangs.
            for request in (signal.SIGINT, signal.SIGQUIT):
                running = find_server_process(self.data_dir)
                if running is None:
                    return
                os.kill(running.pid, request)
                if _wait_until_gone(self.data_dir, _STOP_TIMEOUT_S):
                    return
            raise StorageError(f"PostgreSQL of {self.data_dir} does not stop.{self._log_tail()}")

    def _set_up_users(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        passwords = make_passwords(self.password_file)
        while True:
            try:
                return create_users_and_databases(self.port, passwords)
            except psycopg2.OperationalError as error:
                # A server found running may still be recovering, or dying of the signal that somebody just sent it.
                if "password authentication failed" in str(error) or time.monotonic() > deadline:
                    raise StorageError(f"The embedded PostgreSQL of {self.data_dir} refuses us: {error}") from None
                time.sleep(0.2)
                if not self.is_running():
                    self._start_stopped()

    def _start_stopped(self) -> None:
        run_as = choose_run_as(self.data_dir)
        if not (self.data_dir / "PG_VERSION").exists():
            self._create(run_as)
        self.data_dir.chmod(0o700)  # a copy or a backup that was put back is often readable to all: PostgreSQL refuses
        forget_dead_server(self.data_dir)
        self._write_settings(run_as, self._choose_port())
        # PGDATA and a relative log file: pg_ctl passes its arguments through a shell, the environment does not.
        command = f"pg_ctl start --wait --silent --timeout={_START_TIMEOUT_S} --log=server.log".split()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            status, output = run_as.run(command, env=self._environment(), cwd=self.data_dir)
            if status == 0:
                return
            # Processes of a killed server may need a moment to notice; until then their memory is "still in use".
            if "still in use" not in self._log_tail() or time.monotonic() > deadline:
                raise StorageError(f"PostgreSQL of {self.data_dir} does not start: {output.strip()}{self._log_tail()}")
            time.sleep(0.5)

    def _create(self, run_as: RunAs) -> None:
        """Make the data directory under another name first, so that a killed start leaves nothing half done."""
        passwords = make_passwords(self.password_file)
        part = self.data_dir.with_name(self.data_dir.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        os.chown(part, run_as.owner, -1)
        with tempfile.NamedTemporaryFile("w", dir=self.data_dir.parent, prefix=".pw-", encoding="utf-8") as file:
            file.write(passwords[SUPERUSER])
            file.flush()
            os.chown(file.name, run_as.owner, -1)
            options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
            command = ["initdb", *options, f"--username={SUPERUSER}", f"--pwfile={file.name}"]
            status, output = run_as.run(command, env=self._environment(part), cwd=part)
        if status != 0:
            raise StorageError(f"PostgreSQL cannot make its data directory {self.data_dir}: {output.strip()}")
        with (part / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'anyanomaly.conf'\n")
        part.rename(self.data_dir)

    def _write_settings(self, run_as: RunAs, port: int) -> None:
        path = self.data_dir / "anyanomaly.conf"
        path.write_text(_SETTINGS.format(port=port), encoding="utf-8")
        os.chown(path, run_as.owner, -1)

    def _choose_port(self) -> int:
        if self._wanted_port is not None:
            if not is_free(self._wanted_port):
                raise StorageError(f"Port {self._wanted_port} is taken by another program; choose another, or none.")
            return self._wanted_port
        last = _last_port(self.data_dir)
        return last if last is not None and is_free(last) else free_port()

    def _environment(self, data_dir: Path | None = None) -> dict[str, str]:
        search_path = f"{binaries()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {"PGDATA": str(data_dir or self.data_dir), "PATH": search_path, "LC_ALL": "C", "TZ": "UTC"}

    def _log_tail(self) -> str:
        logs = [self.data_dir / "server.log", *(self.data_dir / "log").glob("*.log")]
        written = [log for log in logs if log.exists()]
        if not written:
            return ""
        newest = max(written, key=lambda log: log.stat().st_mtime_ns)
        return f"\nThe end of {newest}:\n{newest.read_text(errors='replace')[-2000:]}"


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    """One start or stop of a data directory at a time, across processes."""
    with data_dir.with_name(data_dir.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _wait_until_gone(data_dir: Path, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if find_server_process(data_dir) is None:
            return True
        time.sleep(0.05)
    return False


def _last_port(data_dir: Path) -> int | None:
    try:
        lines = (data_dir / "anyanomaly.conf").read_text(encoding="utf-8").splitlines()
        return next(int(line.removeprefix("port = ")) for line in lines if line.startswith("port = "))
    except (OSError, ValueError, StopIteration):
        return None
