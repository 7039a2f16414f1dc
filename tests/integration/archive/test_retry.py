"""What failed is set aside with a reason, is left alone after three tries, and is tried again when somebody says so."""

from typing import Any

import pytest
from sqlalchemy import Engine

from anyanomaly_core.errors import FootageError
from anyanomaly_core.results.queries import run_ready
from anyanomaly_core.results.retry import RetryCounts, retry_failed
from tasks import scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, film
from tests.integration.archive.test_scan import ingest_all, rows, scan_all

BROKEN = f"gate/{DAY}/11-00-00.mp4"
SPOILED = f"hall/{DAY}/10-00-00.mp4"


def quarantine(engine: Engine) -> list[dict[str, Any]]:
    answer = run_ready(engine, "quarantine")
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def again(world: World, **which: Any) -> RetryCounts:  # noqa: ANN401
    with world.engine.begin() as connection:
        return retry_failed(connection, **which)


def test_a_mended_file_is_scored_after_it_was_given_up(world: World) -> None:
    ingest_all(world)
    good = (world.archive / SPOILED).read_bytes()
    (world.archive / SPOILED).write_bytes(b"\0" * len(good))
    for _ in range(3):
        for unit in scan.plan_units(cameras=["hall"]):
            with pytest.raises(FootageError):
                scan.scan_unit(unit)
    assert scan.plan_units(cameras=["hall"]) == []  # given up
    scan_all(scan.plan_units())
    found = {(row["what"], row["uri"], row["rule"]): row for row in quarantine(world.engine)}
    assert set(found) == {("file", BROKEN, None), ("scores", SPOILED, "car"), ("scores", SPOILED, "running")}
    assert all(row["reason"] for row in found.values())
    assert found["scores", SPOILED, "car"]["attempts"] == 3
    assert "retry" in found["scores", SPOILED, "car"]["tried_again"]

    (world.archive / SPOILED).write_bytes(good)
    assert again(world, camera="gate*") == RetryCounts(1, 0, 0)
    assert again(world, uri=SPOILED, rule="car") == RetryCounts(0, 1, 1)
    assert again(world, uri="hall/*") == RetryCounts(0, 1, 2)
    scan_all(scan.plan_units())
    assert [row["what"] for row in quarantine(world.engine)] == ["file"]


def test_an_unreadable_file_is_decoded_again_only_when_told_to(world: World) -> None:
    ingest_all(world)
    assert ingest_all(world)["files"] == 0
    assert again(world).files == 1
    assert ingest_all(world)["counts"]["unreadable"] == 1
    film(world.archive / BROKEN, 20)
    assert ingest_all(world)["counts"]["new"] == 1
    states = rows(world.engine, "SELECT uri, state FROM videos WHERE frame_count = 20")
    assert states == [(BROKEN, "ready")]
