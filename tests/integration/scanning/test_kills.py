"""Ten kills of the campaign of tests/benchmarks/kill_harness.py, which does hundreds."""

from collections.abc import Iterator

import pytest

from tests.kills.campaign import Campaign
from tests.kills.maintain import maintain
from tests.kills.stage import Database, make_material

KILLS = 10


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("kills")
    material = make_material(folder / "material")
    database = Database(folder / "postgres")  # one of its own: it will be killed
    try:
        yield Campaign(folder / "rounds", material, database, None, seed=7)
    finally:
        database.server.stop()


def test_whatever_is_killed_nothing_is_lost_doubled_or_left(campaign: Campaign) -> None:
    tally = campaign.tally
    while tally.kill_count < KILLS and tally.rounds < 4:
        campaign.disturbed("tiny", KILLS - tally.kill_count, maintain)
    assert tally.kill_count == KILLS, tally.kills
    assert (tally.lost, tally.doubled, tally.orphans) == ([], [], [])
    assert tally.rows > 50
