"""One real installation for all end-to-end tests: PostgreSQL, scheduler, dag-processor, api-server, a small archive."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_site import RULES, Site, make_archive

from anyanomaly_core.embedded import airflow, pipeline, services
from anyanomaly_core.embedded.installation import Installation

# Another profile, for work on the stack while the demo models are being trained anew.
PROFILE = os.environ.get("ANYANOMALY_E2E_PROFILE", "demo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Made once, scanned once; a path with a space, as somebody's checkout may have."""
    local = tmp_path_factory.mktemp("e2e with space")
    archive, rules = local / "archive", local / "rules"
    make_archive(archive)
    rules.mkdir()
    for name, text in RULES.items():
        (rules / f"{name}.yaml").write_text(text, encoding="utf-8")
    installation = Installation(local / "site")
    (local / "alerts.yaml").write_text("targets: {}\n", encoding="utf-8")
    folders = {"ARCHIVE_ROOT": str(archive), "RULES_DIR": str(rules), "EVALUATION_ROOT": str(local / "labelled")}
    folders["ALERTS"] = str(local / "alerts.yaml")
    installation.configure(
        {**folders, "PROFILE": PROFILE, "FAILURE_MAIL_TO": "night@example.org", "REPORT_FROM": "a@example.org"}
    )
    for name, role in (("vera", "viewer"), ("rita", "user"), ("olga", "op")):
        installation.add_user(name, role)
    os.environ["ANYANOMALY_LVLM_API_KEY"] = "planted-secret-5d41402abc4b"
    try:
        with pipeline.running_services(installation) as api:
            pipeline.apply(installation, rules)
            first = pipeline.ingest_and_scan(installation, api)
            yield Site(installation, api, archive, rules, first)
        assert not installation.postgres.is_running(), "what was started is stopped"
        assert not any(service.find() for service in airflow.services(installation))
        assert not services.is_up(installation)
    finally:
        del os.environ["ANYANOMALY_LVLM_API_KEY"]
        services.down(installation)
