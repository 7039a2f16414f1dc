"""A certified backfill with real models: what is kept, what goes on, and that its ledger proves it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.engine.selection import ranks
from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.rule_store import load_rule
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore
from tasks import backfill, ingest
from tests.integration.archive.conftest import World
from tests.integration.archive.test_backfill import FORM, rows, run

CERTIFIED = FORM | {"recall": 0.9, "confidence": 0.8, "level": "segments", "segments": 9}


@pytest.fixture
def archive(world: World) -> World:
    """16 segments of 8 frames in three videos, nothing scored."""
    for chunk in ingest.discover_files():
        ingest.register_files(chunk)
    apply_rule_files(world.engine, world.rules, author="test")
    return world


def certify(name: str, **changed: float | None) -> dict[str, Any]:
    """Through the tasks of the DAG; returns the document."""
    run(CERTIFIED | changed, name)
    engine = backfill.database(get_settings())
    [(document,)] = rows(engine, "SELECT document FROM certificates ORDER BY certificate_id DESC LIMIT 1")
    engine.dispose()
    return dict(document)


def test_within_a_budget_it_promises_what_its_ledger_proves_and_a_whole_backfill_does_the_rest(archive: World) -> None:
    document = certify("c1")
    assert (document["segments"], sum(document["judged"].values()), document["unjudged"]) == (16, 9, 7)
    assert (document["answers"], document["answers_of_a_full_scan"]) == (9, 16)
    assert not document["reached"]
    assert len(document["footage"]) == 3
    assert document["missed_at_most"] == document["unjudged"], "nothing was drawn, so nothing is excluded"
    said = rows(
        archive.engine, "SELECT status, count(*), min(reason) FROM segment_scores GROUP BY status ORDER BY status"
    )
    assert [(status, count) for status, count, _ in said] == [("scored", 9), ("pruned", 7)]
    assert (
        said[1][2]
        == f"left out under certificate {document['certificate_id']}: 0.9 of the segments at a confidence of 0.8"
    )
    ledger = "SELECT DISTINCT state, certificate_id FROM units"
    assert rows(archive.engine, ledger) == [("done", document["certificate_id"])]
    # What was judged are the first in the encoder's order, by hand.
    assert judged(archive) == set(by_hand(archive)[:9])
    hits = rows(archive.engine, "SELECT count(*) FROM segment_scores WHERE score >= 0.1::real")
    assert document["found"] == hits[0][0]

    with archive.engine.connect() as connection:
        rule = load_rule(connection, "running")
        assert missing_work(connection, [rule], 1, FootageSelection()) == [], "no nightly scan judges what was left out"
    _, summary = run(FORM, "whole")
    assert summary["remaining"]["videos"] == 0
    assert rows(archive.engine, "SELECT status, count(*) FROM segment_scores GROUP BY status") == [("scored", 16)]
    assert rows(archive.engine, ledger) == [("done", None)]
    with archive.engine.begin() as connection:  # as if a segment had failed: the next scan's, no certificate's
        connection.execute(text("UPDATE units SET state = 'partial', attempts = 1 WHERE video_id = 1"))
    run(CERTIFIED, "c2")
    assert rows(archive.engine, "SELECT status, count(*) FROM segment_scores GROUP BY status") == [("scored", 16)]


def judged(archive: World) -> set[tuple[int, int]]:
    query = "SELECT video_id, segment_index FROM segment_scores WHERE status = 'scored'"
    return {(video, segment) for video, segment in rows(archive.engine, query)}


def by_hand(archive: World) -> list[tuple[int, int]]:
    """Segments by their best vector's cosine with the rule's text."""
    settings = get_settings()
    query = load_encoder(load_profile(settings.profile), settings).encode_texts(["a person running"])[0]
    query = query.astype(np.float16).astype(np.float32)  # as a vector of the database
    best: dict[tuple[int, int], float] = {}
    vectors = "SELECT video_id, segment_index, CAST(embedding AS text) FROM footage_vectors"
    for video, segment, vector in rows(archive.engine, vectors):
        alike = float(np.array(json.loads(vector), np.float32) @ query)
        best[video, segment] = max(alike, best.get((video, segment), -2.0))
    places = sorted(best)
    order = ranks(np.array([[best[place]] for place in places], np.float32))
    return [place for _, place in sorted(zip(order.tolist(), places, strict=True))]


def test_a_run_that_dies_goes_on_with_the_same_certificate_and_asks_nothing_twice(
    archive: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    real = AnyAnomalyScorer.score

    def dying(
        self: AnyAnomalyScorer, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]
    ) -> list[SegmentScore]:
        if asked:
            raise ModelError("the model is gone")
        return counting(self, segments, rules)

    def counting(
        self: AnyAnomalyScorer, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]
    ) -> list[SegmentScore]:
        asked.extend((str(one.images[0].tobytes()[:64]), one.segment.index) for one in segments)
        return real(self, segments, rules)

    monkeypatch.setattr(AnyAnomalyScorer, "score", dying)
    with pytest.raises(ModelError):
        certify("c1", segments=None)
    [(state, kept)] = rows(archive.engine, "SELECT state, (SELECT count(*) FROM certificate_answers) FROM certificates")
    assert (state, kept) == ("running", len(asked))
    assert rows(archive.engine, "SELECT count(*) FROM units") == [(0,)]
    monkeypatch.setattr(AnyAnomalyScorer, "score", counting)
    document = certify("c2", segments=None)
    assert len(asked) == document["answers"] == 16
    assert document["missed_at_most"] == 0
    assert rows(archive.engine, "SELECT count(*), min(state) FROM certificates") == [(1, "finished")]
    assert rows(archive.engine, "SELECT count(*) FROM certificate_answers") == [(0,)]
