"""Verdicts as a labelled set: which stretches of which videos somebody called real or false, for evaluation."""

import csv
import io
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, text

COLUMNS = (
    "rule", "version", "camera", "uri", "content_sha256", "first_frame", "last_frame", "start_s", "end_s", "started_at",
    "ended_at", "peak_score", "label", "verdict", "reviewer", "judged_at", "note", "event_id",
)  # fmt: skip
_LABELLED = text("""
    SELECT l.rule, l.version, l.camera, l.uri, v.content_sha256, l.first_frame, l.last_frame,
           extract(epoch FROM l.started_at - v.recorded_at)::double precision AS start_s,
           extract(epoch FROM l.ended_at - v.recorded_at)::double precision AS end_s,
           l.started_at, l.ended_at, l.peak_score,
           CASE l.verdict WHEN 'real' THEN 1 WHEN 'false_alarm' THEN 0 END AS label,
           l.verdict, l.reviewer, l.verdict_at AS judged_at, l.note, l.event_id
    FROM event_list l JOIN videos v USING (video_id)
    WHERE l.is_current_version AND l.verdict IS NOT NULL AND (CAST(:rule AS text) IS NULL OR l.rule = :rule)
    ORDER BY l.rule, l.started_at, l.event_id""")


def labelled_events(connection: Connection, rule: str | None = None) -> Sequence[RowMapping]:
    """Judged events of the current versions; ``label`` is 1 for real, 0 for a false alarm, None for unsure.

    A label says something of its own stretch of frames only: what no event covers was judged by nobody.
    """
    return connection.execute(_LABELLED, {"rule": rule}).mappings().all()


def as_csv(rows: Sequence[RowMapping]) -> str:
    """The set as CSV with a heading; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([[_cell(row[name]) for name in COLUMNS] for row in rows])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return "" if value is None else value
