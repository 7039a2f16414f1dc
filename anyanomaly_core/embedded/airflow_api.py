"""A small client of Airflow's REST API: what a person would do in its pages, with the same password."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from anyanomaly_core.errors import AnyAnomalyError

# The api-server is one process and builds parts of itself at their first use, which takes long on a busy machine.
_TIMEOUT_S = 180.0


class AirflowError(AnyAnomalyError):
    """Airflow did not answer, or refused."""


class AirflowApi:
    """Speaks to one api-server on this machine."""

    def __init__(self, address: str, password: str, user: str = "admin") -> None:
        """``address`` without a path, such as ``http://127.0.0.1:8080``; logs in at the first call that needs it."""
        self.address = address
        self._login = {"username": user, "password": password}
        self._token: str | None = None
        # Never through the proxy that the environment may name: the server is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def health(self) -> dict[str, str]:
        """Status of ``metadatabase``, ``scheduler`` and ``dag_processor``: healthy, unhealthy or unknown."""
        found = self._send("GET", "/api/v2/monitor/health", token=False)
        return {part: str((state or {}).get("status") or "unknown") for part, state in found.items()}

    def warm_up(self) -> None:
        """Have the api-server build the part that tasks report to; otherwise the first task waits for that."""
        self._send("GET", "/execution/health", token=False)

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG as Airflow knows it, or None while it does not."""
        return self._get_or_none(f"/api/v2/dags/{quote(dag_id)}")

    def import_errors(self) -> list[str]:
        """Why DAG files could not be read, each with its file name."""
        found = self._send("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip()}" for error in found]

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Create the pool unless it exists; a size that somebody chose is kept."""
        if self._get_or_none(f"/api/v2/pools/{quote(name)}") is None:
            body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
            self._send("POST", "/api/v2/pools", body)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._send("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self._send("GET", f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}")["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Every task instance of a run, mapped ones included."""
        path = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            page = self._send("GET", f"{path}?{urlencode({'limit': 100, 'offset': len(found)})}")
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def active_runs(self, dag_id: str) -> list[str]:
        """Ids of the runs of a DAG that are running now."""
        found = self._send("GET", f"/api/v2/dags/{dag_id}/dagRuns?state=running")
        return [run["dag_run_id"] for run in found["dag_runs"]]

    def runs_started_by(self, dag_id: str, run_id: str) -> list[tuple[str, str]]:
        """(DAG, run) pairs that the assets of this run have started so far."""
        query = urlencode({"source_dag_id": dag_id, "source_run_id": run_id})
        events = self._send("GET", f"/api/v2/assets/events?{query}")["asset_events"]
        return sorted({(run["dag_id"], run["run_id"]) for event in events for run in event["created_dagruns"]})

    def task_log(self, dag_id: str, run_id: str, instance: dict[str, Any]) -> str:
        """What a task instance's last try wrote."""
        return "\n".join(str(entry.get("event", "")) for entry in self.log_entries(dag_id, run_id, instance))

    def log_entries(self, dag_id: str, run_id: str, instance: dict[str, Any]) -> list[dict[str, Any]]:
        """The log as Airflow keeps it: ``event``, ``level``, ``logger``; and ``error_detail`` of an exception."""
        path = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances/{instance['task_id']}"
        query = urlencode({"map_index": instance["map_index"], "full_content": "true"})
        found = self._send("GET", f"{path}/logs/{max(1, instance['try_number'])}?{query}")
        return [entry if isinstance(entry, dict) else {"event": entry} for entry in found["content"]]

    def _get_or_none(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._send("GET", path)
        except AirflowError as error:
            if " 404" in str(error):
                return None
            raise
        return found

    def _send(self, method: str, path: str, body: object = None, *, token: bool = True) -> Any:  # noqa: ANN401 - JSON
        if token and self._token is None:
            self._token = self._send("POST", "/auth/token", self._login, token=False)["access_token"]
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data=data, headers=headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            what = error.read(500).decode(errors="replace")
            raise AirflowError(f"Airflow answered {error.code} to {method} {path.partition('?')[0]}: {what}") from None
        except OSError as error:
            raise AirflowError(f"Airflow at {self.address} does not answer ({error}).") from None
