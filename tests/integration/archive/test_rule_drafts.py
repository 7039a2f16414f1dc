"""A draft as the DAG ``try_rule`` tries it, and events like an event, as the page finds them: with real models."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import ConfigurationError, RuleError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review.app import create_app
from anyanomaly_core.review.drafts.rehearsal import RehearsalReport
from anyanomaly_core.review.drafts.trial import TrialReport, trial_picture
from tasks import index, scan
from tasks.rule_drafts import try_rule
from tests.conftest import TestDatabase
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY
from tests.integration.archive.test_scan import as_xcom, ingest_all, scan_all
from tests.integration.review.pages.pages_site import HeaderHost

DRAFT = {"name": "dog", "texts": ["a dog", "a cat"], "excluded": ["a fox"], "threshold": 0.1, "min_duration_s": 0}
_STORED = "SELECT (SELECT count(*) FROM segment_scores) + (SELECT count(*) FROM units) + (SELECT count(*) FROM events)"


def carried(report: dict[str, Any]) -> Any:  # noqa: ANN401  (any JSON)
    """As Airflow hands it on, and through its database, so it stays small."""
    as_json = json.dumps(report)
    assert len(as_json) < 20_000
    return json.loads(as_json)


def test_a_draft_is_tried_and_rehearsed_and_no_score_is_stored(world: World) -> None:
    ingest_all(world)
    tried = TrialReport.model_validate(carried(try_rule(DRAFT, camera="hall", moment=f"{DAY} 10:00:02", videos=1)))
    assert tried.best is not None
    assert tried.segments[tried.best].score == max(part.score for part in tried.segments if part.score is not None)
    assert tried.rationale
    assert set(tried.pictures) == {"key", "attention", "position", "grid"}
    for name in tried.pictures.values():
        assert trial_picture(get_settings(), name).read_bytes().startswith(b"\x89PNG")
    found = RehearsalReport.model_validate(carried(try_rule(DRAFT, camera=None, moment=None, videos=2)))
    assert (found.videos, found.unscored, found.scored_anew) == (2, 0, True)
    assert sum(found.histogram) == 50 + 30, "each frame of the first and the last video once"
    assert {change.kind for change in found.changes} == {"found"}
    assert all(change.span.peak_score >= 0.1 for change in found.changes)
    with world.engine.connect() as connection:
        assert connection.execute(text(_STORED)).scalar() == 0
    with pytest.raises(RuleError, match="texts: the list is empty"):
        try_rule({**DRAFT, "texts": []}, camera=None, moment=None, videos=1)
    with pytest.raises(ConfigurationError, match="no footage of"):
        try_rule(DRAFT, camera="hall", moment=f"{DAY} 23:00:00", videos=1)


def test_events_like_an_event_are_found_by_their_pictures_or_it_is_said_why_not(
    world: World, database: TestDatabase, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(world)
    apply_rule_files(world.engine, world.rules, author="test")
    scan_all(as_xcom(scan.plan_units()))
    with world.engine.connect() as connection:
        query = text("SELECT event_id FROM event_list WHERE camera = 'hall' ORDER BY peak_score DESC LIMIT 1")
        event = connection.execute(query).scalar_one()
    reviewer = make_engine(database.url("reviewer"))

    def pages(user: str = "anna/user") -> TestClient:
        return TestClient(create_app(HeaderHost(), reviewer, get_settings()), headers={"x-user": user})

    address = f"/event/{event}/similar"
    before = pages().get(address).text
    assert "Not compared by pictures." in before
    assert "is not in the index" in before
    parts = index.plan_index()
    index.summarize_index(parts, [index.index_part(part) for part in parts])
    found = pages().get(address).text
    assert "by their pictures" in found
    assert "Not compared" not in found
    assert "gate" in found, "other cameras and rules too"
    assert "may look but not search" in pages("vera/viewer").get(address).text
    assert pages().get(address, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    with owner_engine.connect() as connection:
        noted = connection.execute(text("SELECT question, searched_by FROM searches")).all()
    assert noted == [(f"like event {event}", "anna")]
    monkeypatch.setenv("ANYANOMALY_SEARCH_NEEDS_CASE", "true")
    get_settings.cache_clear()
    assert "answers no search without one" in pages().get(address).text
    assert "by their pictures" in pages().get(f"{address}?case=7/26").text
    reviewer.dispose()
