"""SQL of the rules' pages: what each rule covers, finds and costs, and how often it was right."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from anyanomaly_core.errors import StorageError

_RULES = text("""
    SELECT r.rule_id, r.name, r.state::text, r.current_version, r.events_version, rv.definition, rv.threshold,
           rv.cameras, rv.author, rv.created_at, rv.scoring_id
    FROM rules r JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    WHERE CAST(:name AS text) IS NULL OR r.name = :name ORDER BY r.state, r.name""")
_COVERAGE = text("""
    SELECT rule, state, sum(seconds)::double precision AS seconds FROM coverage
    WHERE is_current_version AND (CAST(:name AS text) IS NULL OR rule = :name) GROUP BY rule, state""")
# Through current_verdicts, which is joined as a whole: event_list looks each event's verdict up by itself.
_HITS = text("""
    SELECT r.name AS rule, count(*) AS events, count(*) FILTER (WHERE d.verdict = 'real') AS real,
           count(*) FILTER (WHERE d.verdict = 'false_alarm') AS false_alarms,
           count(*) FILTER (WHERE d.verdict = 'unsure') AS unsure, count(*) FILTER (WHERE d.verdict IS NULL) AS open,
           max(e.started_at AT TIME ZONE c.time_zone) AS last,
           (array_agg(v.recorded_at_source LIKE 'modified%' ORDER BY e.started_at DESC))[1] AS last_dated_by_change
    FROM rules r
    JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    JOIN events e USING (rule_version_id)
    JOIN cameras c USING (camera_id)
    JOIN videos v USING (video_id)
    LEFT JOIN current_verdicts d USING (event_id)
    WHERE CAST(:name AS text) IS NULL OR r.name = :name GROUP BY r.name""")
_COST = text("""
    SELECT r.name AS rule, sum(u.work_ms)::double precision / 1000 AS work_s,
           sum(u.seconds_scored + u.seconds_carried + u.seconds_pruned)::double precision AS footage_s
    FROM units u JOIN scorings g USING (scoring_id) JOIN rules r USING (rule_id)
    WHERE CAST(:name AS text) IS NULL OR r.name = :name GROUP BY r.name""")
_NOTICES = text("""
    SELECT r.name AS rule, array_agg(DISTINCT s.notice ORDER BY s.notice) AS notices
    FROM rules r
    JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    JOIN units u USING (scoring_id)
    JOIN scorers s USING (scorer_id)
    WHERE u.is_current AND s.notice IS NOT NULL AND (CAST(:name AS text) IS NULL OR r.name = :name) GROUP BY r.name""")
_VERSIONS = text("""
    SELECT rv.version, rv.author, rv.created_at, rv.definition, rv.threshold, g.first_version,
           (SELECT count(*) FROM events e WHERE e.rule_version_id = rv.rule_version_id) AS events
    FROM rule_versions rv JOIN rules r USING (rule_id) JOIN scorings g USING (scoring_id)
    WHERE r.name = :name ORDER BY rv.version DESC""")
_JUDGED = text("""
    SELECT e.peak_score, d.verdict = 'real' AS real
    FROM rules r
    JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    JOIN events e USING (rule_version_id)
    JOIN current_verdicts d USING (event_id)
    WHERE r.name = :name AND d.verdict IN ('real', 'false_alarm') ORDER BY e.peak_score""")
_CASCADES = text("""
    SELECT profile, pruned, audited, audited_hits, missed_share_bound, missed_segments_bound FROM cascade_bounds
    WHERE rule = :name AND is_current_version ORDER BY profile, scorer_id""")


def load_rules(connection: Connection, name: str | None = None) -> list[dict[str, Any]]:
    """Every rule in its current version (or one), with coverage, hits, verdicts and cost; active ones first."""
    asked = {"name": name}
    coverage: dict[str, dict[str, float]] = {}
    for row in connection.execute(_COVERAGE, asked):
        coverage.setdefault(row.rule, {})[row.state] = row.seconds or 0.0
    hits = {row["rule"]: row for row in connection.execute(_HITS, asked).mappings()}
    cost = {row["rule"]: row for row in connection.execute(_COST, asked).mappings()}
    notices = {row.rule: row.notices for row in connection.execute(_NOTICES, asked)}
    none = dict.fromkeys(("events", "real", "false_alarms", "unsure", "open"), 0)
    no_hits = {**none, "last": None, "last_dated_by_change": False}
    return [
        {
            **row,
            "coverage": coverage.get(row["name"], {}),
            "footage_s": sum(coverage.get(row["name"], {}).values()),
            "hits": hits.get(row["name"], no_hits),
            "notices": notices.get(row["name"], []),
            "cost": cost.get(row["name"]),
        }
        for row in connection.execute(_RULES, asked).mappings()
    ]


def load_rule_page(connection: Connection, name: str) -> dict[str, Any]:
    """One rule; raises StorageError when there is none of this name."""
    found = load_rules(connection, name)
    if not found:
        raise StorageError(f"There is no rule {name[:80]!r}.")
    return {**found[0], "cascades": connection.execute(_CASCADES, {"name": name}).mappings().all()}


def rule_versions(connection: Connection, name: str) -> Sequence[RowMapping]:
    """All versions of a rule, newest first."""
    return connection.execute(_VERSIONS, {"name": name}).mappings().all()


def judged_peaks(connection: Connection, name: str) -> tuple[list[float], list[bool]]:
    """Peaks of the current version's events with a yes or no, and which of them were real."""
    rows = connection.execute(_JUDGED, {"name": name}).all()
    return [float(row.peak_score) for row in rows], [bool(row.real) for row in rows]
