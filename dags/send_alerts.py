"""Send the alerts that wait: those whose target was away when their event was found.

A scan sends alerts itself, as soon as a video is committed. What it could not deliver stays in the outbox and is tried
here, every ten minutes where `ANYANOMALY_ALERTS` names a file of targets, otherwise never. Addresses and secrets are
Airflow connections.

| What you see | What it means |
|---|---|
| *postponed* in the result | a target is away and rests, for half a minute up to an hour; the log says why |
| *refused* | a target will not take an alert, however often it is tried; `anyanomaly alerts list` has the reason |
| a run with *Test* failed | the target of the test did not take it; the log says why |
"""

from airflow.sdk import DAG, Param, get_current_context, task

from tasks.wiring.alerts import airflow_connection, alert_schedule
from tasks.wiring.defaults import DEFAULT_ARGS
from tasks.wiring.failure_mail import failure_mail

with DAG(
    dag_id="send_alerts",
    dag_display_name="Send alerts",
    doc_md=__doc__,
    schedule=alert_schedule(),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly"],
    params={
        "test": Param(
            None,
            type=["null", "string"],
            title="Test",
            description="Name of a target that is sent a made-up alert, and nothing else; empty: send what waits.",
        ),
    },
):

    @task(retries=0)
    def send() -> dict[str, int]:
        """Send every alert that is due, target by target; a target that fails keeps its alerts and rests."""
        from tasks.alerts import send_alerts

        return send_alerts(airflow_connection, test=get_current_context()["params"]["test"])

    send()
