"""Processes of ours are found again and stopped with all they started; others are left alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from anyanomaly_core.embedded import processes
from anyanomaly_core.embedded.processes import Service

# A service with a child in a session of its own, as Airflow's tasks are; both write that they are there.
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service("probe", tmp_path / "run" / "probe.json", tmp_path / "logs" / "probe.log")
    yield service
    processes.stop([service])


def start(service: Service, code: str) -> None:
    service.start([sys.executable, "-c", code], environment=os.environ, folder=service.process_file.parent.parent)


def first_line(service: Service) -> str:
    for _ in range(200):
        if "\n" in (written := service.log.read_text()):
            return written.splitlines()[0]
        psutil.wait_procs([], timeout=0)
        subprocess.run(["sleep", "0.05"], check=True)
    raise AssertionError("the service wrote nothing")


def test_it_is_found_again_by_another_object_on_the_same_files(service: Service) -> None:
    start(service, "import time; time.sleep(60)")
    again = Service("probe", service.process_file, service.log)
    found = again.find()
    assert found is not None
    assert found.ppid() == os.getpid()


def test_stopping_ends_children_in_sessions_of_their_own(service: Service) -> None:
    start(service, FAMILY)
    child = psutil.Process(int(first_line(service)))
    assert processes.stop([service]) == ["probe"]
    assert service.find() is None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert processes.stop([service]) == [], "stopping again does nothing"


def test_a_process_that_was_given_the_same_id_is_not_ours(service: Service) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        started_at = psutil.Process(stranger.pid).create_time()
        service.process_file.parent.mkdir(parents=True)
        service.process_file.write_text(json.dumps({"pid": stranger.pid, "started_at": started_at - 1000}))
        assert service.find() is None
        assert processes.stop([service]) == []
        assert stranger.poll() is None, "it still runs"
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "{", "{}", '{"pid": 1}', '{"pid": 999999999, "started_at": 0}'])
def test_a_damaged_or_old_process_file_means_that_nothing_runs(service: Service, content: str) -> None:
    service.process_file.parent.mkdir(parents=True)
    service.process_file.write_text(content)
    assert service.find() is None


def test_the_end_of_the_log_is_shown(service: Service) -> None:
    start(service, "print('\\n'.join(map(str, range(100))))")
    psutil.wait_procs([p for p in [service.find()] if p], timeout=10)
    assert service.log_tail(3).splitlines() == ["97", "98", "99"]


def test_a_long_log_is_moved_aside_at_the_next_start(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LOG_LIMIT", 10)
    service.log.parent.mkdir(parents=True)
    service.log.write_text("from an earlier time\n")
    start(service, "print('new', flush=True); import time; time.sleep(60)")
    assert first_line(service) == "new"
    assert service.log.with_suffix(".log.1").read_text() == "from an earlier time\n"
