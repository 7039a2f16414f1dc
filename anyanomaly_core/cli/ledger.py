"""``anyanomaly coverage``: what became of every second of footage, for every rule version."""

from enum import StrEnum
from typing import Annotated

import typer

from anyanomaly_core.cli.ask import ask
from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.site import note

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


class By(StrEnum):
    """How fine the table is."""

    rule = "rule"
    camera = "camera"
    day = "day"
    file = "file"


_DAY = "(recorded_at AT TIME ZONE time_zone)::date"
_COLUMNS = {By.rule: "", By.camera: "camera, ", By.day: f"camera, {_DAY} AS day, ", By.file: "camera, uri, "}
_GROUPS = {By.rule: "", By.camera: ", camera", By.day: f", camera, {_DAY}", By.file: ", camera, uri"}
_TABLE = """
SELECT rule, version, {columns}state, count(DISTINCT video_id) AS videos, sum(segments) AS segments,
       round(sum(seconds)::numeric, 1) AS seconds_of_footage, max(attempts) AS attempts, min(reason) AS reason
FROM coverage JOIN cameras ON camera_id = camera
WHERE (is_current_version OR %(all_versions)s)
  AND (%(rule)s IS NULL OR rule = %(rule)s)
  AND (%(camera)s IS NULL OR glob_matches(camera, ARRAY[%(camera)s]))
  AND (NOT %(unfinished)s OR state IN ('failed', 'not_yet'))
GROUP BY rule, version{groups}, state
ORDER BY rule, version{groups}, state"""
# The ledger against the archive: a row for every video, camera of it and rule version that looks there, adding up to
# the video's length.
_CHECK = """
SELECT r.name AS rule, v.version, w.uri, coalesce(w.duration_s, 0) AS seconds_of_video,
       sum(c.seconds) AS seconds_in_ledger
FROM rule_versions v
JOIN rules r USING (rule_id)
JOIN video_cameras p ON glob_matches(p.camera_id, v.cameras)
JOIN videos w ON w.video_id = p.video_id
LEFT JOIN coverage c ON (c.rule_version_id, c.video_id, c.camera) = (v.rule_version_id, w.video_id, p.camera_id)
GROUP BY r.name, v.version, w.video_id, p.camera_id, w.uri, w.duration_s
HAVING sum(c.seconds) IS NULL OR abs(sum(c.seconds) - coalesce(w.duration_s, 0)) > 0.001
ORDER BY 1, 2, 3"""
_CASCADE = """
SELECT rule, version, profile, videos, judged_by_rank, judged_for_motion, pruned, audited, audited_failed, audited_hits,
       missed_share_bound, missed_segments_bound
FROM cascade_bounds
WHERE (is_current_version OR %(all_versions)s) AND (%(rule)s IS NULL OR rule = %(rule)s)
ORDER BY rule, version, profile"""
_SIZE = """
SELECT count(DISTINCT rule_version_id) AS versions, count(DISTINCT video_id) AS videos,
       coalesce(round(sum(seconds)::numeric, 1), 0) AS seconds
FROM coverage"""


def coverage(
    rule: Annotated[str | None, typer.Option("--rule", help="Only this rule.")] = None,
    camera: Annotated[str | None, typer.Option("--camera", help="Only this id or pattern.")] = None,
    by: Annotated[By, typer.Option("--by", help="A row for each rule, camera, day or file.")] = By.rule,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only what failed or was not done yet.")] = False,
    all_versions: Annotated[bool, typer.Option("--all-versions", help="Earlier versions of rules as well.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Does the ledger add up to the archive? Exits 1 if not.")
    ] = False,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="What cascades left out of each rule, and at most how much was missed.")
    ] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """What became of every second of footage: scored, carried, pruned, failed (why, how often tried) or not yet."""
    if check:
        _check(stack, as_json=as_json)
        return
    if cascade:
        bounds = ask(stack, _CASCADE, {"rule": rule, "all_versions": all_versions})
        print_rows(bounds.columns, bounds.rows, as_json=as_json)
        note("Bounds hold with 95 % confidence: of segments whose own score reaches the rule's threshold.")
        return
    statement = _TABLE.format(columns=_COLUMNS[by], groups=_GROUPS[by])
    chosen = {"rule": rule, "camera": camera, "unfinished": unfinished, "all_versions": all_versions}
    found = ask(stack, statement, chosen)
    print_rows(found.columns, found.rows, as_json=as_json)


def _check(stack: str, *, as_json: bool) -> None:
    wrong = ask(stack, _CHECK)
    [(versions, videos, seconds)] = ask(stack, _SIZE).rows
    print_rows(wrong.columns, wrong.rows, as_json=as_json)
    if wrong.rows:
        note(
            f"{len(wrong.rows)} videos do not add up. Please report it with this table: the ledger must never be wrong."
        )
        raise typer.Exit(1)
    note(f"{versions} rule versions, {videos} videos: the ledger adds up ({seconds} s, each rule version counted).")
