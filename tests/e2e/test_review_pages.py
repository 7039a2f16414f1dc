"""The review pages in Chromium, inside the real Airflow, as people with and without rights meet them."""

import base64
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect
from review_browser import PAGES, add_events, chromium, logged_in, token_of, verdicts
from small_site import Site

from anyanomaly_core.embedded import report
from anyanomaly_core.embedded.installation import read_private

MANY = 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(autouse=True)
def events(site: Site) -> None:
    add_events(site, MANY)


def status(site: Site, path: str, cookie: str = "", **more: str) -> int:
    headers = {"Cookie": cookie, **more} if cookie else more
    return httpx.get(f"{site.api.address}{PAGES}{path}", headers=headers, timeout=60).status_code


def forged(site: Site) -> list[str]:
    """Airflow's own token with another role and the old signature, one without a signature, and nonsense."""
    head, body, signature = token_of(site, "vera").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    better = base64.urlsafe_b64encode(json.dumps({**claims, "role": "admin"}).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return [f"{head}.{better}.{signature}", f"{none}.{better}.", f"{head}.{body}.{'A' * len(signature)}", "x"]


def test_nobody_gets_in_without_airflows_login(site: Site, browser: Browser) -> None:
    [(event,)] = report.query(site.installation, "SELECT event_id::text FROM event_list LIMIT 1")[1]
    paths = ["/", "/queue", f"/event/{event}", f"/event/{event}/clip.mp4", f"/event/{event}/thumbnail.jpg", "/timeline"]
    paths += ["/rules", "/rules/somebody-runs", "/runs", "/labels.csv", "/static/review.js"]
    for path in paths:
        assert status(site, path) == 401, path
        for token in forged(site):
            assert status(site, path, f"_token={token}") in {401, 403}, path
            assert status(site, path, Authorization=f"Bearer {token}") in {401, 403}, path
    with logged_in(browser, site, None) as window:
        window.page.goto(f"{PAGES}/queue?rule=somebody-runs")
        assert "Somebody runs" not in window.page.content()
        window.page.get_by_role("link", name="Log in").click()
        window.page.get_by_label("Username").fill("rita")
        window.page.locator("input[type=password]").fill(read_private(site.installation.airflow_passwords)["rita"])
        window.page.get_by_role("button", name="Sign in").click()
        window.page.wait_for_url(f"**{PAGES}/queue?rule=somebody-runs")
        expect(window.page.locator(".event").first).to_be_visible()


def test_a_reader_looks_but_does_not_judge(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "vera") as window:
        page = window.page
        page.goto(f"{PAGES}/queue?repeats=single")
        expect(page.locator(".event")).to_have_count(48)
        assert page.locator(".judge").count() == 0
        page.keyboard.press("y")
        answer = page.evaluate(
            """async ([address]) => {
                const event = document.querySelector(".event").dataset.event;
                const body = new URLSearchParams({event, verdict: "real"});
                return (await fetch(address, {method: "POST", body})).status;
            }""",
            [f"{PAGES}/verdict"],
        )
        assert answer == 403
        page.goto(f"{PAGES}/rules/somebody-runs?quote=1")
        assert page.get_by_role("button", name="Pause").count() == 0
    assert verdicts(site) == []


def test_it_is_in_airflows_navigation(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "rita") as window:
        window.page.goto("/")
        window.page.get_by_role("link", name="Review").first.click()
        frame = window.page.frame_locator("iframe")
        expect(frame.locator(".event").first).to_be_visible()
        window.shot("in-airflow")
        frame.get_by_role("link", name="Runs", exact=True).click()
        frame.locator("tbody a", has_text="scan_archive").first.click()
        window.page.wait_for_url("**/dags/scan_archive/runs/**")  # the page around the frame, not the frame


def test_two_hundred_events_are_judged_by_keys(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "rita") as window:
        page = window.page
        page.goto(f"{PAGES}/queue?verdict=any&repeats=single")
        started = time.monotonic()
        for number in range(MANY):
            page.keyboard.press("ynu"[number % 3])
            if number % 48 == 47 and number < MANY - 1:
                with page.expect_navigation():  # the link waits for verdicts on their way
                    page.locator(".pager .next").click()
                expect(page.locator(".event").first).to_be_focused()
        expect(page.locator(".judge.htmx-request")).to_have_count(0)
        took = time.monotonic() - started
        assert took < 60, f"{took:.0f} s for {MANY} events"
        assert not window.complaints
    said = verdicts(site)
    assert len(said) == MANY
    words = ("real", "false_alarm", "unsure")
    assert [verdict for _, verdict, _, _ in said] == [words[n % 3] for n in range(MANY)]
    assert {who for _, _, who, _ in said} == {"rita"}


def test_note_undo_and_back_by_keys(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "rita") as window:
        page = window.page
        page.goto(f"{PAGES}/queue?repeats=single")
        cards = page.locator(".event")
        page.keyboard.press("j")
        expect(cards.nth(1)).to_be_focused()
        page.keyboard.press("m")
        page.keyboard.type("yes no unsure")  # letters in a note are no verdicts
        page.keyboard.press("Enter")
        expect(cards.nth(1)).to_be_focused()
        page.keyboard.press("y")
        expect(cards.nth(2)).to_be_focused()
        expect(page.locator(".status .text")).to_contain_text("yes: somebody-runs")
        page.keyboard.press("n")
        expect(page.locator(".status .text")).to_contain_text("no: ")
        expect(page.locator("#left")).to_have_text(str(MANY - 2))
        page.wait_for_load_state("networkidle")
        window.shot("queue-judged")
        page.keyboard.press("z")
        expect(cards.nth(2)).to_have_attribute("data-verdict", "")
        expect(page.locator(".status .text")).to_contain_text("Before that: yes: somebody-runs")
        expect(page.locator("#left")).to_have_text(str(MANY - 1))
        expect(cards.nth(2)).to_be_focused()
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_url("**/event/**")
        assert "yes no unsure" in page.content()
        page.keyboard.press("Escape")
        page.wait_for_url("**/queue*")
        assert not window.complaints
    assert [row[1:] for row in verdicts(site)] == [("real", "rita", "yes no unsure")]


def test_clip_plays_with_the_playhead_on_the_curve(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "rita") as window:
        page = window.page
        page.goto(f"{PAGES}/queue?repeats=single")
        page.locator(".event").nth(1).locator(".picture").click()
        video = page.locator("#clip")
        window.until(lambda: video.evaluate("v => v.readyState") >= 2)
        length = video.evaluate("v => v.duration")
        values = json.loads(page.locator("#curve").get_attribute("data-values") or "{}")
        shown = float(values["length_s"])
        assert length == pytest.approx(shown, abs=0.15), "the curve and the clip have the same seconds"
        box = page.locator("#curve .u-over").bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
        assert video.evaluate("v => v.currentTime") == pytest.approx(shown / 2, abs=0.05)
        before = float(page.locator("#playhead").get_attribute("data-second") or 0)
        assert before == pytest.approx(shown / 2, abs=0.05)
        page.locator("h1").click()
        page.keyboard.press(" ")
        window.until(lambda: float(page.locator("#playhead").get_attribute("data-second") or 0) > before)
        page.keyboard.press("y")
        page.wait_for_url("**given=*")
        expect(page.locator(".status")).to_be_visible()
        assert not window.complaints
        window.shot("event", full_page=True)


def test_hostile_reasons_stay_text(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "rita") as window:
        page = window.page
        page.goto(f"{PAGES}/queue?repeats=single")
        expect(page.locator(".event").first.locator(".reason")).to_contain_text("<script>document.title")
        page.wait_for_load_state("networkidle")
        page.locator(".event").first.locator(".picture").click()
        expect(page.locator("blockquote")).to_contain_text("{{ 7*7 }} [U+202E]gpj.exe")
        page.wait_for_load_state("networkidle")
        assert page.title() != "owned"
        assert not window.complaints
        assert window.hosts == {site.api.address.removeprefix("http://")}, "no other host is ever asked"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pages_fit_a_phone(site: Site, browser: Browser) -> None:
    with logged_in(browser, site, "rita", phone=True) as window:
        for path in (
            "/queue",
            "/timeline",
            "/rules",
            "/rules/somebody-runs?quote=1",
            "/rules/somebody-runs/edit",
            "/runs",
        ):
            window.page.goto(f"{PAGES}{path}", wait_until="networkidle")
            width = window.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390, (path, width)
            if path == "/timeline":  # lanes are drawn and fit
                lanes = window.page.locator("#lanes .vis-group").first.bounding_box()
                assert lanes
                assert lanes["x"] + lanes["width"] <= 390
            window.shot("phone-" + path.strip("/").split("/")[0].split("?")[0])
        assert not window.complaints


def test_without_javascript_one_reads_and_judges(site: Site, browser: Browser) -> None:
    context = browser.new_context(base_url=site.api.address, java_script_enabled=False)
    context.add_cookies([{"name": "_token", "value": token_of(site, "rita"), "url": site.api.address}])
    page = context.new_page()
    page.goto(f"{PAGES}/queue?repeats=single")
    page.locator(".event").nth(3).get_by_role("button", name="Unsure").click()
    expect(page.locator(".status")).to_contain_text("unsure: somebody-runs")
    assert [row[1] for row in verdicts(site)] == ["unsure"]
    page.get_by_role("button", name="Undo").click()
    assert verdicts(site) == []
    context.close()


def test_a_rule_is_paused_and_resumed_through_airflow(site: Site, browser: Browser) -> None:
    def state() -> str:
        [(found,)] = report.query(site.installation, "SELECT state::text FROM rules WHERE name = 'a-car'")[1]
        return str(found)

    with logged_in(browser, site, "rita") as window:
        for button, expected in (("Pause", "paused"), ("Activate", "active")):
            window.page.goto(f"{PAGES}/rules/a-car")
            window.page.get_by_role("button", name=button).click()
            expect(window.page.locator(".status")).to_contain_text("change_rule_state is")
            deadline = time.monotonic() + 90
            while state() != expected and time.monotonic() < deadline:
                time.sleep(0.5)
            assert state() == expected
        window.page.goto(f"{PAGES}/runs")
        row = window.page.locator("tr", has_text="change_rule_state").first
        expect(row).to_contain_text("rita")
        window.shot("runs", full_page=True)
        assert not window.complaints
