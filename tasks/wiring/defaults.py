"""The asset, pools and the arguments of every task."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule

from tasks.wiring.forms import refuse_unknown_fields

FOOTAGE = Asset("anyanomaly_footage")  # videos are registered and can be scanned

GPU_POOL = "gpu"
BACKFILL_POOL = "backfill"
# Past one machine each has workers of its own, so that ingest never waits behind scans; one machine has no queues.
CONTROL_QUEUE = "control"  # the default there
SCAN_QUEUE = "scan"
MOST_TASKS = 1000  # of a run at a time: pools and workers decide, not Airflow's sixteen
# A worker that dies, a restart of PostgreSQL, Redis or a model server: each costs a try. Bad footage fails at once, and
# its tries are counted apart, in the ledger.
OUTAGES = 5

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
# No DAG has a time-out: a run may wait long for a slot of a pool. Short tasks have one; what works through footage has
# none and ends itself when it makes no more progress (`stall_timeout_s`).
SHORT_TASK = timedelta(hours=1)
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "anyanomaly",
    "execution_timeout": SHORT_TASK,
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "retry_policy": NOT_WORTH_A_RETRY,
    "pre_execute": refuse_unknown_fields,
}

_LONGEST_NAME = 250  # characters of a mapped task's name; PostgreSQL refuses longer ones, and the task fails
_ENDS = (_LONGEST_NAME - 1) // 2


def map_name(expression: str) -> str:
    """Template for the name of a mapped task; a name too long for Airflow's database loses its middle.

    Args:
        expression: of Jinja, such as ``unit['name']``.
    """
    shortened = f"{expression}[:{_ENDS}] ~ '…' ~ {expression}[-{_ENDS}:]"
    return f"{{{{ {expression} if {expression}|length <= {_LONGEST_NAME} else {shortened} }}}}"
