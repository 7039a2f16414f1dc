"""The embedded server as the three kinds of user that start it, and after everything that can happen to it."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.embedded.postgres_process import RunAs, choose_run_as, find_server_process
from anyanomaly_core.errors import StorageError

ROOT = Path(__file__).resolve().parents[3]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="anyanomaly test "))  # with a space
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[PostgresServer]:
    made = PostgresServer(folder / "my data")
    made.start()
    yield made
    made.stop()


def ask(server: PostgresServer, query: str, database: str = "anyanomaly", user: str | None = None) -> object:
    connection = psycopg2.connect(server.url(database, user).replace("+psycopg2", ""))
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        connection.close()


def kill_and_wait(server: PostgresServer) -> None:
    running = find_server_process(server.data_dir)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    while find_server_process(server.data_dir) is not None:
        time.sleep(0.01)


def test_it_serves_with_passwords_on_this_machine_only(server: PostgresServer) -> None:
    assert ask(server, "SELECT current_user") == "anyanomaly"
    assert ask(server, "SELECT current_user", "airflow") == "airflow"
    assert ask(server, "SHOW listen_addresses", user="reader") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories", "postgres", "postgres") == ""
    assert ask(server, "SELECT DISTINCT auth_method FROM pg_hba_file_rules", "postgres", "postgres") == "scram-sha-256"
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host="127.0.0.1", port=server.port, dbname="anyanomaly", user="reader", password="")


def test_passwords_are_private_and_never_logged(server: PostgresServer) -> None:
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    passwords = [
        url.split(":")[2].split("@")[0] for url in (server.url(user=user) for user in ("postgres", "reader", "scanner"))
    ]
    written = [
        path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file() and path.stat().st_size < 10_000_000
    ]
    assert len(written) > 500
    assert not any(password.encode() in content for password in passwords for content in written)
    with pytest.raises(StorageError, match="no user 'nobody'"):
        server.url(user="nobody")


def test_starting_again_changes_nothing(server: PostgresServer) -> None:
    before = find_server_process(server.data_dir)
    server.start()
    PostgresServer(server.data_dir).start()
    assert find_server_process(server.data_dir) == before
    with pytest.raises(StorageError, match=f"already runs on port {server.port}, not 1"):
        PostgresServer(server.data_dir, 1).start()


def test_a_data_directory_that_a_restore_left_open_is_closed_again(server: PostgresServer) -> None:
    server.stop()
    server.data_dir.chmod(0o755)
    server.start()
    assert server.data_dir.stat().st_mode & 0o077 == 0


STARTER = """
import sys
from anyanomaly_core.embedded.postgres import PostgresServer
server = PostgresServer(sys.argv[1])
server.start()
print(server.port)
"""


def test_two_processes_may_start_it_at_once(folder: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(folder / "raced")]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ports = {process.communicate(timeout=120)[0] for process in started}
    raced = PostgresServer(folder / "raced")
    try:
        assert ports == {f"{raced.port}\n"}
    finally:
        raced.stop()


def test_after_a_kill_it_recovers_what_was_committed(server: PostgresServer) -> None:
    connection = psycopg2.connect(server.url().replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    port = server.port
    kill_and_wait(server)
    assert not server.is_running()
    with pytest.raises(StorageError, match="not running"):
        server.url()
    server.start()
    assert server.port == port  # those who know the address find it again
    assert ask(server, "SELECT n FROM kept") == 42


def test_a_pid_file_that_names_somebody_else_is_no_server(server: PostgresServer) -> None:
    kill_and_wait(server)
    pid_file = server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert not server.is_running()
    server.stop()  # must not stop this process
    server.start()
    assert server.is_running()


def test_a_start_that_was_killed_half_way_leaves_nothing_half_done(folder: Path) -> None:
    fresh = PostgresServer(folder / "fresh")
    (folder / "fresh.part").mkdir()
    (folder / "fresh.part" / "PG_VERSION").write_text("18")
    fresh.start()
    try:
        assert ask(fresh, "SELECT 1") == 1
        assert not (folder / "fresh.part").exists()
    finally:
        fresh.stop()
        fresh.stop()


def test_a_taken_port_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StorageError, match=f"Port {port} is taken"):
            PostgresServer(folder / "other", port).start()


def test_lost_passwords_are_explained(folder: Path) -> None:
    with pytest.raises(StorageError, match="passwords of the embedded PostgreSQL cannot be read"):
        PostgresServer(folder / "never made").url()


@AS_ROOT
def test_as_root_it_runs_as_nobody(server: PostgresServer) -> None:
    running = find_server_process(server.data_dir)
    assert running is not None
    assert Path(f"/proc/{running.pid}").stat().st_uid == 65534


@AS_ROOT
def test_where_nobody_cannot_go_it_runs_in_a_user_namespace(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    hidden = PostgresServer(closed / "pg")
    assert choose_run_as(hidden.data_dir).prefix[0] == "unshare"
    hidden.start()
    try:
        running = find_server_process(hidden.data_dir)
        assert running is not None
        assert ask(hidden, "SELECT 1") == 1
        inside = Path(f"/proc/{running.pid}/uid_map").read_text().split()
        assert inside[:2] == ["65534", "0"]
        kill_and_wait(hidden)
        hidden.start()
        assert ask(hidden, "SELECT 1") == 1
    finally:
        hidden.stop()
    assert not hidden.is_running()


@AS_ROOT
def test_as_an_ordinary_user(folder: Path) -> None:
    mine = folder / "ordinary"
    mine.mkdir()
    program = """
import os, sys
from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.embedded.postgres_process import RunAs, choose_run_as
assert os.geteuid() == 1000
server = PostgresServer(sys.argv[1])
assert choose_run_as(server.data_dir) == RunAs()
server.start(); server.start()
print(server.url())
server.stop()
assert not server.is_running()
"""
    command = [
        "unshare",
        "--user",
        "--map-user=1000",
        "--map-group=1000",
        "--",
        sys.executable,
        "-c",
        program,
        str(mine / "pg"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.startswith("postgresql+psycopg2://anyanomaly:"), done.stderr


def test_nobody_is_asked_to_be_somebody_without_need() -> None:
    assert RunAs().owner == os.geteuid()
