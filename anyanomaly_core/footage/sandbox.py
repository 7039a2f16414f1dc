"""Runs the programs that parse footage as confined children (see :mod:`anyanomaly_core.footage.confine`).

The child gets the one file as an open, read-only descriptor and nothing else: no path, no network, no privileges.
"""

import json
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from anyanomaly_core.config import DecodingSettings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import confine

log = logging.getLogger(__name__)

_CONFINE = str(Path(confine.__file__).resolve())
_ENVIRONMENT = {"PATH": "", "LC_ALL": "C.UTF-8", "AV_LOG_FORCE_NOCOLOR": "1"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use."""

    memory_mb: int = 2048  # address space
    cpu_s: int = 6 * 3600
    stall_s: float = 120.0  # seconds without output and without reading on
    threads: int = 2
    written_mb: int = 0  # of a file it was handed to write to; 0: it writes to pipes only

    @classmethod
    def of(cls, settings: DecodingSettings) -> Self:
        """Limits as the installation, or the environment, configures them."""
        return cls(
            memory_mb=settings.decode_memory_mb, stall_s=settings.decode_timeout_s, threads=settings.decode_threads
        )

    def resources(self) -> dict[str, int]:
        """Resource limits of the child."""
        written = self.written_mb << 20
        return {"AS": self.memory_mb << 20, "CPU": self.cpu_s, "FSIZE": written, "NOFILE": 64, "CORE": 0}


def confine_command(command: Sequence[str], limits: Limits) -> list[str]:
    """Command line that confines itself to ``limits`` and then becomes ``command`` (an absolute program path first)."""
    return [sys.executable, "-I", "-S", _CONFINE, json.dumps(limits.resources()), *command]


def open_footage(path: str | Path) -> int:
    """Open a regular file read-only and return its descriptor.

    Raises:
        FootageError: when it is missing, may not be read or is no regular file (a pipe would hang the reader).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FootageError(f"{str(path)!r} cannot be opened: {reason}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FootageError(f"{str(path)!r} is not a regular file.")
    return descriptor


@contextmanager
def footage_descriptor(path: str | Path) -> Iterator[int]:
    """As :func:`open_footage`, closed on leaving."""
    descriptor = open_footage(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def describe_end(status: int | None, limits: Limits) -> str | None:
    """Why a child that ended with ``status`` did not end well (None: it had to be stopped), or None when it did."""
    if status == 0:
        return None
    if status is None:
        return f"stopped: no progress for {limits.stall_s:g} s"
    if status == -signal.SIGXCPU:
        return f"stopped: used the allowed {limits.cpu_s} s of processor time"
    if status == -signal.SIGKILL:
        return "the decoder was killed from outside (out of memory?) or used up its processor time"
    if status < 0:
        return f"the decoder crashed ({signal.Signals(-status).name})"
    return f"the decoder gave up (exit status {status})"


def _fill_word(word: str, numbers: dict[str, int]) -> str:
    for name, number in numbers.items():
        word = word.replace(name, str(number))
    return word


class Child:
    """A confined program reading one file: raw pipes ``stdout``, ``stderr`` and optionally ``side``.

    A context manager; leaving it kills the child and everything it started, and closes the pipes.
    """

    def __init__(self, command: Sequence[str], source: int, *, side: bool = False, target: int | None = None) -> None:
        """Start ``command``, which confines itself (see :func:`confine_command`).

        Args:
            command: program and arguments; ``{source}`` and ``{side}`` in an argument become descriptor numbers.
            source: open descriptor of the footage; stays open here.
            side: give the child a third pipe to write to.
            target: open descriptor of a file it may write, up to ``Limits.written_mb``; ``{target}`` in an argument.
        """
        warn_about_missing_layers()
        read_end, write_end = os.pipe() if side else (-1, -1)
        numbers = {"{source}": source, "{side}": write_end, "{target}": -1 if target is None else target}
        arguments = [_fill_word(word, numbers) for word in command]
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[number for number in numbers.values() if number >= 0],
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            if side:
                os.close(read_end)
            raise FootageError(f"The decoding sandbox could not be started: {error.strerror}.") from None
        finally:
            if side:
                os.close(write_end)
        assert self._process.stdout is not None  # noqa: S101  (for the type checker)
        assert self._process.stderr is not None  # noqa: S101
        self.stdout = self._process.stdout.fileno()
        self.stderr = self._process.stderr.fileno()
        self.side = read_end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def wait(self, timeout_s: float) -> int | None:
        """Exit status (negative: the signal that ended it), or None when it is still running after ``timeout_s``."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the child and its whole process group and release the pipes; harmless when it has ended."""
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if self.side >= 0:
            os.close(self.side)
            self.side = -1


@lru_cache(maxsize=1)
def missing_layers() -> dict[str, str]:
    """Which layers of the sandbox this kernel does not give, and why; asked once per process.

    Raises:
        FootageError: when not even resource limits can be set.
    """
    answer = subprocess.run(
        confine_command(["/bin/true"], Limits()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**_ENVIRONMENT, "CONFINE_REPORT": "1"},
        timeout=60,
        check=False,
    )
    if answer.returncode != 0:
        reason = answer.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise FootageError(f"The decoding sandbox does not work on this machine: {' '.join(reason)}.")
    missing: dict[str, str] = json.loads(answer.stdout)
    return missing


@lru_cache(maxsize=1)
def warn_about_missing_layers() -> None:
    """Log once per process what the sandbox cannot stop here."""
    missing = missing_layers()
    if missing:
        listed = "; ".join(f"{layer} ({why})" for layer, why in sorted(missing.items()))
        log.warning("The decoding sandbox lacks on this machine: %s. See docs/footage.md.", listed)
