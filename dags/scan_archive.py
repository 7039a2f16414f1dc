"""Score every active rule over all footage that it has not seen.

Starts when `ingest_archive` is done and every night, and by hand with a narrower choice. Only what is missing is
scored: a segment that this version of a rule and this scorer have already judged is never judged again. Results can be
queried as soon as their task is done.

| What you see | What it means |
|---|---|
| a `scan_unit` task failed | its video could not be decoded or a model did not answer; no other unit is affected |
| the run failed | at least one unit failed; the log of `summarize` lists them |
| all `scan_unit` tasks skipped | nothing was missing |

The reason of a failure stands in the task's log and, for each segment, in the view `coverage`. Clear a task to try
again.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    get_current_context,
    task,
)

ARCHIVE = Asset("archive_footage")
# A new installation waits for its first turn: Airflow would make up for one in the last tenth of the time between two.
NIGHTLY = CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(seconds=0.5))
# What is wrong with a file, a rule or a setting is still wrong a minute later.
NOT_WORTH_A_RETRY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                "anyanomaly_core.errors.FootageError",
                "anyanomaly_core.errors.RuleError",
                "anyanomaly_core.errors.ConfigurationError",
            ],
            action=RetryAction.FAIL,
            reason="Trying again cannot help; see the message.",
        )
    ]
)

with DAG(
    dag_id="scan_archive",
    dag_display_name="Scan archive",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=NIGHTLY, assets=[ARCHIVE]),
    catchup=False,  # one run scores everything that earlier nights missed
    max_active_runs=1,  # a second one would plan the same units again
    tags=["anyanomaly", "nightly"],
    params={
        "rules": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Rules",
            description="Only these rules, one name a line; empty: every active rule.",
        ),
        "cameras": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Cameras",
            description="Only these cameras, one name or pattern such as `gate-*` a line; empty: all.",
        ),
        "from": Param(
            None, type=["null", "string"], format="date", title="From", description="First day of footage, inclusive."
        ),
        "to": Param(
            None, type=["null", "string"], format="date", title="To", description="Last day of footage, inclusive."
        ),
        "profile": Param(
            None,
            type=["null", "string"],
            title="Profile",
            description="Models and parameters for rules that name none; empty: the installation's.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="At most so many units of work",
            description="The rest is left to the next run, which the summary says; empty: no limit.",
        ),
    },
):

    @task(retries=2, retry_delay=timedelta(minutes=1), retry_policy=NOT_WORTH_A_RETRY)
    def plan_units() -> list[dict[str, Any]]:
        """Compare rules and footage with what was already scored, and pack what is missing into units of work."""
        from tasks.scan import plan_units

        context = get_current_context()
        params = context["params"]
        return plan_units(
            rules=params["rules"],
            cameras=params["cameras"],
            first_day=params["from"],
            last_day=params["to"],
            profile=params["profile"],
            limit=params["limit"],
            external_id=context["run_id"],
        )

    @task(
        pool="gpu",
        retries=2,
        retry_delay=timedelta(seconds=20),
        retry_exponential_backoff=True,
        retry_policy=NOT_WORTH_A_RETRY,
        map_index_template="{{ unit['name'] }}",
        doc_md="""Decode the videos of one unit once, score them for all its rules, and commit scores and events.

The models are loaded once for the whole unit. Work that an interrupted try had finished is taken over.""",
    )
    def scan_unit(unit: dict[str, Any]) -> dict[str, Any]:  # noqa: D103
        from tasks.scan import scan_unit

        return scan_unit(unit, started_at=get_current_context()["ti"].start_date)

    @task(trigger_rule="all_done")
    def summarize(units: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, Any]:
        """Say what was scored, skipped and failed; fails when a unit failed, so that the run is red."""
        from tasks.scan import summarize_scan

        return summarize_scan(units=units, results=list(results))

    planned = plan_units()
    summarize(planned, scan_unit.expand(unit=planned))  # type: ignore[arg-type]  # Airflow hands over the results
