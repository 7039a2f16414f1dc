"""PostgreSQL is shut down in the middle of a running unit of work, and started again later."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.models import transformers_lvlm
from anyanomaly_core.results import parquet, waiting
from tasks import ingest, scan
from tests.kills import snapshot
from tests.kills.stage import Database, Material

# When it goes: name -> owner, function. At its first call the server is stopped, before anything else happens.
MOMENTS: dict[str, tuple[Any, str]] = {
    "while the model answers": (transformers_lvlm.TransformersLvlm, "answer"),
    "between rows and commit": (parquet, "publish"),
}


@dataclass(frozen=True)
class Absence:
    """What happened."""

    stopped_s: float  # from the server's end to its being there again
    waited: bool  # the scan noticed, and waited
    difference: snapshot.Difference  # to a scan that nothing happened to


def scan_through(database: Database, material: Material, folder: Path, moment: str, seconds: float) -> Absence:
    """Scan everything twice, once undisturbed and once while the server is away for so many seconds from ``moment``."""
    with _installation(database, material, folder / "calm"):
        expected = _scan(database, folder / "calm")
    with _installation(database, material, folder / "away") as name:
        del name
        gone = _Gone(database, seconds)
        owner, attribute = MOMENTS[moment]
        real = getattr(owner, attribute)
        setattr(owner, attribute, gone.at_first_call_of(real))
        wait = waiting.wait_for_database
        waiting.wait_for_database = gone.noticing(wait)
        try:
            found = _scan(database, folder / "away")
        finally:
            setattr(owner, attribute, real)
            waiting.wait_for_database = wait
        gone.wait()
    return Absence(gone.stopped_s, gone.noticed, snapshot.compare(expected, found))


class _Gone:
    """Stops the server once and starts it again after a while."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database, self._seconds, self._later = database, seconds, threading.Thread(target=self._come_back)
        self.stopped_s, self.noticed = 0.0, False

    def at_first_call_of(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            if not self._later.ident:
                self._database.server.stop()
                self._since = time.monotonic()
                self._later.start()
            return real(*arguments, **options)

        return call

    def noticing(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:  # noqa: ANN401
            self.noticed = True
            real(*arguments)

        return call

    def wait(self) -> None:
        self._later.join()

    def _come_back(self) -> None:
        time.sleep(self._seconds)
        self._database.server.start()
        self.stopped_s = time.monotonic() - self._since


@contextmanager
def _installation(database: Database, material: Material, folder: Path) -> Iterator[str]:
    name = database.fresh()
    settings = {
        "ARCHIVE_ROOT": material.archive,
        "DATABASE_URL": database.server.url(name, "scanner"),
        "PARQUET_ROOT": folder / "parquet",
        "STATE_DIR": folder / "state",
        "PROFILE": material.profiles["tiny"],
        "DEVICE": "cpu",
    }
    given = {f"ANYANOMALY_{key}": str(value) for key, value in settings.items()}
    before = {key: os.environ.get(key) for key in given}
    os.environ.update(given)
    get_settings.cache_clear()
    try:
        for chunk in ingest.discover_files():
            ingest.register_files(chunk)
        engine = database.engine(name)
        apply_rule_files(engine, material.rules, author="test")
        engine.dispose()
        yield name
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
        get_settings.cache_clear()
        database.drop(name)


def _scan(database: Database, folder: Path) -> snapshot.Snapshot:
    """Every unit once: none is tried again."""
    for unit in scan.plan_units():
        scan.scan_unit(unit)
    engine = database.engine(get_settings().database_url.get_secret_value().rpartition("/")[2])
    try:
        return snapshot.take(engine, folder / "parquet")
    finally:
        engine.dispose()
