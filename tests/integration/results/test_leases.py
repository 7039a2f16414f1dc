"""A lease is taken by one worker; which may take it over, and what becomes of a commit without it."""

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.errors import LeaseLostError
from anyanomaly_core.results import leases
from tests.integration.results import world


def test_what_was_not_given_back_and_what_a_dead_process_held_is_taken_at_once(engine: Engine, tmp_path: Path) -> None:
    _, _, scorer = world.small_archive(engine, tmp_path)
    first = leases.Lease(engine, 1, scorer.scorer_id, 30.0)
    first._take()
    first._over.set()
    leases._not_given_back.append(str(first.token))  # as when the database was away at the end of a pass
    began = time.monotonic()
    with leases.held_lease(engine, 1, scorer.scorer_id, lasts_s=30.0) as second:
        with pytest.raises(LeaseLostError, match="took over video 1"), engine.begin() as connection:
            first.require(connection)
        with pytest.raises(LeaseLostError):
            first.check()
        with engine.begin() as connection:
            second.require(connection)
            dead = leases._myself().rpartition(" ")[0] + " 1.00"  # this process's number, of a process long gone
            connection.execute(text("UPDATE unit_leases SET holder = :dead, token = gen_random_uuid()"), {"dead": dead})
    with leases.held_lease(engine, 1, scorer.scorer_id, lasts_s=30.0):
        assert time.monotonic() - began < 15
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM unit_leases")).scalar_one() == 0
