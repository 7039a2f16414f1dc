"""The review pages over a real database, with a host that believes a header instead of Airflow's login."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from pydantic import SecretStr
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.testclient import TestClient

from anyanomaly_core.config import Settings
from anyanomaly_core.review.access import form_token
from anyanomaly_core.review.app import create_app
from anyanomaly_core.review.host import DagRun, FailedTask, Visitor

KEY = b"a key of the tests"


class HeaderHost:
    """``X-User: name/role``; the roles are those of Airflow's simple auth manager."""

    csrf_key = KEY
    login_path = "/login"
    logout_path = "/logout"
    installation = "Harbour"

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.state = "queued"  # of every run
        self.failed: tuple[FailedTask, ...] = ()
        self.result: object = None

    async def visitor(self, request: Request) -> Visitor:
        name, _, role = request.headers.get("x-user", "").partition("/")
        if not name:
            raise HTTPException(401, "Not authenticated")
        may_judge = role in {"user", "op"}
        return Visitor(name, may_judge or role == "viewer", may_judge, role, may_write_rules=role == "op")

    def may_start(self, visitor: Visitor, dag_id: str) -> bool:
        return visitor.principal in {"user", "op"} and dag_id != "forbidden"

    def start(self, visitor: Visitor, dag_id: str, given: Mapping[str, Any]) -> DagRun:
        self.started.append((visitor.name, dag_id, dict(given)))
        return self._run(dag_id, "manual__1")

    def find_run(self, visitor: Visitor, dag_id: str, run_id: str) -> DagRun | None:  # noqa: ARG002
        return self._run(dag_id, run_id) if run_id else None

    def result_of(self, visitor: Visitor, run: DagRun, task_id: str) -> object:  # noqa: ARG002
        return self.result

    def recent_runs(self, visitor: Visitor, since: datetime) -> Sequence[DagRun]:  # noqa: ARG002
        return [self._run("scan_archive", "scheduled__1")]

    def _run(self, dag_id: str, run_id: str) -> DagRun:
        return DagRun(dag_id, run_id, self.state, None, None, "somebody", f"/dags/{dag_id}/runs/{run_id}", self.failed)


def settings_of(folder: Path, url: str) -> Settings:
    return Settings(
        archive_root=str(folder),
        database_url=SecretStr(url),
        parquet_root=folder / "parquet",
        state_dir=folder / "state",
    )


def client_of(engine: Engine, folder: Path, host: HeaderHost | None = None, user: str = "anna/user") -> TestClient:
    """A browser of one person, who follows no redirect by itself."""
    app = create_app(host or HeaderHost(), engine, settings_of(folder, "postgresql+psycopg2://nowhere"))
    headers = {"x-user": user} if user else {}
    return TestClient(app, headers=headers, follow_redirects=False)


def token(name: str = "anna") -> str:
    return form_token(KEY, name)
