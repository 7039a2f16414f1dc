"""Write the report of the night: hits, gaps, failures, cost, and what to look at first.

Runs every morning, whatever became of the scan: a night without a report would hide a scan that failed. The page and
the CSV lie in the folder `reports` of the installation's state directory. With `ANYANOMALY_REPORT_TO` set, they are
also sent by mail, through the Airflow connection that `ANYANOMALY_REPORT_CONNECTION` names.

| What you see | What it means |
|---|---|
| `send` skipped | no address is configured; the report is written all the same |
| `send` failed | the connection is not there or the mail server refused; clear the task to try again |
| `draw_attention` counts *not drawn* | the encoder is not the one that scored them, or footage is gone; see its log |
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS, GPU_POOL
from tasks.wiring.failure_mail import failure_mail

# A new installation waits for its first turn: Airflow would make up for one in the last tenth of the time between two.
MORNING = CronTriggerTimetable("30 5 * * *", timezone="UTC", run_immediately=timedelta(seconds=0.5))

with DAG(
    dag_id="morning_report",
    dag_display_name="Morning report",
    doc_md=__doc__,
    schedule=MORNING,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "nightly"],
    params={
        "night": forms.day_field("Night", "The day that the night ends on; empty: the night of the newest footage."),
    },
):

    @task
    def choose_night() -> str:
        """Say which night is meant: the one asked for, or the one of the newest footage."""
        from tasks.report import choose_night

        return choose_night(get_current_context()["params"]["night"])

    @task(pool=GPU_POOL, execution_timeout=None)
    def draw_attention(night: str) -> dict[str, int]:
        """Draw where the encoder looked, for the night's highest events, so that the review pages can show it."""
        from tasks.report import draw_attention

        return draw_attention(night)

    @task
    def write(night: str) -> dict[str, Any]:
        """Gather the facts and write the page and the CSV, in place of an earlier report of the same night."""
        from tasks.report import write_night

        return write_night(night)

    @task(retries=2, retry_delay=timedelta(minutes=5))
    def send(report: dict[str, Any]) -> str:
        """Send page and CSV with Airflow's own mail notifier; skipped when no address is configured."""
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier
        from airflow.sdk.exceptions import AirflowSkipException

        mail = report["mail"]
        if not mail["to"]:
            raise AirflowSkipException("No address is configured: set ANYANOMALY_REPORT_TO to have reports sent.")
        # notify and not a call: calling renders the texts as templates, and nothing from outside may be one.
        SmtpNotifier(**mail, files=report["files"]).notify(get_current_context())
        return f"sent to {mail['to']}"

    night = choose_night()
    draw_attention(night)  # type: ignore[arg-type]  # Airflow hands over the result
    send(write(night))  # type: ignore[arg-type]
