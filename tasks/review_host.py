"""Airflow as the host of the review pages: its login, its permissions, its runs.

Who may read runs of the DAG ``scan_archive`` may look; who may start them may give verdicts; who may start runs of
another DAG may do so from the pages. With Airflow's simple auth manager: viewers look, users and above judge and start.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.app import get_auth_manager, get_cookie_path
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from starlette.requests import Request

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.host import FailedTask, Run, Visitor

JUDGED = "scan_archive"
MOST_RUNS = 60
_FAILED = ("failed", "upstream_failed")


class AirflowHost:
    """What the pages need of Airflow."""

    @property
    def csrf_key(self) -> bytes:
        """Airflow's own secret, the same in every api-server."""
        return get_signing_key("api", "secret_key").encode()

    @property
    def login_path(self) -> str:
        """Leads to the login page of whichever auth manager there is."""
        return f"{get_cookie_path()}api/v2/auth/login"

    async def visitor(self, request: Request) -> Visitor:
        """Whoever Airflow says it is; 401 without a login, 403 for a token that is not Airflow's."""
        user = await get_user(request, None, await bearer_scheme(request))
        return Visitor(user.get_name(), _may(user, JUDGED, "GET"), _may(user, JUDGED, "POST"), user)

    def may_start(self, visitor: Visitor, dag_id: str) -> bool:
        """Whether the visitor may start runs of this DAG."""
        return _may(_user(visitor), dag_id, "POST")

    def start(self, visitor: Visitor, dag_id: str, given: Mapping[str, Any]) -> Run:
        """Start a run in the visitor's name; raises StorageError when Airflow does not."""
        if not self.may_start(visitor, dag_id):
            raise StorageError(f"Your account may not start runs of {dag_id}.")
        try:
            with create_session() as session:
                model = session.get(DagModel, dag_id)
                if model is None or model.is_stale:
                    raise StorageError(f"There is no DAG {dag_id} in this Airflow.")
                if model.is_paused:
                    raise StorageError(f"The DAG {dag_id} is switched off in Airflow; switch it on first.")
            run = trigger_dag(
                dag_id,
                triggered_by=DagRunTriggeredByType.UI,
                triggering_user_name=visitor.name,
                conf=dict(given),
            )
        except (DagNotFound, DagRunAlreadyExists, ParamValidationError, ValueError) as error:
            raise StorageError(f"Airflow does not start {dag_id}: {error}") from None
        if run is None:
            raise StorageError(f"Airflow did not start {dag_id}, without saying why.")
        return _run(run, ())

    def find_run(self, visitor: Visitor, dag_id: str, run_id: str) -> Run | None:
        """One run that the visitor may see."""
        if not run_id or not _may(_user(visitor), dag_id, "GET"):
            return None
        with create_session() as session:
            run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            return None if run is None else _run(run, ())

    def recent_runs(self, visitor: Visitor, since: datetime) -> Sequence[Run]:
        """Runs of our DAGs that the visitor may see, newest first, with the tasks that failed."""
        with create_session() as session:
            ours = session.scalars(select(DagTag.dag_id).where(DagTag.name == "anyanomaly")).all()
            visible = [dag_id for dag_id in ours if _may(_user(visitor), dag_id, "GET")]
            recent = select(DagRun).where(DagRun.dag_id.in_(visible), DagRun.run_after >= since)
            runs = session.scalars(recent.order_by(DagRun.run_after.desc()).limit(MOST_RUNS)).all()
            return [_run(run, _failed_tasks(session, run) if run.state == "failed" else ()) for run in runs]


def _failed_tasks(session: Any, run: DagRun) -> tuple[FailedTask, ...]:  # noqa: ANN401  (Session)
    t = TaskInstance
    mine = select(t).where(t.dag_id == run.dag_id, t.run_id == run.run_id, t.state.in_(_FAILED))
    rows = session.scalars(mine.order_by(t.state, t.task_id, t.map_index).limit(50)).all()
    return tuple(
        FailedTask(
            f"{row.task_id}: {row.rendered_map_index}" if row.rendered_map_index else row.task_id,
            str(row.state),
            f"{_run_url(run)}/tasks/{quote(row.task_id)}{f'/mapped/{row.map_index}' if row.map_index >= 0 else ''}",
        )
        for row in rows
    )


def _run(run: DagRun, failed: tuple[FailedTask, ...]) -> Run:
    by = run.triggering_user_name or str(run.run_type)
    state = str(getattr(run.state, "value", run.state))
    return Run(run.dag_id, run.run_id, state, run.start_date, run.end_date, by, _run_url(run), failed)


def _run_url(run: DagRun) -> str:
    return f"{get_cookie_path()}dags/{quote(run.dag_id)}/runs/{quote(run.run_id, safe='')}"


def _may(user: BaseUser, dag_id: str, method: Any) -> bool:  # noqa: ANN401  (Airflow's ResourceMethod)
    team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team") else None
    details = DagDetails(id=dag_id, team_name=team)
    return get_auth_manager().is_authorized_dag(
        method=method, user=user, access_entity=DagAccessEntity.RUN, details=details
    )


def _user(visitor: Visitor) -> Any:  # noqa: ANN401  (BaseUser)
    return visitor.principal
