"""How far a long training is: a line with rate, loss and time left every few seconds, checkpoints now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class TrainingLog:
    """Tells on the terminal, and calls `save` every `save_every_s` seconds."""

    def __init__(
        self, name: str, save: Callable[[int], None] | None = None, every_s: float = 15.0, save_every_s: float = 240.0
    ) -> None:
        self._name, self._save = name, save
        self._every_s, self._save_every_s = every_s, save_every_s
        self._start = self._told = self._saved = time.monotonic()
        self._first: int | None = None
        self._mean: dict[str, float] = {}

    def tell(self, done: int, total: int, **figures: float) -> None:
        """Note one more step; print if it is time."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._start = done, now
        for name, value in figures.items():
            self._mean[name] = 0.98 * self._mean.get(name, value) + 0.02 * value
        if now - self._told >= self._every_s or done == total:
            rate = (done - self._first) / max(now - self._start, 1e-6)
            left = (total - done) / rate if rate else 0.0
            facts = " ".join(f"{name} {value:.4f}" for name, value in self._mean.items())
            print(
                f"{self._name}: {done}/{total} {rate:.2f}/s, {left / 60:.1f} min left, {facts}",
                file=sys.stderr,
                flush=True,
            )
            self._told = now
        if self._save and (now - self._saved >= self._save_every_s or done == total):
            self._save(done)
            self._saved = now
