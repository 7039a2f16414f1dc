"""Verdicts as a labelled set: which frames of which videos a reviewer called real or false, for evaluation."""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence

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
_TEXTS = text("""
    SELECT r.name, ARRAY(SELECT jsonb_array_elements_text(rv.definition -> 'texts')) AS texts
    FROM rules r JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    WHERE r.name = ANY(:rules) ORDER BY r.name""")


def labelled_events(connection: Connection, rule: str | None = None) -> Sequence[RowMapping]:
    """Judged events of the current versions; ``label`` is 1 for real, 0 for a false alarm, None for unsure.

    A label speaks of its own frames only. Frames that no event covers were judged by nobody.
    """
    return connection.execute(_LABELLED, {"rule": rule}).mappings().all()


def labels_csv(rows: Sequence[RowMapping]) -> str:
    """The set as CSV with a heading; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    return _table(COLUMNS, [[_cell(row[name]) for name in COLUMNS] for row in rows])


def evaluation_labels(connection: Connection, rows: Sequence[RowMapping]) -> dict[str, str]:
    """The set as `anyanomaly evaluate` reads it: ``classes.csv`` and ``frames.csv``, one class for each rule.

    A frame is 1 in a real event, 0 in a false alarm, and empty, unlabelled, everywhere else.
    """
    names = sorted({row["rule"] for row in rows})
    texts = connection.execute(_TEXTS, {"rules": names}).all()
    classes = _table(("class", "text"), [(row.name, text_) for row in texts for text_ in row.texts])
    frames: list[tuple[object, ...]] = []
    for uri in sorted({row["uri"] for row in rows}):
        frames += _frames_of(uri, [row for row in rows if row["uri"] == uri and row["label"] is not None], names)
    return {"classes.csv": classes, "frames.csv": _table(("video", "frame", *names), frames)}


def labels_zip(files: Mapping[str, str]) -> bytes:
    """The files in a folder ``_labels``, to be unpacked into the archive or elsewhere."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"_labels/{name}", content)
    return packed.getvalue()


def _frames_of(uri: str, judged: Sequence[RowMapping], names: Sequence[str]) -> list[tuple[object, ...]]:
    """Rows of a video up to its last judged frame."""
    cells: dict[str, dict[int, int]] = {name: {} for name in names}
    for row in sorted(judged, key=lambda row: row["label"]):  # where a real and a false one overlap, it is real
        cells[row["rule"]] |= dict.fromkeys(range(row["first_frame"], row["last_frame"] + 1), row["label"])
    last = max((row["last_frame"] for row in judged), default=-1)
    return [(uri, frame, *(cells[name].get(frame, "") for name in names)) for frame in range(last + 1)]


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return "" if value is None else value
