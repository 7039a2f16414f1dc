import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sqlalchemy import Engine, text

from anyanomaly_core.alerts.connections import connection_from_environment
from anyanomaly_core.alerts.delivery import send_waiting
from anyanomaly_core.config import Settings
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.rules.alerts import AlertFile, load_alerts
from tests.conftest import TestDatabase
from tests.integration.results.world import add_scorer, curve_result
from tests.integration.review.kept_footage import FIRST, FRAMES, LAST, Kept, keep
from tests.servers.webhook_server import Receiver, receiver

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
TEN_YEARS = 87_600


@dataclass
class Site:
    """An archive with real footage, of which one second is over the threshold, and a file of alerts."""

    kept: Kept
    folder: Path

    @property
    def engine(self) -> Engine:
        return self.kept.engine

    @property
    def settings(self) -> Settings:
        return self.kept.settings.model_copy(update={"alerts": self.folder / "alerts.yaml"})

    def write(self, **targets: dict[str, Any]) -> AlertFile:
        every = {name: {"max_age_hours": TEN_YEARS, **target} for name, target in targets.items()}
        path = self.folder / "alerts.yaml"
        path.write_text(yaml.safe_dump({"review_url": "https://cctv.example.org/anyanomaly", "targets": every}))
        return load_alerts(path)

    def commit(self, alerts: AlertFile, peaks: tuple[int, ...] = (FIRST,), *, revision: str = "1") -> None:
        """Score the video: a second over the threshold begins at each of ``peaks``."""
        curve = np.full(FRAMES, 0.1, np.float32)
        for peak in peaks:
            curve[peak : peak + LAST - FIRST + 1] = 0.9
        result = curve_result(self.engine, self._video_id(), self.kept.rule, add_scorer(self.engine, revision), curve)
        commit_unit(self.engine, result, self.settings.parquet_root, alerts=alerts.targets)

    def send(self, alerts: AlertFile) -> dict[str, int]:
        return dict(send_waiting(self.engine, self.settings, alerts, connection_from_environment))

    def rested(self) -> None:
        """As if a target had rested, and who held an alert had died long ago."""
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE alerts SET next_try_at = now() WHERE state = 'waiting'"))

    def alerts(self) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT target, state, problem FROM alerts ORDER BY alert_id"))
            return [tuple(row) for row in rows]

    def _video_id(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text("SELECT video_id FROM videos")).scalar_one())


@pytest.fixture(scope="module")
def archive(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    engine = make_engine(module_database.url(), pool_size=8)
    yield keep(engine, tmp_path_factory.mktemp("alerts"))
    engine.dispose()


@pytest.fixture
def site(archive: Kept, tmp_path: Path) -> Site:
    """The archive of the file's tests, without any alert, scored without an event."""
    site = Site(archive, tmp_path)
    site.commit(AlertFile(), ())
    with site.engine.begin() as connection:
        connection.execute(text("DELETE FROM alerts"))
    return site


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver, and the connection ``ops`` that leads to it."""
    with receiver() as state:
        connection = {"conn_type": "http", "host": f"{state.url}/hook?token=hidden", "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(connection))
        yield state
