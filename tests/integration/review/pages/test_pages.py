"""The pages over a real database, as a browser without JavaScript sees them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from anyanomaly_core.display import MAX_CHARACTERS
from anyanomaly_core.results.engine import make_engine
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.review.pages.pages_site import HeaderHost, client_of, token

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202egpj.exe " + "A" * 1_000_000
_RUN = """
    WITH run AS (INSERT INTO scan_runs (kind, outcome, code_version) VALUES ('scan', 'done', '1') RETURNING run_id)
    UPDATE units SET run_id = run.run_id FROM run"""
NOTICE = "These scores mean something in tests only."
HOSTILE_NAME = 'gate/"><script>alert(3)</script>\u202emp4.mp4'


@pytest.fixture(scope="module")
def filled(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> TestDatabase:
    """A small archive; one event has a hostile reason, one video a hostile name."""
    scanner = make_engine(module_database.url())
    world.small_archive(scanner, tmp_path_factory.mktemp("parquet"))
    scanner.dispose()
    owner = make_engine(module_database.url("anyanomaly"))
    with owner.begin() as connection:
        connection.execute(text("UPDATE videos SET uri = :name WHERE uri = 'gate/2.mp4'"), {"name": HOSTILE_NAME})
        connection.execute(text("UPDATE scorers SET notice = :notice"), {"notice": NOTICE})
        connection.execute(text(_RUN))
        connection.execute(text("UPDATE videos SET recorded_at_source = 'modified, plus 5 s' WHERE uri LIKE 'yard%'"))
        newest = "(SELECT event_id FROM events ORDER BY peak_score DESC LIMIT 1)"
        connection.execute(
            text(f"UPDATE events SET rationale = :said, winning_text = :said WHERE event_id = {newest}"),  # noqa: S608
            {"said": HOSTILE},
        )
    owner.dispose()
    return module_database


@pytest.fixture
def reviewer(filled: TestDatabase) -> Iterator[Engine]:
    engine = make_engine(filled.url("reviewer"))
    yield engine
    engine.dispose()


@pytest.fixture
def browser(reviewer: Engine, tmp_path: Path) -> TestClient:
    return client_of(reviewer, tmp_path)


def events_in(page: str) -> list[str]:
    return re.findall(r'data-event="([0-9a-f-]{36})"', page)


def some_event(browser: TestClient) -> str:
    return events_in(browser.get("/queue?verdict=any&repeats=single").text)[0]


def judge(browser: TestClient, event: str, verdict: str, **more: str) -> TestClient:
    answer = browser.post("/verdict", data={"event": event, "verdict": verdict, "csrf": token(), **more})
    assert answer.status_code == 303, answer.text
    return answer


class Tags(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def routes(browser: TestClient) -> list[tuple[str, str]]:
    """Every method and address there is, with an event and a rule filled in."""
    found = []
    for route in browser.app.routes:  # type: ignore[attr-defined]
        for method in sorted(getattr(route, "methods", None) or {"GET"}):
            path = route.path.replace("{event_id}", str(uuid4())).replace("{name}", "fall").replace("{path:path}", "x")
            found.append((method, path))
    return found


@pytest.mark.parametrize(("user", "status"), [("", 401), ("mallory/none", 403)])
def test_no_route_answers_without_a_login_that_may_look(
    reviewer: Engine, tmp_path: Path, user: str, status: int
) -> None:
    stranger = client_of(reviewer, tmp_path, user=user)
    all_routes = routes(stranger)
    assert len(all_routes) >= 14
    for method, path in all_routes:
        answer = stranger.request(method, path)
        assert answer.status_code == status, (method, path)
        assert "person" not in answer.text


def test_who_may_only_look_sees_no_buttons_and_cannot_judge_or_start(reviewer: Engine, tmp_path: Path) -> None:
    host = HeaderHost()
    viewer = client_of(reviewer, tmp_path, host, user="vera/viewer")
    queue = viewer.get("/queue?verdict=any")
    assert queue.status_code == 200
    assert 'name="verdict" value="real"' not in queue.text
    event = events_in(queue.text)[0]
    csrf = token("vera")
    assert viewer.post("/verdict", data={"event": event, "verdict": "real", "csrf": csrf}).status_code == 403
    assert viewer.post("/undo", data={"verdict_id": "1", "csrf": csrf}).status_code == 403
    assert viewer.post("/rules/fall/backfill", data={"csrf": csrf}).status_code == 403
    assert viewer.post("/rules/fall/state", data={"state": "paused", "csrf": csrf}).status_code == 403
    assert not host.started


@pytest.mark.parametrize("forged", ["", "0" * 64, "é", "of another reader"])
def test_a_form_of_another_site_is_refused(browser: TestClient, reviewer: Engine, forged: str) -> None:
    if forged == "of another reader":  # made here, not as a parameter: it holds the time, and workers collect alike
        forged = token("somebody else")
    event = some_event(browser)
    answer = browser.post("/verdict", data={"event": event, "verdict": "real", "csrf": forged})
    assert answer.status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    answer = browser.post("/verdict", data={"event": event, "verdict": "real", "csrf": token()}, headers=cross)
    assert answer.status_code == 403
    with reviewer.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM verdicts")).scalar() == 0


def test_every_page_forbids_other_hosts_and_inline_code(browser: TestClient) -> None:
    event = some_event(browser)
    for path in (
        "/queue",
        f"/event/{event}",
        "/timeline",
        "/rules",
        "/rules/fall?quote=1",
        "/rules/fall/edit?threshold=0.7",
        "/rules/_new",
        "/alerts",
        f"/event/{event}/similar",
        "/runs",
        "/help",
        "/nowhere",
    ):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        tags = Tags(answer.text)
        assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
        assert not [v for n, v in tags.attributes if n in {"src", "href", "action"} and re.match(r"\w+:|//", v)]


def test_hostile_reasons_and_names_are_text(browser: TestClient) -> None:
    queue = browser.get("/queue?verdict=any")
    event = events_in(queue.text)[0]
    for path in ("/queue?verdict=any", f"/event/{event}", "/timeline", "/runs", "/rules/fall"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert len(answer.text) < 400_000, "a reason of a megabyte is cut"
        assert Tags(answer.text).elements.count("script") <= 4, "ours"
        assert "\u202e" not in answer.text
    page = browser.get(f"/event/{event}").text
    assert "&lt;script&gt;alert(1)" in page
    assert "[U+202E]gpj.exe" in page
    assert f"{MAX_CHARACTERS:,}" in page or "1,000," in page
    every = [browser.get(f"/event/{event}").text for event in events_in(queue.text)]
    assert any("&lt;script&gt;alert(3)" in page for page in every)


def test_the_queue_goes_page_by_page_through_every_event_once(browser: TestClient, reviewer: Engine) -> None:
    with reviewer.connect() as connection:
        expected = connection.execute(text("SELECT count(*) FROM event_list WHERE is_current_version")).scalar()
    for order in ("score", "time"):
        seen: list[str] = []
        path = f"/queue?verdict=any&repeats=single&order={order}"
        while path:
            page = browser.get(path).text
            seen += events_in(page)
            following = re.search(r'rel="next" href="([^"]+)"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        assert len(seen) == len(set(seen)) == expected


def test_the_queue_can_be_narrowed(browser: TestClient, reviewer: Engine) -> None:
    with reviewer.connect() as connection:
        rows = connection.execute(
            text("""SELECT event_id::text AS id, rule, camera, peak_score, started_local FROM event_list
                    WHERE is_current_version""")
        ).all()
    night = next(row.started_local for row in rows if row.started_local.hour < 12)
    day = f"{night:%Y-%m}-{night.day - 1:02}" if night.day > 1 else "2026-03-31"
    cases = {
        "rule=bike": {row.id for row in rows if row.rule == "bike"},
        "camera=yard+%26+co": {row.id for row in rows if row.camera == "yard & co"},
        "least=0.8": {row.id for row in rows if row.peak_score >= 0.8},
        f"night={day}": {row.id for row in rows},  # everything there is happened in this one night
        "night=2020-01-01": set(),
    }
    for query, expected in cases.items():
        assert set(events_in(browser.get(f"/queue?verdict=any&repeats=single&{query}").text)) == expected, query


@pytest.mark.parametrize(
    "path",
    [
        "/queue?night=yesterday", "/queue?least=much", "/queue?after=x", "/queue?verdict=maybe", "/queue?order=random",
        "/queue?after=0.5|notanid", "/timeline?day=2026-13-40", "/event/0",
        "/event/00000000-0000-0000-0000-000000000000",
        "/rules/nothing", "/static/../app.py", "/queue?given=99999999999999999999",
        "/static/vendor/../../app.py", "/rules/fall/edit?texts=x&threshold=7", "/rules/_new?moment=x|y&texts=a",
        "/rules/_trial/x.png", "/rules/nothing/edit", "/rules/fall/rule.yaml?version=9",
        "/rules/fall?quote=1&first_day=2026-02-30", "/rules/fall?quote=1&gpu_hours=-1", "/queue?night=9999-12-31",
    ],
)  # fmt: skip
def test_nonsense_is_answered_with_a_sentence(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code in {200, 400, 404}
    assert "Traceback" not in answer.text
    assert "<main" in answer.text


def test_a_verdict_leads_on_to_the_next_event_and_can_be_taken_back(browser: TestClient) -> None:
    queue = "/queue?repeats=single"  # no other event of the same incident takes the place of one that is judged
    first, second = events_in(browser.get(queue).text)[:2]
    answer = judge(browser, first, "real", to="event", note="clearly", listed="repeats=single")
    where = urlsplit(answer.headers["location"])
    assert where.path == f"/event/{second}"
    page = browser.get(answer.headers["location"]).text
    given = dict(parse_qsl(where.query))["given"]
    assert f'name="verdict_id" value="{given}"' in page
    assert first not in events_in(browser.get(queue).text)
    assert "clearly" in browser.get(f"/event/{first}").text
    back = browser.post("/undo", data={"verdict_id": given, "csrf": token()})
    assert urlsplit(back.headers["location"]).path == f"/event/{first}"
    assert events_in(browser.get(queue).text)[0] == first
    again = browser.post("/undo", data={"verdict_id": given, "csrf": token()})
    assert again.status_code == 400
    assert "taken back before" in again.text


def test_going_on_never_leaves_the_pages(browser: TestClient) -> None:
    event = some_event(browser)
    answer = judge(browser, event, "unsure", listed="rule=fall&x=//evil.example", to="//evil.example")
    assert answer.headers["location"].startswith("/queue?rule=fall&given=")
    form = {"event": event, "verdict": "real", "csrf": token(), "listed": "after=https://evil.example|x"}
    assert browser.post("/verdict", data=form).status_code == 400
    assert "unsure, by anna" in browser.get("/queue?verdict=unsure").text, "nothing was kept of the bad form"


def test_runs_are_started_with_what_the_form_says(reviewer: Engine, tmp_path: Path) -> None:
    host = HeaderHost()
    browser = client_of(reviewer, tmp_path, host)
    form = {"cameras": "gate, yard*", "first_day": "2026-03-01", "gpu_hours": "1.5", "newest_first": "1"}
    answer = browser.post("/rules/fall/backfill", data={**form, "csrf": token()})
    assert answer.status_code == 303
    conf = {
        "rule": "fall", "cameras": ["gate", "yard*"], "from": "2026-03-01", "to": None, "newest_first": True,
        "gpu_hours": 1.5, "segments": None, "dry_run": False,
    }  # fmt: skip
    assert host.started == [("anna", "backfill_rule", conf)]
    assert "Follow the run in Airflow" in browser.get(answer.headers["location"]).text
    browser.post("/rules/fall/state", data={"state": "paused", "csrf": token()})
    assert host.started[1] == ("anna", "change_rule_state", {"rule": "fall", "state": "paused"})
    assert browser.post("/rules/fall/state", data={"state": "gone", "csrf": token()}).status_code == 400
    assert browser.post("/rules/other/state", data={"state": "paused", "csrf": token()}).status_code == 404


def test_an_empty_installation_says_what_to_do(database: TestDatabase, tmp_path: Path) -> None:
    engine = make_engine(database.url("reviewer"))
    browser = client_of(engine, tmp_path)
    for path, word in (
        ("/queue", "No events yet"),
        ("/timeline", "ingest_archive"),
        ("/rules", "rules apply"),
        ("/runs", "Runs"),
    ):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert word in answer.text
    engine.dispose()


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    engine = make_engine("postgresql+psycopg2://reviewer:x@127.0.0.1:9/anyanomaly")
    answer = client_of(engine, tmp_path).get("/queue")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert "reviewer:x" not in answer.text


def test_the_notice_of_a_profile_stands_wherever_its_scores_stand(browser: TestClient, reviewer: Engine) -> None:
    with reviewer.connect() as connection:
        day = connection.execute(text("SELECT started_local::date FROM event_list LIMIT 1")).scalar()
    event = some_event(browser)
    for path in (
        "/queue?verdict=any",
        f"/event/{event}",
        f"/timeline?day={day}",
        "/rules",
        "/rules/fall",
        "/runs?days=31",
    ):
        page = browser.get(path).text
        assert f"<b>!</b> {NOTICE}" in page, path
        assert f'title="{NOTICE}">!</abbr>' in page, f"beside the scores themselves, too: {path}"


def test_times_of_a_files_change_are_marked_wherever_they_stand(browser: TestClient, reviewer: Engine) -> None:
    query = "SELECT event_id::text, camera, started_at FROM event_list WHERE is_current_version"
    with reviewer.connect() as connection:
        events = connection.execute(text(query)).all()
    queue = browser.get("/queue?verdict=any&repeats=single").text
    cards = dict(re.findall(r'data-event="([0-9a-f-]{36})"(.*?)</li>', queue, flags=re.DOTALL))
    assert {("≈ file time" in cards[event.event_id]) == event.camera.startswith("yard") for event in events} == {True}
    assert "nothing states when this was recorded" in queue
    for event in events:
        expected = event.camera.startswith("yard")
        heading = browser.get(f"/event/{event.event_id}").text.partition("<h1>")[2].partition("</h1>")[0]
        assert ("≈ file time" in heading) == expected
        shown = browser.get("/timeline", params={"at": event.started_at.isoformat(), "camera": event.camera}).text
        [row] = re.findall(rf"<tr><td><a href=\"/event/{event.event_id}.*?</tr>", shown, flags=re.DOTALL)
        assert ("≈ file time" in row) == expected


HTMX = {"HX-Request": "true"}


def test_a_verdict_in_the_queue_changes_its_card_and_nothing_else(browser: TestClient) -> None:
    listed = "repeats=single"
    first, *others = events_in(browser.get(f"/queue?{listed}").text)
    total = 1 + len(others)
    form = {"event": first, "verdict": "unsure", "csrf": token(), "note": "a <b>bird</b>", "listed": listed}
    answer = browser.post("/verdict", data=form, headers=HTMX)
    assert answer.status_code == 200
    assert events_in(answer.text) == [first]
    assert "? unsure" in answer.text
    assert "a &lt;b&gt;bird&lt;/b&gt;" in answer.text
    assert f'<span id="left">{total - 1}</span>' in answer.text
    [verdict_id] = re.findall(r'name="verdict_id" value="(\d+)"', answer.text)
    taken_back = {"verdict_id": verdict_id, "csrf": token(), "listed": listed}
    undone = browser.post("/undo", data=taken_back, headers=HTMX)
    assert events_in(undone.text) == [first]
    assert "Taken back." in undone.text
    assert 'data-verdict=""' in undone.text
    assert f'<span id="left">{total}</span>' in undone.text


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"verdict": "real", "csrf": "forged"}, 403, "too old or not ours"),
        ({"verdict": "perhaps", "csrf": ""}, 400, "A verdict is real"),
        ({"event": "00000000-0000-4000-8000-000000000000", "verdict": "real", "csrf": ""}, 404, "There is no event"),
    ],
)
def test_a_refusal_goes_to_the_status_bar_of_the_page_there_is(
    browser: TestClient, form: dict[str, str], status: int, said: str
) -> None:
    data = {"event": some_event(browser), **form, "csrf": form["csrf"] or token()}
    answer = browser.post("/verdict", data=data, headers=HTMX)
    assert answer.status_code == status
    assert answer.headers["hx-retarget"] == "#status"
    assert answer.text.startswith('<div class="status error" id="status"')
    assert said in answer.text


def test_libraries_come_from_our_own_address_and_need_a_login(
    browser: TestClient, reviewer: Engine, tmp_path: Path
) -> None:
    for name in ("vendor/htmx.min.js", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"):
        assert browser.get(f"/static/{name}").status_code == 200
        assert client_of(reviewer, tmp_path, user="").get(f"/static/{name}").status_code == 401
    assert browser.get("/static/vendor/versions.json").status_code == 404
