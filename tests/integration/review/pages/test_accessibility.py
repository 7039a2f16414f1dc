"""Every page in Chromium under axe-core, in both colour schemes, and judged with Tab and Enter alone."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import Engine, text

from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review import cases
from anyanomaly_core.review.app import create_app
from tests.conftest import TestDatabase
from tests.integration.review.kept_footage import Kept
from tests.integration.review.pages.pages_site import HeaderHost

# axe-core 4.14.1 of npm, MPL-2.0; its rules of WCAG 2.2 A and AA, and of good practice.
AXE = (Path(__file__).parents[3] / "data" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
_FINDINGS = """async () => (await axe.run()).violations
    .filter((found) => ["serious", "critical"].includes(found.impact))
    .map((found) => [found.id, ...found.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])"""


@pytest.fixture(scope="module")
def reviewer(kept: Kept, module_database: TestDatabase) -> Iterator[Engine]:  # noqa: ARG001
    engine = make_engine(module_database.url("reviewer"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def address(kept: Kept, reviewer: Engine) -> Iterator[str]:
    """The pages over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(HeaderHost(), reviewer, kept.settings)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine; Debian's package `chromium` has it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=address, color_scheme=request.param, extra_http_headers={"X-User": "anna/op"}
    )
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def test_no_page_has_a_serious_finding(page: Page, kept: Kept, reviewer: Engine) -> None:
    case = cases.open_case(reviewer, "a case", [kept.event_id], author="anna")
    paths = ["/queue", f"/event/{kept.event_id}", "/timeline", "/cases", f"/cases/{case}", "/rules"]
    paths.append(f"/event/{kept.event_id}/similar")
    for path in [
        *paths,
        "/rules/fall?quote=1",
        "/rules/_new",
        "/rules/fall/edit?threshold=0.95",
        "/alerts",
        "/runs?days=31",
        "/help",
        "/nowhere",
    ]:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate(AXE)
        assert page.evaluate(_FINDINGS) == [], path


def test_an_event_is_judged_with_tab_and_enter(page: Page, kept: Kept) -> None:
    page.goto("/queue")
    button = page.get_by_role("button", name="No", exact=False).first
    for _ in range(40):
        page.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#status .text")).to_contain_text("no: fall")
    with kept.engine.connect() as connection:
        newest = text("SELECT verdict FROM verdicts ORDER BY verdict_id DESC LIMIT 1")
        assert connection.execute(newest).scalar() == "false_alarm"
    page.keyboard.press("z")
    expect(page.locator("#status .text")).to_contain_text("Taken back")
