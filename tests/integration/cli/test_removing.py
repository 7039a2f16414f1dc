"""``installations remove`` in a real terminal: it says what goes, and nothing goes without the name being typed."""

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from tests.integration.results.world import small_archive

COMMAND = [sys.executable, "-m", "anyanomaly_core.cli", "installations", "remove", "yard-8d4d2d"]
HOLD = "INSERT INTO legal_holds (event_id, reason, held_by) SELECT event_id, 'case 7', 'ada' FROM events LIMIT 1"


@pytest.fixture
def yard() -> Iterator[Installation]:
    """An installation with three videos and their events, the first of them under legal hold."""
    local = Path(tempfile.mkdtemp(prefix="anyanomaly-test-local-"))
    local.chmod(0o755)  # root's server runs as nobody
    installation = Installation(local / "yard-8d4d2d")
    installation.configure({"ARCHIVE_ROOT": "/archives/yard"})
    installation.postgres.start()
    try:
        upgrade(installation.postgres.url("anyanomaly"))
        writer = make_engine(installation.postgres.url("anyanomaly", "scanner"))
        small_archive(writer, installation.parquet)
        writer.dispose()
        reviewer = make_engine(installation.postgres.url("anyanomaly", "reviewer"))
        with reviewer.begin() as connection:
            connection.execute(text(HOLD))
        reviewer.dispose()
        yield installation
    finally:
        if installation.folder.exists():
            installation.postgres.stop()
        shutil.rmtree(local, ignore_errors=True)


def in_terminal(installation: Installation, typed: str) -> tuple[int, str]:
    """Exit code and what stood in the terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "ANYANOMALY_LOCAL_DIR": str(installation.folder.parent)}
    environment.pop("ANYANOMALY_DATABASE_URL", None)
    process = subprocess.Popen(COMMAND, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen, answered, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            seen += part
        if not answered and b"to delete it:" in seen:
            os.write(ours, f"{typed}\n".encode())
            answered = True
    code = process.wait(30)
    os.close(ours)
    return code, " ".join(seen.decode().split())


def test_what_goes_is_told_and_only_the_name_makes_it_go(yard: Installation) -> None:
    code, seen = in_terminal(yard, "y")
    assert code == 1
    assert "results over /archives/yard" in seen
    assert "3 videos," in seen
    assert "1 of them under legal hold, 0 verdicts" in seen
    assert "Nothing was deleted." in seen
    assert yard.folder.is_dir()

    environment = {**os.environ, "ANYANOMALY_LOCAL_DIR": str(yard.folder.parent)}
    for arguments, said in (
        ([], "Nobody is there to ask; say --yes"),
        (["--yes"], "Nothing was deleted: events may be under legal hold"),
    ):
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert said in done.stderr
    assert yard.folder.is_dir()

    code, seen = in_terminal(yard, "yard-8d4d2d")
    assert code == 0
    assert f"{yard.folder} is gone." in seen
    assert not yard.folder.exists()
