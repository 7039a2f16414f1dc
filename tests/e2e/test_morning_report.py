"""The morning report as the scheduler runs it: written without anybody's address, drawn where an encoder is."""

import csv
from pathlib import Path

from small_site import Site

from anyanomaly_core.embedded import runs


def test_the_report_of_a_night_is_written_and_sent_to_nobody(site: Site) -> None:
    run = site.api.trigger("morning_report", {"night": "2026-03-01"})
    done = runs.follow(site.api, "morning_report", run, timeout_s=240)
    states = {instance["task_id"]: instance["state"] for instance in done.instances}
    assert states == {"choose_night": "success", "draw_attention": "success", "write": "success", "send": "skipped"}
    reports = Path(site.installation.task_environment()["ANYANOMALY_STATE_DIR"]) / "reports"
    page = (reports / "2026-03-01.html").read_text()
    assert "Night to Sunday, 1 March 2026" in page
    assert "10-10-00.mp4" in page  # which is no video
    kinds = {row["kind"] for row in csv.DictReader((reports / "2026-03-01.csv").open())}
    assert {"file", "coverage", "cost"} <= kinds
