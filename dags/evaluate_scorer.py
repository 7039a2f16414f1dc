"""Judge a profile on labelled footage: how well it finds what the labels say, class by class, and what helps.

The footage lies in a folder under the setting `evaluation_root`, with its labels beside it (`docs/evaluation.md` has
the plain layout and the public benchmarks' formats). Nothing of it is ingested and no rule is touched.

| What you get | Where |
|---|---|
| `report.html` with score curves over the labelled frames, `report.md`, `measures.csv` | the path `measure` returns |
| the figures | the view `evaluation_list`; two scorers: the ready query `scorers_compared_on_labels` |

The *honest* figures never looked at a label. The *reference* ones chose smoothing and weights on the test labels, as
the paper does: compare them with published tables only.

Clear a task to try again; what was scored before is taken over.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, ExceptionRetryPolicy, Param, RetryAction, RetryRule, get_current_context, task

# What is wrong with labels, a profile or a setting is still wrong a minute later.
NOT_WORTH_A_RETRY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=["anyanomaly_core.errors.ConfigurationError"],
            action=RetryAction.FAIL,
            reason="Trying again cannot help; see the message.",
        )
    ]
)

with DAG(
    dag_id="evaluate_scorer",
    dag_display_name="Evaluate scorer",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    tags=["anyanomaly", "by hand"],
    params={
        "archive": Param(
            None,
            type="string",
            minLength=1,
            title="Labelled archive",
            description="Folder under the setting evaluation_root that holds the footage and its labels.",
        ),
        "label_format": Param(
            "auto",
            enum=["auto", "plain", "cvad", "avenue", "npy", "ucsd", "ucf-crime", "xd-violence", "manifest"],
            title="Label format",
            description="auto: by what lies in the folder.",
        ),
        "classes": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Classes",
            description="One class of the labels a line; empty: all. What shows another class counts as normal.",
        ),
        "profile": Param(
            None,
            type=["null", "string"],
            title="Profile",
            description="Models and parameters to judge: a built-in name or a YAML file; empty: the installation's.",
        ),
        "ablate": Param(
            ["contexts", "weights", "smoothing"],
            type="array",
            items={"type": "string"},
            title="Ablations",
            description="One group a line: contexts, weights, smoothing (these cost nothing), scales, lengths, "
            "strategies, static, cascade, prompts, readouts, scorers (each scores the footage again).",
        ),
    },
):

    @task(retries=1, retry_delay=timedelta(seconds=20), retry_policy=NOT_WORTH_A_RETRY)
    def plan_evaluation() -> list[dict[str, Any]]:
        """Read the labels, find their footage, and pack the videos into parts."""
        from tasks.evaluate import plan_evaluation

        params = get_current_context()["params"]
        return plan_evaluation(
            archive=params["archive"],
            label_format=params["label_format"],
            classes=params["classes"],
            profile=params["profile"],
            ablate=params["ablate"],
        )

    @task(
        pool="gpu",
        retries=2,
        retry_delay=timedelta(seconds=20),
        retry_exponential_backoff=True,
        retry_policy=NOT_WORTH_A_RETRY,
        map_index_template="{{ part['name'] }}",
        doc_md="Score some videos under every variant; work that an interrupted try had finished is taken over.",
    )
    def score_part(part: dict[str, Any]) -> dict[str, int]:  # noqa: D103
        from tasks.evaluate import score_part

        return score_part(part)

    @task(pool="gpu", retries=1, retry_delay=timedelta(seconds=20), retry_policy=NOT_WORTH_A_RETRY)
    def measure(parts: list[dict[str, Any]]) -> dict[str, Any]:
        """Compute all figures and intervals, write the report, keep the figures in the database."""
        from tasks.evaluate import measure

        return measure(parts, run_name=get_current_context()["run_id"])

    planned = plan_evaluation()
    score_part.expand(part=planned) >> measure(planned)  # type: ignore[arg-type]  # Airflow hands over the results
