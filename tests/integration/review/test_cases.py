"""Cases: events that belong together, what was said and done, and the one bundle that is handed over."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review import cases
from anyanomaly_core.review.app import create_app
from anyanomaly_core.review.evidence.signing import load_public, make_key
from anyanomaly_core.review.evidence.verify import verify
from tests.conftest import TestDatabase
from tests.integration.review.kept_footage import Kept
from tests.integration.review.pages.pages_site import HeaderHost, token


@pytest.fixture
def reviewer(kept: Kept, module_database: TestDatabase) -> Iterator[Engine]:  # noqa: ARG001
    engine = make_engine(module_database.url("reviewer"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private key that signs bundles, and its public one."""
    private, public = (tmp_path_factory.mktemp("keys") / name for name in ("key.pem", "key.pub"))
    public.write_text(make_key(private))
    return private, public


@pytest.fixture
def browser(kept: Kept, reviewer: Engine, keys: tuple[Path, Path]) -> Iterator[TestClient]:
    app = create_app(HeaderHost(), reviewer, kept.settings.model_copy(update={"evidence_key_file": keys[0]}))
    with TestClient(app, headers={"x-user": "anna/user"}, follow_redirects=False) as client:
        yield client


def open_one(browser: TestClient, kept: Kept, title: str = "The gate, 1 March") -> int:
    form = {"csrf": token(), "event": str(kept.event_id), "case": "new", "title": title}
    answer = browser.post("/cases", data=form)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


def write(browser: TestClient, case: int, kind: str, words: str = "") -> int:
    form = {"csrf": token(), "kind": kind, "words": words}
    return browser.post(f"/cases/{case}/entry", data=form).status_code


def test_a_case_is_what_was_written_of_it(browser: TestClient, kept: Kept) -> None:
    case = open_one(browser, kept)
    assert [write(browser, case, *entry) for entry in (("assigned", "ben"), ("comment", "<b>twice</b>"))] == [303, 303]
    assert write(browser, case, "held", "request 12") == 303
    page = browser.get(f"/cases/{case}").text
    for said in ("The gate, 1 March", "Assigned to ben", "&lt;b&gt;twice&lt;/b&gt;", "request 12", ">held<", "fall"):
        assert said in page, said
    assert "The gate, 1 March" in browser.get("/cases").text
    assert f"case {case}, The gate" in browser.get(f"/event/{kept.event_id}").text
    assert write(browser, case, "closed") == 303
    assert f'value="{case}">' not in browser.get("/queue").text, "nothing is added to a closed case"
    assert write(browser, case, "reopened") == 303
    assert f'value="{case}">' in browser.get("/queue").text
    browser.post(f"/cases/{case}/remove", data={"csrf": token(), "event": str(kept.event_id)})
    assert "No events" in browser.get(f"/cases/{case}").text
    again = browser.post(f"/cases/{case}/remove", data={"csrf": token(), "event": str(kept.event_id)})
    assert again.status_code == 404


def test_the_bundle_of_a_case_is_signed_and_the_case_remembers_it(
    browser: TestClient, kept: Kept, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    case = open_one(browser, kept)
    answer = browser.post(f"/cases/{case}/evidence.zip", data={"csrf": token()})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert hashlib.sha256(answer.content).hexdigest() in browser.get(f"/cases/{case}").text
    bundle = tmp_path / "case.zip"
    bundle.write_bytes(answer.content)
    assert verify(bundle, key=load_public(keys[1])).problems == []
    with zipfile.ZipFile(bundle) as content:
        [about] = [name for name in content.namelist() if name.endswith("event.json")]
        assert str(kept.event_id) in content.read(about).decode()


def test_who_may_only_look_writes_nothing(kept: Kept, reviewer: Engine, browser: TestClient) -> None:
    case = open_one(browser, kept)
    app = create_app(HeaderHost(), reviewer, kept.settings)
    viewer = TestClient(app, headers={"x-user": "vera/viewer"}, follow_redirects=False)
    assert viewer.get(f"/cases/{case}").status_code == 200
    csrf = token("vera")
    for path, form in (
        ("/cases", {"title": "x"}),
        (f"/cases/{case}/entry", {"kind": "comment", "words": "x"}),
        (f"/cases/{case}/remove", {"event": str(kept.event_id)}),
        (f"/cases/{case}/evidence.zip", {}),
    ):
        assert viewer.post(path, data={"csrf": csrf, **form}).status_code == 403, path


def test_entries_are_never_changed(browser: TestClient, kept: Kept, module_database: TestDatabase) -> None:
    open_one(browser, kept)
    owner = make_engine(module_database.url("anyanomaly"))
    for statement in ("UPDATE case_entries SET author = 'x'", "DELETE FROM case_entries", "DELETE FROM cases"):
        with pytest.raises(DBAPIError), owner.begin() as connection:
            connection.execute(text(statement))
    owner.dispose()


@pytest.mark.parametrize("title", ["", "  \0 ", "x" * 201])
def test_a_case_needs_a_title(reviewer: Engine, title: str) -> None:
    with pytest.raises(StorageError, match="title"):
        cases.open_case(reviewer, title, [], author="anna")


@pytest.mark.parametrize("event", [uuid4(), UUID(int=0)])
def test_events_that_are_not_there_open_no_case(reviewer: Engine, event: UUID) -> None:
    with reviewer.connect() as connection:
        before = len(cases.list_cases(connection))
    with pytest.raises(StorageError, match="There is no event"):
        cases.open_case(reviewer, "lost", [event], author="anna")
    with reviewer.connect() as connection:
        assert len(cases.list_cases(connection)) == before


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/cases/999999/entry", {"kind": "comment", "words": "x"}), ("/cases", {"case": "x", "event": str(uuid4())}),
        ("/cases", {"case": "9" * 30}), ("/cases/1/entry", {"kind": "exported", "words": "x"}),
    ],
)  # fmt: skip
def test_nonsense_is_answered_with_a_sentence(browser: TestClient, path: str, form: dict[str, str]) -> None:
    answer = browser.post(path, data={"csrf": token(), **form})
    assert answer.status_code in {400, 404}
    assert "<main" in answer.text
