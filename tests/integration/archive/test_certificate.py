"""A certified backfill with real models: what is kept, what goes on, and that its ledger proves it."""

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

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


def missed_at_most(engine: Engine, certificate_id: int) -> int:
    """From the ledger and the document alone, in fractions: the largest number of hits left that is not excluded."""
    [(document, seed, segments, ranking)] = rows(
        engine,
        "SELECT document, seed, segments, ranking FROM certificates WHERE certificate_id = :id",
        id=certificate_id,
    )
    ledger = rows(
        engine,
        "SELECT segment, why, found FROM certificate_judgements WHERE certificate_id = :id ORDER BY number",
        id=certificate_id,
    )
    assert document["segments"] == segments == len(np.frombuffer(ranking, ">i4"))
    drawn_from = [n for n, (_, why, _) in enumerate(ledger) if why == "draw"]
    begin = drawn_from[0] if drawn_from else len(ledger)
    left = segments - begin
    steps, seen = [], []
    for n, (segment, why, found) in enumerate(ledger[begin:]):
        if why == "draw":
            steps.append((left - n, sum(one for _, _, one in ledger[begin : begin + n]), found))
            seen.append(segment)
    before = {segment for segment, _, _ in ledger[:begin]}
    rest = np.array([n for n in range(segments) if n not in before], np.int64)
    draws = np.random.default_rng(seed).permutation(rest).tolist()
    assert seen == [one for one in draws if one in set(seen)], "the draws are the seed's"
    found = sum(one for _, _, one in ledger[begin:])
    confidence = Fraction(str(document["target"]["confidence"]))
    possible = [
        more
        for more in range(left - (len(ledger) - begin) + 1)
        if chance(steps, found + more) > (1 - confidence) * forecast(steps, left)
    ]
    return max(possible, default=0)


def chance(steps: list[tuple[int, int, bool]], number: int) -> Fraction:
    product = Fraction(1)
    for unknown, found, hit in steps:
        share = Fraction(number - found, unknown)
        if not 0 <= share <= 1:
            return Fraction(0)
        product *= share if hit else 1 - share
    return product


def forecast(steps: list[tuple[int, int, bool]], left: int) -> Fraction:
    """The mean of a mixture over counts in all, and of one over counts left that begins anew at every find."""
    weights = [Fraction(1, (place + 1) ** 2) for place in range(left + 1)]
    total = sum(weights)
    in_all = sum((w * chance(steps, count) for count, w in enumerate(weights)), Fraction(0)) / total
    anew = Fraction(1)
    for found in sorted({step[1] for step in steps}):
        part = [step for step in steps if step[1] == found]
        anew *= sum((w * chance(part, found + count) for count, w in enumerate(weights)), Fraction(0)) / total
    return (in_all + anew) / 2


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
    assert document["missed_at_most"] == missed_at_most(archive.engine, document["certificate_id"])
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
