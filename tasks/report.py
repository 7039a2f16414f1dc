"""Tasks of the DAG ``morning_report``."""

import logging
from datetime import date
from typing import Any

from anyanomaly_core.config import get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.review.clips.stills import event_still
from anyanomaly_core.review.report.files import write_report
from anyanomaly_core.review.report.night import load_report, newest_night
from tasks.context import database, stall_watchdog

log = logging.getLogger(__name__)

MOST_PICTURES = 200  # attention images of one night


def choose_night(night: str | None) -> str:
    """The day that the night ends on, yyyy-mm-dd; none given: that of the newest footage."""
    settings = get_settings()
    engine = database(settings)
    chosen = date.fromisoformat(night) if night else newest_night(engine, settings)
    engine.dispose()
    return chosen.isoformat()


def draw_attention(night: str) -> dict[str, int]:
    """Make the attention images of the night's highest events, so that the pages have them without loading a model.

    What cannot be drawn is counted, with the reason in the log; it keeps nothing else from being done.
    """
    settings = get_settings()
    engine = database(settings)
    counts = {"drawn": 0, "not_drawn": 0}
    hits = load_report(engine, settings, date.fromisoformat(night)).hits[:MOST_PICTURES]
    with stall_watchdog(settings), LoggedProgress("attention", "pictures") as progress:
        for hit in hits:
            progress(sum(counts.values()), len(hits))
            try:
                event_still(engine, settings, hit["event_id"], "attention", load_models=True)
                counts["drawn"] += 1
            except AnyAnomalyError as error:
                counts["not_drawn"] += 1
                log.warning("No attention image of event %s: %s", hit["event_id"], error)
    engine.dispose()
    return counts


def write_night(night: str) -> dict[str, Any]:
    """Write the report; where its files lie, and the mail that tells of it (``to`` is None: nobody asked for one)."""
    settings = get_settings()
    engine = database(settings)
    written = write_report(engine, settings, date.fromisoformat(night))
    engine.dispose()
    log.info("%s; %s", written.headline, written.page)
    return {
        "headline": written.headline,
        "files": [str(written.page), str(written.csv)],
        "mail": {
            "to": settings.report_to,
            "from_email": settings.report_from,
            "smtp_conn_id": settings.report_connection,
            "subject": written.headline,
            "html_content": f"<p>{written.headline}.</p><p>The report is attached, as a page and as CSV.</p>",
        },
    }
