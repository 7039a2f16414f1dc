"""The morning report as one HTML file that needs nothing else, and as CSV; both go to ``state_dir/reports``."""

import base64
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, RowMapping

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.review.clips.stills import event_still
from anyanomaly_core.review.evidence.score_tables import table
from anyanomaly_core.review.rendering import environment
from anyanomaly_core.review.report.night import CameraNight, MorningReport, load_report

_MAX_PICTURE = 96 << 10  # bytes of one picture; a thumbnail has about 15 KiB
_MAX_LISTED = 200  # rows of one table on the page; the CSV has all
_STRIP = 1440.0  # width of a camera's night in a strip; two events a minute apart are told apart
_MIN_WIDTH = 2.0  # nothing in a strip is narrower
_TIME_OF_CHANGE = "change of file"  # as `anyanomaly events` says it
_COLUMNS = (
    "kind", "camera", "rule", "begin_local", "end_local", "begin_utc", "end_utc", "seconds", "score", "state", "text",
    "file", "event_id", "time_from", "notice", "link",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report lies, and its headline."""

    page: Path
    csv: Path
    headline: str


def write_report(engine: Engine, settings: Settings, night: date, *, out: Path | None = None) -> ReportFiles:
    """Write the report of a night, in place of an earlier one.

    Args:
        engine: of the results database; reading is enough.
        settings: of the installation.
        night: see :mod:`anyanomaly_core.review.report.night`.
        out: folder; None: ``state_dir/reports``.

    Raises:
        ConfigurationError: the file of privacy masks is wrong.
    """
    report = load_report(engine, settings, night)
    folder = out or settings.state_dir / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {str(hit["event_id"]): _picture(engine, settings, hit) for hit in report.top_events}
    page = _replace(folder / f"{night}.html", render_report_page(report, pictures).encode())
    csv = _replace(folder / f"{night}.csv", render_csv(report))
    return ReportFiles(page, csv, report.headline)


def render_report_page(report: MorningReport, pictures: dict[str, str]) -> str:
    """The page. ``pictures`` has a data URI for each event id, or a sentence that says why there is none."""
    strips = [(camera, list(_boxes(report, camera))) for camera in report.cameras[:_MAX_LISTED]]
    template = environment().get_template("morning_report.jinja")
    return template.render(
        report=report,
        pictures=pictures,
        strips=strips,
        strip_width=_STRIP,
        hours=list(_hours(report)),
        max_listed=_MAX_LISTED,
        at=_at,
        by_camera=_by_camera(report),
    )


def render_csv(report: MorningReport) -> bytes:
    """One row per hit, gap, failure, stretch of unscored footage and cost of a rule."""
    return table(_COLUMNS, _rows(report))


def _rows(report: MorningReport) -> Iterator[Sequence[Any]]:
    zones = {camera.camera: camera.zone for camera in report.cameras}
    for hit in report.hits:
        zone = zones.get(hit["camera"], report.zone)
        span = _span(hit["started_at"], hit["ended_at"], zone)
        texts = hit["rationale"], hit["uri"], str(hit["event_id"])
        found = f"{hit['peak_score']:.4f}", hit["verdict"] or "new"
        link = report.link(hit["event_id"])
        yield "hit", hit["camera"], hit["rule"], *span, *found, *texts, _time_from(hit), hit["notice"], link
    for gap in report.gaps:
        by_change = _TIME_OF_CHANGE if gap.dated_by_change else ""
        yield (
            "gap",
            gap.camera,
            "",
            *_span(gap.begin, gap.end, gap.zone),
            "",
            "no footage",
            "",
            "",
            "",
            by_change,
            "",
            "",
        )
    for row in report.problems:
        at = _span(row["recorded_at"], None, zones.get(row["camera"] or "", report.zone))
        file = row["state"], row["problem"], row["uri"]
        yield "file", row["camera"], "", *at, "", *file, "", _time_from(row), "", ""
    for row in report.failed:
        times = _span(row["recorded_at"], None, zones.get(row["camera"], report.zone))[:4]
        lost, why = f"{row['seconds_failed']:.1f}", (row["state"], row["reason"], row["uri"])
        yield "failure", row["camera"], row["rule"], *times, lost, "", *why, "", _time_from(row), "", ""
    for row in report.coverage:
        span = "", "", "", "", f"{row['seconds']:.1f}"
        yield "coverage", "", row["rule"], *span, "", row["state"], row["reason"], "", "", "", "", ""
    for row in report.cost:
        spent = f"{row['scorer_s']:.1f}", "", row["profile"], f"{row['segments']} segments"
        yield "cost", "", row["rule"], "", "", "", "", *spent, "", "", "", row["notice"], ""


def _time_from(row: RowMapping) -> str:
    return _TIME_OF_CHANGE if row["dated_by_change"] else ""


def _span(begin: datetime | None, end: datetime | None, zone: str) -> tuple[str, str, str, str, str]:
    """Local begin and end, the same in UTC, and seconds, as text; empty where not known."""
    local = [_text(None if moment is None else moment.astimezone(ZoneInfo(zone))) for moment in (begin, end)]
    length = "" if begin is None or end is None else f"{(end - begin).total_seconds():.1f}"
    return local[0], local[1], _text(begin), _text(end), length


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")


def _at(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def _by_camera(report: MorningReport) -> list[tuple[str, list[tuple[str, int, float]]]]:
    """Hits by camera, most first: (rule, hits, highest peak)."""
    found: dict[str, dict[str, list[float]]] = {}
    for hit in report.hits:
        found.setdefault(hit["camera_name"], {}).setdefault(hit["rule"], []).append(hit["peak_score"])
    rows = [(name, [(rule, len(p), max(p)) for rule, p in sorted(rules.items())]) for name, rules in found.items()]
    return sorted(rows, key=lambda row: (-sum(count for _, count, _ in row[1]), row[0]))


def _boxes(report: MorningReport, camera: CameraNight) -> Iterator[tuple[str, float, float]]:
    """(kind, x, width) of a camera's strip: footage first, hits on top."""
    for part in camera.footage:
        kind = "recorded" if part["state"] in {"ready", "damaged"} else "unusable"
        yield kind, *_place(report, part["begin"], part["end"])
    for hit in report.hits:
        if hit["camera"] == camera.camera:
            yield "hit", *_place(report, hit["started_at"], hit["ended_at"])


def _place(report: MorningReport, begin: datetime, end: datetime) -> tuple[float, float]:
    whole = (report.end - report.begin).total_seconds()
    x = (begin - report.begin).total_seconds() / whole * _STRIP
    width = (end - begin).total_seconds() / whole * _STRIP
    return round(min(x, _STRIP - _MIN_WIDTH), 1), round(max(width, _MIN_WIDTH), 1)


def _hours(report: MorningReport) -> Iterator[tuple[float, str]]:
    """(x, label) of every third hour."""
    whole = (report.end - report.begin).total_seconds()
    for hour in range(0, 25, 6):
        if hour * 3600 <= whole:
            moment = datetime.fromtimestamp(report.begin.timestamp() + hour * 3600, ZoneInfo(report.zone))
            yield round(hour * 3600 / whole * _STRIP, 1), f"{moment:%H:%M}"


def _picture(engine: Engine, settings: Settings, hit: RowMapping) -> str:
    try:
        content = event_still(engine, settings, hit["event_id"], "thumbnail").read_bytes()
    except AnyAnomalyError as error:
        return f"No picture: {error}"
    if len(content) > _MAX_PICTURE:
        return f"No picture: it has {len(content)} bytes, too many for this page."
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _replace(target: Path, content: bytes) -> Path:
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.rename(target)
    return target
