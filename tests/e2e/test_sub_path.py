"""Airflow below a path, as behind a reverse proxy: a second api-server over the same database, in Chromium."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect
from review_browser import PAGES, add_events, chromium
from small_site import Site

from anyanomaly_core.embedded import airflow
from anyanomaly_core.embedded.airflow_api import AirflowApi
from anyanomaly_core.embedded.installation import read_private
from anyanomaly_core.embedded.ports import free_port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def below(site: Site) -> Iterator[Site]:
    """The same site under ``/airflow``."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/airflow"
    variables = airflow.airflow_environment(site.installation, port, 1) | {"AIRFLOW__API__BASE_URL": address}
    command = [sys.executable, "-m", "airflow", "api-server"]
    with (site.installation.logs / "api-server-below.log").open("w") as log:
        server = subprocess.Popen(command, env=variables, cwd=site.installation.folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 180
        while not _answers(f"{address}/api/v2/monitor/health"):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield dataclasses.replace(site, api=AirflowApi(address, site.installation.admin_password))
    finally:
        server.terminate()
        server.wait(60)


def test_login_pages_links_and_runs_stay_below_the_path(below: Site, browser: Browser) -> None:
    add_events(below, 3)
    root = below.api.address
    context = browser.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{root}{PAGES}/queue?rule=somebody-runs")
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill("rita")
    page.locator("input[type=password]").fill(read_private(below.installation.airflow_passwords)["rita"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{root}{PAGES}/queue?rule=somebody-runs")
    expect(page.locator(".event").first).to_be_visible(timeout=30_000)

    page.goto(f"{root}/")
    page.get_by_role("link", name="Review").first.click()
    frame = page.frame_locator("iframe")
    expect(frame.locator(".event").first).to_be_visible(timeout=30_000)
    icon = page.get_by_role("link", name="Review").first.locator("img")
    assert icon.evaluate("image => image.naturalWidth") > 0
    frame.get_by_role("link", name="Runs", exact=True).click()
    frame.locator("tbody a", has_text="scan_archive").first.click()
    page.wait_for_url(f"{root}/dags/scan_archive/runs/**")

    page.goto(f"{root}{PAGES}/rules/a-car")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".status")).to_contain_text("change_rule_state is", timeout=30_000)
    follow = page.locator(".status a")
    assert str(follow.get_attribute("href")).startswith("/airflow/dags/change_rule_state/runs/")
    page.get_by_role("link", name="Rules", exact=True).first.click()
    page.wait_for_url(f"{root}{PAGES}/rules")
    below.api.trigger("change_rule_state", {"rule": "a-car", "state": "active"})
    context.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
