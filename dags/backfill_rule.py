"""Score one rule over stored footage, within a budget that you set.

Trigger it with the form. `quote` says first what it will take: segments, calls of the language model, GPU hours, from
what the same models took before. Choose **Dry run** to see only that. Then camera-days are scored in the pool
`backfill`, so that nightly scans keep theirs; what is done can be queried at once.

| You want to | Do this |
|---|---|
| stop it | mark the run as failed; finished videos stay, a started one is taken up again |
| go on | clear the run, all its tasks, or trigger it anew with the same form: only what is missing is scored |
| see what remains | the log of `summarize`, or a dry run |
| a run for each day of footage | `airflow backfill create`, see docs/backfill.md |

A run that stops at its budget is green; `summarize` says what remains. A red `score_days` task names the videos that
could not be scored; the others of its days are.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    CronPartitionTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    get_current_context,
    task,
)

# A partition is a day of footage. Days make `airflow backfill create` possible: it refuses a DAG without a timetable,
# and without partitions a second rule could not have a run for a day that the first one has had.
DAY_OF_FOOTAGE = CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format="%Y-%m-%d")
NEVER = datetime(2999, 1, 1, tzinfo=UTC)  # no run starts by itself: what is new each night is `scan_archive`'s
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
    dag_id="backfill_rule",
    dag_display_name="Backfill rule",
    doc_md=__doc__,
    schedule=DAY_OF_FOOTAGE,
    start_date=NEVER,
    catchup=False,
    max_active_runs=4,
    tags=["anyanomaly", "backfill"],
    params={
        "rule": Param("", type="string", title="Rule", description="Its name; the current version is scored."),
        "cameras": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Cameras",
            description="Only these cameras, one name or pattern such as `gate-*` a line; empty: all of the rule.",
        ),
        "from": Param(
            None,
            type=["null", "string"],
            format="date",
            title="From",
            description="First day of footage, in the camera's time zone, inclusive; empty: the oldest.",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            format="date",
            title="To",
            description="Last day of footage, inclusive; empty: the newest.",
        ),
        "newest_first": Param(
            False, type="boolean", title="Newest first", description="Begin with the newest day and go back in time."
        ),
        "gpu_hours": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            title="Budget in GPU hours",
            description="Stop when tasks of this run have held their slots so long, start included; empty: no limit.",
        ),
        "segments": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Budget in segments",
            description="Stop before more segments than this are scored; empty: no limit.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only the quote, with and without cascade; nothing is scored.",
        ),
    },
):

    @task(retries=2, retry_delay=timedelta(minutes=1), retry_policy=NOT_WORTH_A_RETRY)
    def quote() -> dict[str, Any]:
        """Say what is missing and what scoring it will take, before anything is scored."""
        from tasks.backfill import quote_backfill

        context = get_current_context()
        return quote_backfill(dict(context["params"]), day=context["dag_run"].partition_key)

    @task(retries=2, retry_delay=timedelta(minutes=1), retry_policy=NOT_WORTH_A_RETRY)
    def plan(quoted: dict[str, Any]) -> list[dict[str, Any]]:
        """Divide what is missing into camera-days, in the order asked for and as far as the budget reaches."""
        from tasks.backfill import plan_backfill

        context = get_current_context()
        return plan_backfill(
            dict(context["params"]),
            quoted,
            day=context["dag_run"].partition_key,
            external_id=context["run_id"],
        )

    @task(
        pool="backfill",
        priority_weight=1,
        weight_rule="absolute",  # behind nightly scans where both wait for a worker
        retries=2,
        retry_delay=timedelta(seconds=20),
        retry_exponential_backoff=True,
        retry_policy=NOT_WORTH_A_RETRY,
        map_index_template="{{ work['name'] }}",
        doc_md="""Score what a camera lacks of a day and commit video by video, until the budget is used up.

The models are loaded once for the whole day. Work that an interrupted try had finished is taken over.""",
    )
    def score_days(work: dict[str, Any]) -> dict[str, Any]:  # noqa: D103
        from tasks.backfill import score_days

        return score_days(work, started_at=get_current_context()["ti"].start_date)

    @task(trigger_rule="all_done")
    def summarize(quoted: dict[str, Any], units: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, Any]:
        """Say what was scored, what it took against the quote, and what remains; fails when a task failed."""
        from tasks.backfill import summarize_backfill

        context = get_current_context()
        return summarize_backfill(
            dict(context["params"]), quoted, units, list(results), day=context["dag_run"].partition_key
        )

    quoted = quote()
    planned = plan(quoted)  # type: ignore[arg-type]  # Airflow hands over the result
    summarize(quoted, planned, score_days.expand(work=planned))  # type: ignore[arg-type]
