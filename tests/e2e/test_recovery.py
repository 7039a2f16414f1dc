"""A scan whose task is killed, and then its scheduler: Airflow goes on, and nothing is lost or done twice."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from small_site import DAY, RULES, Site, film, scoring_worker, settings_of
from test_main_job import rows

from anyanomaly_core.archive.maintenance import maintain
from anyanomaly_core.embedded import airflow, runs
from anyanomaly_core.embedded.postgres_users import read_passwords
from anyanomaly_core.embedded.processes import Service
from anyanomaly_core.results.engine import make_engine

FRAMES = 400
Found = TypeVar("Found")


def test_killed_task_and_killed_scheduler_lose_nothing(site: Site) -> None:
    film(site.archive / "gate-killed" / DAY / "09-00-00.mp4", FRAMES / 10, fps=10)
    ingest = site.api.trigger("ingest_archive", {})
    assert runs.follow(site.api, "ingest_archive", ingest, timeout_s=300).state == "success"
    scan = runs.run_started_by(site.api, "ingest_archive", ingest, "scan_archive")

    task = until(lambda: scoring_worker(site), "a task writes its journal")
    task.kill()
    until(lambda: (found := scoring_worker(site)) != task and found, "the task is tried again")
    scheduler = next(service for service in airflow.services(site.installation) if service.name == "scheduler")
    killed_and_started_again(site, scheduler)
    run = runs.follow(site.api, "scan_archive", scan, timeout_s=400)

    assert run.state == "success", run.failed()
    [instance] = [i for i in run.instances if i["task_id"] == "scan_unit"]
    assert instance["try_number"] == 3
    assert "taken over from an interrupted try" in site.api.task_log("scan_archive", scan, instance)
    found = rows(
        site,
        "SELECT rule, count(*), count(DISTINCT frame), count(score) FROM frame_scores"
        " WHERE camera = 'gate-killed' GROUP BY rule",
    )
    assert sorted(found) == [(rule, FRAMES, FRAMES, FRAMES) for rule in sorted(RULES)]
    assert rows(site, "SELECT DISTINCT attempts FROM coverage WHERE camera = 'gate-killed'") == [(1,)]
    settings = settings_of(site)
    engine = make_engine(settings.database_url.get_secret_value())
    maintain(engine, settings, apply=True, min_age_s=0)
    engine.dispose()
    assert list((site.installation.folder / "state" / "journal").iterdir()) == []
    assert [path for path in site.installation.parquet.rglob(".*") if path.is_file()] == []


def test_services_and_their_tasks_hold_no_password_of_an_owner(site: Site) -> None:
    """What the services are started with; a running worker's own block is overwritten by its process title."""
    environment = "\n".join(
        airflow.airflow_environment(site.installation, site.installation.last_api_port(), 3).values()
    )
    passwords = read_passwords(site.installation.postgres.password_file)
    held = {user for user, password in passwords.items() if password in environment}
    assert "scanner" in held
    assert held.isdisjoint({"postgres", "anyanomaly"})


def killed_and_started_again(site: Site, scheduler: Service) -> None:
    """SIGKILL to the scheduler alone; starting it again ends the workers that it left."""
    process = scheduler.find()
    assert process is not None
    process.kill()
    process.wait(10)
    variables = airflow.airflow_environment(site.installation, site.installation.last_api_port(), 3)
    airflow.start(scheduler, site.installation, variables)


def until(probe: Callable[[], Found], what: str, timeout_s: float = 120) -> Any:  # noqa: ANN401
    deadline = time.monotonic() + timeout_s
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)
    return found
