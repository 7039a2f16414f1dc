"""What a run has spent so far, noted after every video: budgets hold while it runs, and later quotes know the rates.

It stands in ``scan_runs.summary`` under ``spent``, by scorer. What a killed try had not noted yet is lost: at most one
video.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from anyanomaly_core.results.waiting import with_database_retry

_ADD = text("""
UPDATE scan_runs SET summary = jsonb_set(
    CASE WHEN summary ? 'spent' THEN summary ELSE summary || '{"spent": {}}' END,
    ARRAY['spent', :scorer],
    (SELECT jsonb_object_agg(key, value + coalesce((summary -> 'spent' -> :scorer ->> key)::double precision, 0))
     FROM (VALUES ('seconds', CAST(:seconds AS double precision)), ('start_seconds', :start_seconds),
                  ('starts', :starts), ('segments', :segments), ('passes', :passes),
                  ('other_seconds', :other_seconds)) AS added(key, value)))
WHERE run_id = :run""")
_SUM = text("""
SELECT coalesce(sum((value ->> 'seconds')::double precision), 0),
       coalesce(sum((value ->> 'segments')::double precision), 0)
FROM scan_runs, jsonb_each(summary -> 'spent') WHERE run_id = :run""")


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run has taken so far."""

    seconds: float = 0.0  # that its tasks held a slot: start, decoding, models, writing
    segments: int = 0  # scored, once for each rule


def spending_of(connection: Connection, run_id: int) -> Spending:
    """What a run has noted so far."""
    seconds, segments = connection.execute(_SUM, {"run": run_id}).one()
    return Spending(float(seconds), round(segments))


class Meter:
    """The clock of one task.

    Args:
        engine: of the results database.
        run_id: of the run that pays.
        scorer_id: what the time is spent on.
        started_at: when the task's process was started, if somebody knows; its start counts as well.
        patience_s: how long to wait for a database that is away.
    """

    def __init__(
        self,
        engine: Engine,
        run_id: int,
        scorer_id: int,
        started_at: datetime | None = None,
        *,
        patience_s: float = 0.0,
    ) -> None:
        self._engine, self.run_id, self._scorer_id, self._patience_s = engine, run_id, scorer_id, patience_s
        before = 0.0 if started_at is None else (datetime.now(UTC) - started_at).total_seconds()
        self._last = time.monotonic() - max(0.0, before)

    def record_start(self) -> None:
        """Record that the models are loaded."""
        seconds = self._lap()
        self._add(seconds=seconds, start_seconds=seconds, starts=1)

    def record_judging(self) -> None:
        """Record what judging took before any video of it is committed."""
        self._add(seconds=self._lap())

    def record_video(self, rows: int, rules: int, work_s: float) -> None:
        """Record a committed video.

        Args:
            rows: of segments and rules that have an outcome other than failed.
            rules: that they belong to.
            work_s: seconds that the rows' own timings account for, those of an interrupted try included.
        """
        seconds = self._lap()
        passes = rows / max(1, rules)
        self._add(seconds=seconds, segments=rows, passes=passes, other_seconds=max(0.0, seconds - work_s))

    def _lap(self) -> float:
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        return seconds

    def _add(self, **values: float) -> None:
        names = ("seconds", "start_seconds", "starts", "segments", "passes", "other_seconds")
        added = {name: float(values.get(name, 0.0)) for name in names}

        def add() -> None:
            with self._engine.begin() as connection:
                connection.execute(_ADD, {**added, "run": self.run_id, "scorer": str(self._scorer_id)})

        with_database_retry(self._engine, self._patience_s, add)
