"""What the review pages need of the program that shows them: who is looking, and its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in, and what the host lets them do here."""

    name: str
    may_look: bool
    may_judge: bool
    principal: object  # the host's own user, handed back to it
    may_write_rules: bool = False  # and send test alerts


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task of a run that failed."""

    name: str
    state: str
    url: str  # where its log is
    reason: str = ""  # the exception's words; empty: there was none, or nobody looked


@dataclass(frozen=True, slots=True)
class DagRun:
    """A run of one of our DAGs."""

    dag_id: str
    run_id: str
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    by: str  # who or what started it
    url: str
    failed: tuple[FailedTask, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in {"success", "failed"}


class Host(Protocol):
    """The program around the pages; ``tasks/review_plugin.py`` is Airflow's."""

    @property
    def csrf_key(self) -> bytes:
        """Secret that every process of the host shares."""

    @property
    def login_path(self) -> str:
        """Where one logs in, relative to the host's root; ``?next=`` is added."""

    @property
    def logout_path(self) -> str:
        """Where one logs out, relative to the host's root."""

    @property
    def installation(self) -> str:
        """What this installation is called; empty: it has no name."""

    async def visitor(self, request: Request) -> Visitor:
        """Who sends this request; raises HTTPException 401 without a login, 403 for a token that is not ours."""

    def may_start(self, visitor: Visitor, dag_id: str) -> bool:
        """Whether the visitor may start runs of this DAG."""

    def start(self, visitor: Visitor, dag_id: str, given: Mapping[str, Any]) -> DagRun:
        """Start a run; raises StorageError when the DAG is not to be had or refuses the configuration."""

    def find_run(self, visitor: Visitor, dag_id: str, run_id: str) -> DagRun | None:
        """One run that the visitor may see, with the tasks that failed; None: there is no such."""

    def result_of(self, visitor: Visitor, run: DagRun, task_id: str) -> Any | None:  # noqa: ANN401  (any JSON)
        """What a task of a run returned, as JSON; None: nothing, or not yet."""

    def recent_runs(self, visitor: Visitor, since: datetime) -> Sequence[DagRun]:
        """Runs of our DAGs that the visitor may see, newest first."""
