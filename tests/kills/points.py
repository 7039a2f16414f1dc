"""Where a scan can be killed: functions of the product and of its libraries, wrapped inside the child only.

The product knows nothing of this. A wrapper counts the calls of its function and, at the chosen one, sends SIGKILL to
the child itself or to a process that it was given (PostgreSQL, the model server) and then goes on.
"""

import importlib
import io
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# name -> module, attribute. Each is a moment before and a moment after the call.
CALLS = {
    "decode": ("anyanomaly_core.footage.pipes", "Pipes.read_into"),
    "encode": ("anyanomaly_core.models.open_clip_encoder", "OpenClipEncoder.encode_images"),
    "answer": ("anyanomaly_core.models.transformers_lvlm", "TransformersLvlm.answer"),
    "served answer": ("anyanomaly_core.models.openai_http", "ServerConnection.post"),
    "journal": ("anyanomaly_core.engine.journal", "Journal.append"),
    "journal removal": ("anyanomaly_core.engine.journal", "Journal.discard"),
    "Parquet file": ("anyanomaly_core.results.parquet", "_write"),
    "rename": ("pathlib", "Path.replace"),
    "disk flush": ("os", "fsync"),
    "statement": ("sqlalchemy.engine.default", "DefaultDialect.do_execute"),
    "commit": ("sqlalchemy.engine.default", "DefaultDialect.do_commit"),
    "examine": ("anyanomaly_core.archive.register", "examine"),
}
COPY = "in COPY"  # half of the rows are on their way
POINTS = [f"{when} {name}" for name in CALLS for when in ("before", "after")] + [COPY]


@dataclass(frozen=True)
class Kill:
    """At the ``turn``-th time that ``point`` is reached, ``victims`` die; none: the child itself."""

    point: str
    turn: int
    victims: tuple[int, ...] = ()


class Hooks:
    """Wraps every point in this process; ``counts`` says how often each was reached."""

    def __init__(self, kill: Kill | None) -> None:
        self.counts: Counter[str] = Counter()
        self._kill = kill
        for name, (module, attribute) in CALLS.items():
            owner: Any = importlib.import_module(module)
            *path, last = attribute.split(".")
            for part in path:
                owner = getattr(owner, part)
            setattr(owner, last, self._around(name, getattr(owner, last)))
        writer: Any = importlib.import_module("anyanomaly_core.results.writer")
        made = writer.copy_stream
        writer.copy_stream = lambda *given: _Stream(made(*given).read(), lambda: self._reached(COPY))

    def _around(self, name: str, wrapped: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  (as the function it stands for)
            self._reached(f"before {name}")
            result = wrapped(*arguments, **options)
            self._reached(f"after {name}")
            return result

        return call

    def _reached(self, point: str) -> None:
        self.counts[point] += 1
        if self._kill and (point, self.counts[point]) == (self._kill.point, self._kill.turn):
            kill(self._kill.victims or (os.getpid(),))


class _Stream(io.BytesIO):
    """Gives psycopg2 half of the rows at the first read and says so at the second."""

    def __init__(self, content: bytes, half_read: Callable[[], None]) -> None:
        super().__init__(content)
        self._half, self._half_read = len(content) // 2, half_read

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == self._half:
            self._half_read()
        wanted = len(self.getvalue()) if size is None or size < 0 else size
        return super().read(min(wanted, self._half - self.tell()) if self.tell() < self._half else wanted)


def kill(pids: Sequence[int]) -> None:
    """SIGKILL; who is gone already is dead as well."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
