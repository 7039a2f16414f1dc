"""Airflow as the host of the review pages: its login, its permissions, its runs.

Who may read runs of the DAG ``scan_archive`` may look; who may start them may give verdicts; who may start runs of
another DAG may do so from the pages; who may change Airflow's variables may write rules. With Airflow's simple auth
manager: viewers look, users and above judge and start, op and admin write rules.

Runs are asked of the api-server's REST API with the visitor's own token, so that Airflow decides what they may see and
start. Whether to offer a button is asked of the check that Airflow's own routes use.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager, get_cookie_path
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from airflow.configuration import conf
from airflow_client.client import ApiClient, Configuration
from airflow_client.client.api.dag_api import DAGApi
from airflow_client.client.api.dag_run_api import DagRunApi
from airflow_client.client.api.task_instance_api import TaskInstanceApi
from airflow_client.client.api.x_com_api import XComApi
from airflow_client.client.exceptions import ApiException
from airflow_client.client.models.dag_run_response import DAGRunResponse
from airflow_client.client.models.dag_runs_batch_body import DAGRunsBatchBody
from airflow_client.client.models.task_instance_response import TaskInstanceResponse
from airflow_client.client.models.task_instance_state import TaskInstanceState
from airflow_client.client.models.task_instances_batch_body import TaskInstancesBatchBody
from airflow_client.client.models.trigger_dag_run_post_body import TriggerDAGRunPostBody
from fastapi import HTTPException
from starlette.requests import Request
from urllib3.exceptions import HTTPError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.host import DagRun, FailedTask, Visitor

JUDGED = "scan_archive"
MOST_RUNS = 60
_MOST_FAILED = 500  # tasks of all these runs together
_MOST_EXPLAINED = 12  # whose logs are read for the reason, newest runs first
_FAILED = [TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED]
_TIMEOUT_S = (5.0, 60.0)  # to connect, to answer
_FORBIDDEN, _NOT_FOUND = 403, 404
# A page that waits for the api-server holds one of its threads, and the answer takes another: some must stay free.
_SLOTS = threading.BoundedSemaphore(8)


@dataclass(frozen=True, slots=True)
class _Principal:
    """A visitor as Airflow knows them."""

    user: BaseUser
    token: str
    request: Request


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

    @property
    def logout_path(self) -> str:
        """Ends the session with whichever auth manager there is."""
        return f"{get_cookie_path()}api/v2/auth/logout"

    @property
    def installation(self) -> str:
        """What Airflow's own pages are called: ``[api] instance_name``."""
        return str(conf.get("api", "instance_name", fallback="") or "")

    async def visitor(self, request: Request) -> Visitor:
        """Whoever Airflow says it is; 401 without a login, 403 for a token that is not Airflow's."""
        bearer = await bearer_scheme(request)
        user = await get_user(request, None, bearer)
        token = bearer.credentials if bearer else request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
        principal = _Principal(user, token, request)
        return Visitor(
            name=user.get_name(),
            may_look=_may(principal, JUDGED, "GET"),
            may_judge=_may(principal, JUDGED, "POST"),
            principal=principal,
            may_write_rules=get_auth_manager().is_authorized_variable(method="PUT", user=user),
        )

    def may_start(self, visitor: Visitor, dag_id: str) -> bool:
        """Whether the visitor may start runs of this DAG."""
        return _may(_principal(visitor), dag_id, "POST")

    def start(self, visitor: Visitor, dag_id: str, given: Mapping[str, Any]) -> DagRun:
        """Start a run in the visitor's name; raises StorageError when Airflow does not."""
        with _airflow(visitor) as client:
            try:
                if DAGApi(client).get_dag(dag_id, _request_timeout=_TIMEOUT_S).is_paused:
                    raise StorageError(f"The DAG {dag_id} is switched off in Airflow; switch it on first.")
                body = TriggerDAGRunPostBody(logical_date=None, conf=dict(given))
                return _run(DagRunApi(client).trigger_dag_run(dag_id, body, _request_timeout=_TIMEOUT_S))
            except ApiException as error:
                raise StorageError(_reason(error, dag_id)) from None

    def find_run(self, visitor: Visitor, dag_id: str, run_id: str) -> DagRun | None:
        """One run that the visitor may see."""
        if not dag_id or not run_id:
            return None
        with _airflow(visitor) as client:
            try:
                run = DagRunApi(client).get_dag_run(dag_id, run_id, _request_timeout=_TIMEOUT_S)
                failed = _failed_tasks(client, [run] if run.state == "failed" else [])
                return _run(run, failed.get((dag_id, run_id), ()))
            except ApiException as error:
                if error.status in {_FORBIDDEN, _NOT_FOUND}:
                    return None
                raise StorageError(_reason(error, dag_id)) from None

    def result_of(self, visitor: Visitor, run: DagRun, task_id: str) -> Any | None:  # noqa: ANN401  (any JSON)
        """What a task of a run returned; None: nothing, or not yet, or the visitor may not see it."""
        with _airflow(visitor) as client:
            try:
                found = XComApi(client).get_xcom_entry(
                    run.dag_id, task_id, run.run_id, "return_value", stringify=False, _request_timeout=_TIMEOUT_S
                )
            except ApiException as error:
                if error.status in {_FORBIDDEN, _NOT_FOUND}:
                    return None
                raise StorageError(_reason(error, run.dag_id)) from None
            return found.actual_instance.value if found.actual_instance is not None else None

    def recent_runs(self, visitor: Visitor, since: datetime) -> Sequence[DagRun]:
        """Runs of our DAGs that the visitor may see, newest first, with the tasks that failed."""
        with _airflow(visitor) as client:
            try:
                ours = DAGApi(client).get_dags(tags=["anyanomaly"], limit=100, _request_timeout=_TIMEOUT_S).dags
                if not ours:
                    return []
                wanted = DAGRunsBatchBody(
                    dag_ids=[dag.dag_id for dag in ours],
                    run_after_gte=since,
                    order_by="-run_after",
                    page_limit=MOST_RUNS,
                )
                runs = DagRunApi(client).get_list_dag_runs_batch("~", wanted, _request_timeout=_TIMEOUT_S).dag_runs
                failed = _failed_tasks(client, [run for run in runs if run.state == "failed"])
                return [_run(run, failed.get((run.dag_id, run.dag_run_id), ())) for run in runs]
            except ApiException as error:
                raise StorageError(_reason(error, "these DAGs")) from None


