"""Remove results that are past their camera's retention, and files that nothing needs any more.

Runs every week, and by hand. **Unless told otherwise it only lists what would go**: untick *Only list* in the form to
remove it, or set `ANYANOMALY_MAINTENANCE_REMOVES=true` for the weekly runs. Footage is never touched, and nothing goes
of a video that has an event under legal hold.

| What goes | When |
|---|---|
| results of a video: rows and Parquet files | its camera's retention has passed (`anyanomaly retention set`) |
| a whole month of scores | every video in it has expired |
| Parquet files | no result in the database stands behind them |
| clips, stills, kept embeddings | the results of their video have expired |
| journals of unfinished work | the work is done, was given up, or nobody went on with it for 30 days |
| unfinished files of killed processes | they were not touched for a day |

What expired stays in `coverage` as *expired* and is not scored again.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS
from tasks.wiring.failure_mail import failure_mail

# A new installation waits for its first turn: Airflow would make up for one in the last tenth of the time between two.
WEEKLY = CronTriggerTimetable("0 6 * * 0", timezone="UTC", run_immediately=timedelta(seconds=0.5))

with DAG(
    dag_id="maintain_archive",
    dag_display_name="Maintain archive",
    doc_md=__doc__,
    schedule=WEEKLY,
    catchup=False,  # one run removes everything that earlier ones would have
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly"],
    params={
        "dry_run": forms.switch_field(
            "Only list",
            "List what would go and remove nothing. Weekly runs do as the installation's setting says.",
            on=True,
        ),
        "min_age_hours": Param(
            24.0,
            type=["null", "number"],
            minimum=0,
            title="Leave alone unfinished files younger than so many hours",
            description="They may belong to a scan that is under way; 0 only when nothing else runs; empty: 24.",
        ),
    },
):

    @task(retries=1, retry_delay=timedelta(minutes=5), execution_timeout=timedelta(hours=12))  # the next run goes on
    def maintain() -> dict[str, Any]:
        """Expire results, drop or clear their partitions, remove leftovers; the log names every single one."""
        from tasks.maintain import maintain_archive

        context = get_current_context()
        form = forms.filled_in(context)
        return maintain_archive(
            dry_run=form["dry_run"],
            scheduled=context["dag_run"].run_type == "scheduled",
            min_age_hours=form["min_age_hours"],
        )

    maintain()
