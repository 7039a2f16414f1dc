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

from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS, GPU_POOL, SCAN_QUEUE, map_name
from tasks.wiring.failure_mail import failure_mail

ABLATIONS = [
    "contexts",
    "weights",
    "smoothing",
    "scales",
    "lengths",
    "strategies",
    "prompts",
    "readouts",
    "answers",
    "reuse",
    "static",
    "cascade",
    "scorers",
]

with DAG(
    dag_id="evaluate_scorer",
    dag_display_name="Evaluate scorer",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "by hand"],
    params={
        "archive": Param(
            type="string",
            minLength=1,
            title="Labelled archive",
            description="Folder under the setting evaluation_root that holds the footage and its labels.",
        ),
        "label_format": Param(
            "auto",
            type=["null", "string"],
            enum=["auto", "plain", "cvad", "avenue", "npy", "ucsd", "ucf-crime", "xd-violence", "manifest"],
            title="Label format",
            description="auto: by what lies in the folder.",
        ),
        "classes": forms.names_field(
            "Classes", "Only these classes of the labels; empty: all. What shows another class counts as normal."
        ),
        "profile": forms.profile_field("Models and parameters to judge; empty: the installation's."),
        "ablate": Param(
            ["contexts", "weights", "smoothing"],
            type=["null", "array"],
            items={"type": "string"},
            examples=ABLATIONS,
            title="Ablations",
            description="Groups of variants. Contexts, weights and smoothing cost nothing, and are what empty means; "
            "each other group scores the footage again.",
        ),
    },
):

    @task
    def plan_evaluation() -> list[dict[str, Any]]:
        """Read the labels, find their footage, and pack the videos into parts."""
        from tasks.evaluate import plan_evaluation

        form = forms.filled_in(get_current_context())
        return plan_evaluation(
            archive=form["archive"],
            label_format=form["label_format"],
            classes=form["classes"],
            profile=form["profile"],
            ablate=form["ablate"],
        )

    @task(
        execution_timeout=None,
        pool=GPU_POOL,
        queue=SCAN_QUEUE,
        map_index_template=map_name("part['name']"),
        doc_md="Score some videos under every variant; work that an interrupted try had finished is taken over.",
    )
    def score_part(part: dict[str, Any]) -> dict[str, int]:  # noqa: D103
        from tasks.evaluate import score_part

        return score_part(part)

    @task(pool=GPU_POOL, execution_timeout=None)
    def measure(parts: list[dict[str, Any]]) -> dict[str, Any]:
        """Compute all figures and intervals, write the report, keep the figures in the database."""
        from tasks.evaluate import measure

        return measure(parts, run_name=get_current_context()["run_id"])

    planned = plan_evaluation()
    score_part.expand(part=planned) >> measure(planned)  # type: ignore[arg-type]  # Airflow hands over the results