def _failed_tasks(client: ApiClient, runs: Sequence[DAGRunResponse]) -> dict[tuple[str, str], tuple[FailedTask, ...]]:
    """(DAG, run) -> tasks that failed, in the order of their names."""
    if not runs:
        return {}
    wanted = TaskInstancesBatchBody(
        dag_ids=sorted({run.dag_id for run in runs}),
        dag_run_ids=[run.dag_run_id for run in runs],
        state=list(_FAILED),
        page_limit=_MOST_FAILED,
    )
    found = TaskInstanceApi(client).get_task_instances_batch("~", "~", wanted, _request_timeout=_TIMEOUT_S)
    by_run: dict[tuple[str, str], tuple[FailedTask, ...]] = {}
    order = {run.dag_run_id: number for number, run in enumerate(runs)}
    tasks = sorted(
        found.task_instances, key=lambda t: (order.get(t.dag_run_id, 0), str(t.state), t.task_id, t.map_index)
    )
    explained = [task for task in tasks if task.state == TaskInstanceState.FAILED][:_MOST_EXPLAINED]
    for task in tasks:
        key = (task.dag_id, task.dag_run_id)
        reason = _exception_of(client, task) if task in explained else ""
        by_run[key] = (*by_run.get(key, ()), _failed_task(task, reason))
    return by_run


def _exception_of(client: ApiClient, task: TaskInstanceResponse) -> str:
    """The words of the exception that ended a task, from its log; empty without one, or without its log."""
    try:
        answer = TaskInstanceApi(client).get_log_without_preload_content(
            task.dag_id,
            task.dag_run_id,
            task.task_id,
            task.try_number,
            full_content=True,
            map_index=task.map_index,
            accept="application/json",
            _request_timeout=_TIMEOUT_S,
        )
        entries = json.loads(answer.data)["content"]
        raised = [entry["error_detail"] for entry in entries if isinstance(entry, dict) and entry.get("error_detail")]
        return str(raised[-1][0]["exc_value"])[:2000] if raised else ""
    except (ApiException, ValueError, KeyError, IndexError, TypeError):
        return ""


def _failed_task(task: TaskInstanceResponse, reason: str) -> FailedTask:
    mapped = f"/mapped/{task.map_index}" if task.map_index >= 0 else ""
    name = f"{task.task_id}: {task.rendered_map_index}" if task.rendered_map_index else task.task_id
    url = f"{_run_url(task.dag_id, task.dag_run_id)}/tasks/{quote(task.task_id)}{mapped}"
    return FailedTask(name, str(task.state.value if task.state else None), url, reason)


def _run(run: DAGRunResponse, failed: tuple[FailedTask, ...] = ()) -> DagRun:
    by = run.triggering_user_name or run.run_type.value
    url = _run_url(run.dag_id, run.dag_run_id)
    return DagRun(run.dag_id, run.dag_run_id, run.state.value, run.start_date, run.end_date, by, url, failed)


def _run_url(dag_id: str, run_id: str) -> str:
    return f"{get_cookie_path()}dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}"


@contextmanager
def _airflow(visitor: Visitor) -> Iterator[ApiClient]:
    """A client of the api-server, at the address that tasks report to, with the visitor's token."""
    public = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    address = conf.get("core", "execution_api_server_url", fallback=None) or f"{public}/execution/"
    settings = Configuration(
        host=address.rstrip("/").removesuffix("/execution"), access_token=_principal(visitor).token
    )
    settings.proxy = None  # never through one that the environment names
    with _SLOTS, ApiClient(settings) as client:
        try:
            yield client
        except HTTPError as error:
            raise StorageError(f"Airflow's api-server does not answer at {settings.host}: {error}") from None


def _reason(error: ApiException, what: str) -> str:
    """Why Airflow refused, in words."""
    if error.status == _FORBIDDEN:
        return f"Your account may not do this with {what}."
    if error.status == _NOT_FOUND:
        return f"There is no {what} in this Airflow."
    try:
        detail = json.loads(error.body or "")["detail"]
    except (ValueError, KeyError, TypeError):
        detail = error.reason
    return f"Airflow does not start {what}: {detail}"


def _may(principal: _Principal, dag_id: str, method: Literal["GET", "POST"]) -> bool:
    try:
        requires_access_dag(method, DagAccessEntity.RUN, dag_id)(principal.request, principal.user)
    except HTTPException as error:
        if error.status_code != _FORBIDDEN:
            raise
        return False
    return True


def _principal(visitor: Visitor) -> _Principal:
    assert isinstance(visitor.principal, _Principal)  # noqa: S101  (made here)
    return visitor.principal
