"""Who is told when a run of a DAG fails."""

from typing import TYPE_CHECKING

from anyanomaly_core.config import ReviewSettings

if TYPE_CHECKING:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

# Templates: Airflow fills them in when a run has failed. Whoever starts a run may choose its id, so it is escaped.
SUBJECT = "{{ dag.dag_display_name }} failed"
BODY = """\
<p>The run <b>{{ run_id | e }}</b> of <b>{{ dag.dag_id }}</b> failed ({{ reason | e }}).</p>
{% if ti is defined %}<p><a href="{{ ti.log_url | e }}">The log of its last task, {{ ti.task_id }}</a></p>{% endif %}
<p>Why its tasks failed stands on the page Runs of the review. What was scored is kept; clear the failed tasks to try
again.</p>
"""


def failure_mail() -> "SmtpNotifier | None":
    """What each DAG calls when a run of it has failed: one mail a run, however many tasks failed. None: nobody asked.

    Airflow's dag-processor calls it, so it also tells of runs whose tasks were killed.
    """
    settings = ReviewSettings()
    if settings.failure_mail_to is None:
        return None
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(
        to=settings.failure_mail_to,
        from_email=settings.report_from,
        smtp_conn_id=settings.report_connection,
        subject=SUBJECT,
        html_content=BODY,
    )
