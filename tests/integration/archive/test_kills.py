"""Ten kills of the campaign of tests/benchmarks/kill_harness.py, which does hundreds; and PostgreSQL shut down."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.waiting import is_unreachable, wait_for_database
from tests.kills.absence import MOMENTS, scan_through
from tests.kills.campaign import Campaign
from tests.kills.maintain import maintain
from tests.kills.points import kill
from tests.kills.snapshot import Difference
from tests.kills.stage import Database, Material, make_material

KILLS = 10


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One of its own: it will be killed."""
    made = Database(tmp_path_factory.mktemp("kills") / "postgres")
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("kills") / "material")


@pytest.fixture(scope="module")
def campaign(database: Database, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(tmp_path_factory.mktemp("kills") / "rounds", material, database, None, seed=7)


def test_whatever_is_killed_nothing_is_lost_doubled_or_left(campaign: Campaign) -> None:
    tally = campaign.tally
    while tally.kill_count < KILLS and tally.rounds < 4:
        campaign.disturbed("tiny", KILLS - tally.kill_count, maintain)
    assert tally.kill_count == KILLS, tally.kills
    assert (tally.lost, tally.doubled, tally.orphans) == ([], [], [])
    assert tally.rows > 50


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_scan_outlasts_a_database_that_is_shut_down(
    database: Database, material: Material, tmp_path: Path, moment: str
) -> None:
    """Three seconds; tests/benchmarks/absence.py does a minute."""
    absence = scan_through(database, material, tmp_path, moment, 3.0)
    assert absence.stopped_s > 3.0
    assert absence.waited
    assert absence.difference == Difference([], [])


def test_a_database_that_is_away_is_waited_for_and_one_that_refuses_is_not(database: Database) -> None:
    url = database.server.url()
    engine = make_engine(url)
    wait_for_database(engine, 10)
    kill(database.processes())
    with pytest.raises(StorageError, match="has not answered") as away:
        wait_for_database(engine, 0.5)
    assert is_unreachable(away.value)
    began = time.monotonic()
    later = threading.Timer(2.0, database.revive)
    later.start()
    wait_for_database(engine, 60)
    assert time.monotonic() - began > 2.0
    later.join()
    engine.dispose()
    stranger = make_engine(url.replace(":" + url.split(":")[2].split("@")[0], ":wrong"))
    with pytest.raises(StorageError, match="authentication failed") as refused:
        wait_for_database(stranger, 60)
    assert not is_unreachable(refused.value)
    assert "wrong" not in str(refused.value)
