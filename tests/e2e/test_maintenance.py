"""``maintain_archive`` through the real scheduler: it lists first, removes when told to, and leaves the rest alone."""

from typing import Any

from small_site import Site, film
from test_main_job import rows
from test_rule_backfill import xcom

from anyanomaly_core.embedded import pipeline, runs
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.retention import set_retention

DAG = "maintain_archive"
OLD, OTHER = "old-lobby/2025-06-01/10-00-00.mp4", "old-yard/2025-07-01/10-00-00.mp4"
EXPIRED = "SELECT DISTINCT camera, state = 'expired' FROM coverage WHERE camera LIKE 'old-%' ORDER BY 1"
SCORES = "SELECT *, xmin::text FROM segment_scores ORDER BY video_id, scoring_id, scorer_id, segment_index"


def test_it_lists_and_then_removes_what_is_past_its_retention(site: Site) -> None:
    film(site.archive / OLD, 1.12)  # content of its own: what another camera keeps would stay
    film(site.archive / OTHER, 1.2, pattern="smptehdbars")
    scanned = pipeline.ingest_and_scan(site.installation, site.api)
    assert (scanned.ingest.state, scanned.scan.state) == ("success", "success")
    owner = make_engine(site.installation.postgres.url("anyanomaly", "anyanomaly"))
    set_retention(owner, "old-lobby", 30, person="e2e")
    owner.dispose()
    before = rows(site, SCORES)

    listed = maintained(site, {})  # as the form comes: only list
    assert not listed["applied"]
    assert (listed["counts"]["videos"], listed["counts"]["partitions"]) == (1, 1)
    named = {what.split(" ")[0] for _, what, _, _ in listed["named"]}
    assert {OLD, "segment_scores_2025_06"} <= named
    assert rows(site, SCORES) == before
    assert parquet(site, "old-lobby")

    removed = maintained(site, {"dry_run": False})
    assert removed["applied"]
    assert (removed["counts"]["videos"], removed["counts"]["partitions"]) == (1, 1)
    assert rows(site, EXPIRED) == [("old-lobby", True), ("old-yard", False)]
    [(gone,)] = rows(site, f"SELECT video_id FROM videos WHERE uri = '{OLD}'")  # noqa: S608
    assert rows(site, SCORES) == [row for row in before if row[0] != gone]
    assert rows(site, "SELECT to_regclass('segment_scores_2025_06')::text") == [(None,)]
    assert (parquet(site, "old-lobby"), len(parquet(site, "old-yard"))) == ([], 2)
    assert (site.archive / OLD).exists(), "footage is never removed"
    [(counted,)] = rows(site, "SELECT summary FROM scan_runs WHERE kind = 'maintenance' ORDER BY run_id DESC LIMIT 1")
    assert counted["videos"] == 1


def maintained(site: Site, form: dict[str, Any]) -> dict[str, Any]:
    run_id = site.api.trigger(DAG, form)
    assert runs.follow(site.api, DAG, run_id, timeout_s=300).state == "success"
    return xcom(site, run_id, "maintain", dag=DAG)


def parquet(site: Site, camera: str) -> list[str]:
    found = site.installation.parquet.rglob("*.parquet")
    return sorted(path.name for path in found if f"camera={camera}" in path.parts)
