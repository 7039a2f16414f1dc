"""A map learned from verdicts in the database, and what SQL makes of it."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.calibration import judged_events, learn_score_map
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.queries import run_ready
from tests.conftest import TestDatabase
from tests.integration.results import world

SAY = "INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer) VALUES (:id, :version, :verdict, 'ann')"
EVENTS = (
    "SELECT event_id, rule_version_id, peak_score FROM events WHERE rule_version_id = 1 ORDER BY peak_score, event_id"
)


def judge(database: TestDatabase, least_real: int) -> int:
    """Events from the ``least_real``-th highest peak on are real, the others false alarms; first all are unsure."""
    reviewer = make_engine(database.url("reviewer"))
    with reviewer.begin() as connection:
        found = connection.execute(text(EVENTS)).all()
        for place, (event, version, _) in enumerate(found):
            for verdict in ("unsure", "real" if place >= least_real else "false_alarm"):
                connection.execute(text(SAY), {"id": event, "version": version, "verdict": verdict})
    reviewer.dispose()
    return len(found)


def test_verdicts_become_probabilities(database: TestDatabase, engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    more = [world.add_video(engine, f"gate/{number}.mp4", frames=480) for number in range(10, 16)]
    for number, video in enumerate(more):
        world.commit_unit(engine, world.unit_result(engine, video, rules, scorer, seed=number), tmp_path)
    with engine.begin() as connection, pytest.raises(ConfigurationError, match="No event of a rule called 'fall'"):
        judged_events(connection, "fall")
    events = judge(database, least_real=8)
    assert events >= 16, f"{len(videos) + len(more)} videos give enough events"
    with engine.begin() as connection:
        ((found_scorer, (scores, real)),) = judged_events(connection, "fall").items()
        assert (found_scorer, len(scores), int((~real).sum())) == (scorer.scorer_id, events, 8)
        learned = learn_score_map(connection, "fall", scorer.scorer_id, "isotonic")
        assert learned.wrong == 8
    answer = run_ready(engine, "events_by_probability", {"rule": "fall"})
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert {row["method"] for row in rows} == {"isotonic"}
    for row in rows:
        assert float(row["probability"]) == pytest.approx(float(learned(np.array([row["peak_score"]]))[0]), abs=2e-3)
