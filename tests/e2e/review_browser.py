"""A real browser over the real Airflow, and events to look at."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from small_site import DAY, Site
from sqlalchemy import text

from anyanomaly_core.embedded.installation import read_private
from anyanomaly_core.results.engine import make_engine

HOSTILE = (
    "<script>document.title='owned';alert(1)</script><img src=x onerror=\"alert(2)\"><svg onload=alert(3)>"
    "{{ 7*7 }} \u202egpj.exe \u200f" + "A" * 1_000_000
)
PAGES = "/anyanomaly"

_EVENTS = text("""
    INSERT INTO events
    SELECT gen_random_uuid(), rv.rule_version_id, v.video_id, u.scorer_id, v.camera_id, 10, 35,
           v.recorded_at + interval '0.4 s', v.recorded_at + interval '1.44 s', (0.99 - 0.002 * n)::real, 20,
           v.recorded_at + interval '0.8 s', 0.7, 0, 'a person running',
           CASE n WHEN 0 THEN :hostile ELSE 'Somebody runs, number ' || n END
    FROM generate_series(0, :many - 1) AS n, videos v, rules r
    JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    JOIN units u USING (scoring_id)
    WHERE r.name = 'somebody-runs' AND v.uri = :uri AND u.video_id = v.video_id AND u.is_current""")


def add_events(site: Site, many: int) -> None:
    """Events over a file that is there, in place of those found; the first one's reason is hostile."""
    engine = make_engine(site.installation.postgres.url("anyanomaly"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM verdicts"))
        connection.execute(text("DELETE FROM events"))
        uri = f"gate-north/{DAY}/10-00-00.mp4"
        connection.execute(_EVENTS, {"hostile": HOSTILE, "many": many, "uri": uri})
    engine.dispose()


def verdicts(site: Site) -> list[tuple[Any, ...]]:
    """(rationale's beginning, verdict, reviewer, note) of every judged event, highest first."""
    engine = make_engine(site.installation.postgres.url("anyanomaly", "reader"))
    query = """SELECT left(rationale, 30), verdict, reviewer, note FROM event_list
               WHERE verdict IS NOT NULL ORDER BY peak_score DESC"""
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def token_of(site: Site, user: str) -> str:
    """What Airflow gives a user for name and password."""
    password = read_private(site.installation.airflow_passwords)[user]
    answer = httpx.post(f"{site.api.address}/auth/token", json={"username": user, "password": password}, timeout=30)
    return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by playwright."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine; Debian's package `chromium` has it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page whose every request, dialog and complaint is remembered."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)

    def _said(self, message: ConsoleMessage) -> None:
        place = message.location.get("url", "")
        is_gone = "/video/" in place and "404" in message.text  # another test has removed the file
        gone = "attention.png" in place or is_gone  # the first is not made yet
        if message.type == "error" and not gone:
            self.complaints.append(message.text)

    def until(self, holds: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait for something that playwright cannot wait for itself: the pages forbid code made from text."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, "it never happened"
            self.page.wait_for_timeout(50)

    def shot(self, name: str, *, full_page: bool = False) -> None:
        """A picture for people, where ANYANOMALY_SCREENSHOTS says a folder."""
        if folder := os.environ.get("ANYANOMALY_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=full_page)


@contextmanager
def logged_in(browser: Browser, site: Site, user: str | None, *, phone: bool = False) -> Iterator[Watched]:
    """A window of its own, with Airflow's cookie of a user."""
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
    context = browser.new_context(base_url=site.api.address, viewport=size)  # type: ignore[arg-type]
    if user is not None:
        token = token_of(site, user) if "." not in user else user  # a token has dots, a user here has none
        context.add_cookies([{"name": "_token", "value": token, "url": site.api.address}])
    context.set_default_timeout(20_000)
    yield Watched(context.new_page())
    context.close()
