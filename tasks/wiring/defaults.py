"""Assets, pools and the arguments of every task."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetAlias, ExceptionRetryPolicy, RetryAction, RetryRule

from tasks.wiring.forms import refuse_unknown_fields

FOOTAGE = Asset("anyanomaly_footage")  # videos are registered and can be scanned
SCORES = Asset("anyanomaly_scores")  # a run has committed videos
EVENTS = Asset("anyanomaly_events")  # among them are such with events
# Airflow emits every asset that a task declares; through an alias a task emits one only when there is something to say.
FOUND_EVENTS = AssetAlias("anyanomaly_found_events")

GPU_POOL = "gpu"
BACKFILL_POOL = "backfill"

# First match counts. What is wrong with a file, a rule or a setting is still wrong a minute later.
NOT_WORTH_A_RETRY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="anyanomaly_core.errors.BucketError",
            action=RetryAction.RETRY,
            reason="A store of objects may answer the next time.",
        ),
        RetryRule(
            exception=[
                "anyanomaly_core.errors.FootageError",
                "anyanomaly_core.errors.RuleError",
                "anyanomaly_core.errors.ConfigurationError",
                "anyanomaly_core.errors.ModelSetupError",
            ],
            action=RetryAction.FAIL,
            reason="Trying again cannot help; see the message.",
        ),
    ]
)
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "anyanomaly",
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "retry_policy": NOT_WORTH_A_RETRY,
    "pre_execute": refuse_unknown_fields,
}

_LONGEST_NAME = 250  # characters of a mapped task's name; PostgreSQL refuses longer ones, and the task fails
_ENDS = (_LONGEST_NAME - 1) // 2


def emit_news(outlet_events: Any, scores: dict[str, Any], events: dict[str, Any]) -> None:  # noqa: ANN401  (Airflow's)
    """Tell other DAGs that a run has committed scores, and of the events in them, if there are any."""
    outlet_events[SCORES].extra = scores
    if events["events"]:
        outlet_events[FOUND_EVENTS].add(EVENTS, extra=events)


def map_name(expression: str) -> str:
    """Template for the name of a mapped task; a name too long for Airflow's database loses its middle.

    Args:
        expression: of Jinja, such as ``unit['name']``.
    """
    shortened = f"{expression}[:{_ENDS}] ~ '…' ~ {expression}[-{_ENDS}:]"
    return f"{{{{ {expression} if {expression}|length <= {_LONGEST_NAME} else {shortened} }}}}"
