"""Long-running processes of ours: started once, found again by later commands, stopped with all their children.

A process file holds the id and the start time. Both together name one process for ever, so an id that the system gave
to somebody else is never mistaken for ours.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOG_LIMIT = 20 * 2**20
_STOP_TIMEOUT_S = 15.0
_SAME_START_S = 0.05


@dataclass(frozen=True, slots=True)
class Service:
    """A process with a file that finds it again and a log."""

    name: str
    process_file: Path
    log: Path

    def start(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> None:
        """Start it in a session of its own, so that closing the terminal does not end it.

        What a killed one left behind is ended first: children of a dead scheduler hold its database connections, and
        with them locks that would make the next one wait for ever.
        """
        self._end_leftovers()
        for path in (self.process_file, self.log):
            path.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started_at = psutil.Process(started.pid).create_time()
        self.process_file.write_text(json.dumps({"pid": started.pid, "started_at": started_at}), encoding="utf-8")

    def find(self) -> psutil.Process | None:
        """The running process, or None."""
        try:
            written = json.loads(self.process_file.read_text(encoding="utf-8"))
            process = psutil.Process(written["pid"])
            ours = abs(process.create_time() - written["started_at"]) < _SAME_START_S
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def _end_leftovers(self) -> None:
        """Kill what is left of the session of an earlier process that is dead itself."""
        if not self.process_file.exists() or self.find() is not None:
            return
        try:
            written = json.loads(self.process_file.read_text(encoding="utf-8"))
            session, started_at = int(written["pid"]), float(written["started_at"])
        except (OSError, ValueError, KeyError):
            return
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == session and process.create_time() >= started_at:
                    process.kill()

    def log_tail(self, lines: int = 15) -> str:
        """The end of its log, to show when it died."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8000))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"


def stop(services: Sequence[Service]) -> list[str]:
    """Stop the services and everything they started; returns the names of those that were running.

    Services are asked first, and so are the tasks that they run: a scheduler waits for its tasks, which may take hours.
    A task that is told to end is tried again later. What is left after some seconds is killed, parents before children,
    so that no task can take the death of its decoder for a fault of the footage.
    """
    running = {service: found for service in services if (found := service.find()) is not None}
    family = [process for main in running.values() for process in _descendants(main)]
    for main in running.values():
        _signal(main, "terminate")
    for task in [
        grandchild for main in running.values() for child in _children(main) for grandchild in _children(child)
    ]:
        _signal(task, "terminate")
    _, alive = psutil.wait_procs(list(running.values()), timeout=_STOP_TIMEOUT_S)
    family += [process for main in alive for process in _descendants(main)]
    for process in family:
        _signal(process, "kill")
    psutil.wait_procs(family, timeout=5)
    for service in services:
        service.process_file.unlink(missing_ok=True)
    return [service.name for service in running]


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    """The process itself, then its children, then theirs."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return [process]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.Error:
        return []


def _signal(process: psutil.Process, how: str) -> None:
    with suppress(psutil.Error):  # it ended, or its id meanwhile belongs to another process
        getattr(process, how)()
