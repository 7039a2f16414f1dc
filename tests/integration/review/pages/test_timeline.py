"""The timeline's numbers over footage that overlaps, pauses and fails; expected stretches by hand."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from anyanomaly_core.results.engine import make_engine
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.review.pages.pages_site import client_of

NOON = datetime.fromisoformat("2026-05-01T12:00:00Z")


@pytest.fixture(scope="module")
def recorded(module_database: TestDatabase) -> TestDatabase:
    """Files of 4 s (100 frames) at these seconds; the rule looks at the gate, and nothing is scored."""
    scanner, owner = make_engine(module_database.url()), make_engine(module_database.url("anyanomaly"))
    for camera in ("gate", "yard"):
        world.add_camera(scanner, camera)
    world.add_rule(scanner, "fall", cameras=["gate"])
    for camera, seconds in (("gate", (0, 4, 8, 60)), ("yard", (2,))):
        for second in seconds:
            at = NOON + timedelta(seconds=second)
            world.add_video(scanner, f"{camera}/{second}.mp4", camera, frames=100, recorded_at=at)
    with owner.begin() as connection:
        broken = "UPDATE videos SET state = 'unreadable', error = 'broken' WHERE uri = 'gate/8.mp4'"
        connection.execute(text(broken))
    scanner.dispose()
    owner.dispose()
    return module_database


@pytest.fixture
def browser(recorded: TestDatabase, tmp_path: Path) -> Iterator[TestClient]:
    engine: Engine = make_engine(recorded.url("reviewer"))
    yield client_of(engine, tmp_path)
    engine.dispose()


def stretches(browser: TestClient, width_s: float, **more: str) -> set[tuple[str, str, float, float]]:
    begin, end = NOON - timedelta(seconds=width_s / 2), NOON + timedelta(seconds=width_s / 2)
    asked = {"begin": begin.isoformat(), "end": end.isoformat(), **more}
    rows = browser.get("/timeline/lanes", params=asked).raise_for_status().json()["stretches"]
    noon = NOON.timestamp()
    return {(row["camera"], row["kind"], row["begin"] / 1000 - noon, row["end"] / 1000 - noon) for row in rows}


def test_files_that_follow_each_other_are_one_stretch(browser: TestClient) -> None:
    near = stretches(browser, 300)
    assert ("gate", "recorded", 0, 8) in near
    assert ("gate", "recorded", 60, 64) in near
    assert ("gate", "unreadable", 8, 12) in near
    assert ("yard", "recorded", 2, 6) in near
    assert {camera for camera, kind, _, _ in near if kind == "waiting"} == {"gate"}, "no rule looks at the yard"


def test_from_afar_what_lies_near_is_one_stretch(browser: TestClient) -> None:
    """A span of 30 hours has steps of 72 s, so that a minute's pause is not seen any more."""
    assert ("gate", "recorded", 0, 64) in stretches(browser, 30 * 3600)
    assert {camera for camera, *_ in stretches(browser, 30 * 3600, camera="yard")} == {"yard"}


@pytest.mark.parametrize(
    ("second", "expected"), [(0, (0, 4)), (5.5, (4, 60)), (9, (None, 60)), (62, (60, None)), (200, (None, None))]
)
def test_a_moment_has_its_video_or_the_next_one(
    browser: TestClient, second: float, expected: tuple[int | None, int | None]
) -> None:
    at = NOON + timedelta(seconds=second)
    body = browser.get("/timeline/video", params={"camera": "gate", "at": at.isoformat()}).json()
    noon = NOON.timestamp()
    begin, following = body.get("begin"), body["next"]
    found = tuple(None if moment is None else round(moment / 1000 - noon) for moment in (begin, following))
    assert found == expected


def test_the_page_opens_at_the_newest_footage_and_old_addresses_lead_to_it(browser: TestClient) -> None:
    page = browser.get("/timeline").text
    assert 'value="2026-05-01"' in page
    assert "not readable" in page
    assert browser.get("/day?day=2026-05-01").headers["location"] == "/timeline?day=2026-05-01"


@pytest.mark.parametrize(
    "path",
    [
        "/timeline?at=soon", "/timeline?day=2026-02-30", "/timeline/lanes?begin=0&end=0",
        "/timeline/lanes?begin=0&end=99999999999999", "/timeline/video?camera=gate&at=99999999999999999999",
        "/timeline/lanes?begin=2026-05-01&end=2020-01-01",
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 400
    assert "<main" in answer.text
