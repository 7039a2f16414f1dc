"""Reads a child's pipes without either side ever waiting for the other: frames, one text line per frame, complaints."""

import contextlib
import fcntl
import os
import select
import time

from anyanomaly_core import watchdog
from anyanomaly_core.footage.complaints import Complaints
from anyanomaly_core.footage.sandbox import Child

_PIPE_BYTES = 1 << 20
_TICK_MS = 500
_CHUNK = 1 << 16


class StallError(Exception):
    """The child neither wrote anything nor read on for the allowed time."""


class Pipes:
    """The parent's side of one child."""

    def __init__(self, child: Child, source: int, stall_s: float) -> None:
        """Read from ``child``, which reads descriptor ``source``.

        Descriptors are shared, so the child's position in the file can be seen here: a decoder that skips frames
        writes nothing for long and yet goes on.
        """
        self._child, self._source, self._stall_s = child, source, stall_s
        self.complaints = Complaints()
        self._lines = bytearray()
        self._open = {child.stdout, child.stderr} | ({child.side} if child.side >= 0 else set())
        self._poll = select.poll()
        for pipe in self._open:
            os.set_blocking(pipe, False)
            self._poll.register(pipe, select.POLLIN)
        with contextlib.suppress(OSError):  # a user's pipe quota is used up: smaller pipes are slower, not wrong
            fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def read_into(self, buffer: memoryview) -> int:
        """Fill ``buffer`` from the child's stdout; fewer bytes than its length mean the output has ended.

        Raises:
            StallError: see the class.
        """
        filled = 0
        while filled < len(buffer) and self._child.stdout in self._open:
            try:
                count = os.readv(self._child.stdout, [buffer[filled:]])
            except BlockingIOError:
                self._wait()
                continue
            if count == 0:
                self._close(self._child.stdout)
            filled += count
        return filled

    def line(self) -> str | None:
        """Next line of the side pipe; None at its end. Raises StallError."""
        while True:
            end = self._lines.find(b"\n")
            if end >= 0:
                text = self._lines[:end].decode("ascii", errors="replace")
                del self._lines[: end + 1]
                return text
            if self._child.side not in self._open:
                return None
            self._wait()

    def finish(self) -> int | None:
        """Drain what is left, wait for the child's end and return its status; None: it had to be killed."""
        try:
            while self._open:
                self._discard()
                if self._open:
                    self._wait()
        except StallError:
            return None
        return self._child.wait(self._stall_s)

    def _wait(self) -> None:
        """Wait until a pipe has something; complaints and side lines are taken in meanwhile."""
        last_seen, position = time.monotonic(), self._position()
        while True:
            ready = self._poll.poll(_TICK_MS)
            if ready:
                watchdog.feed()
                for pipe, _ in ready:
                    self._take(pipe)
                return
            here = self._position()
            if here != position:
                last_seen, position = time.monotonic(), here
            elif time.monotonic() - last_seen > self._stall_s:
                raise StallError

    def _position(self) -> int:
        return os.lseek(self._source, 0, os.SEEK_CUR)

    def _take(self, pipe: int) -> None:
        if pipe == self._child.stdout:
            return  # left for read_into
        data = os.read(pipe, _CHUNK)
        if not data:
            self._close(pipe)
        elif pipe == self._child.stderr:
            self.complaints.feed(data)
        else:
            self._lines += data

    def _discard(self) -> None:
        if self._child.stdout in self._open:
            try:
                if not os.read(self._child.stdout, _CHUNK):
                    self._close(self._child.stdout)
            except BlockingIOError:
                pass

    def _close(self, pipe: int) -> None:
        self._open.discard(pipe)
        self._poll.unregister(pipe)
