"""What pages are made of: addresses, tokens of forms, vendored scripts."""

import hashlib
import json
import time
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from anyanomaly_core.display import display_text
from anyanomaly_core.review import app
from anyanomaly_core.review.access import FORM_HOURS, form_token, is_own_form
from anyanomaly_core.review.pages.timeline import day_bounds
from anyanomaly_core.review.queries.filters import Filters


def test_a_day_of_a_clock_change_has_its_own_length() -> None:
    """Berlin 2026-03-29 has no hour 2, 2026-10-25 has it twice."""
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 2), 24)):
        begin, end = day_bounds(day, ZoneInfo("Europe/Berlin"))
        assert end - begin == timedelta(hours=hours)


def test_unseen_characters_are_shown_and_long_text_is_cut() -> None:
    assert display_text("a\u202eb\x00c\u200fd\ufeff") == "a[U+202E]b[U+0000]c[U+200F]d[U+FEFF]"
    assert display_text("two\nlines") == "two lines"
    assert display_text("שלום ሰላም नमस्ते 👩\u200d🚒") == "שלום ሰላም नमस्ते 👩\u200d🚒"
    assert len(display_text("x" * 1_000_000)) < 2100
    assert display_text(None) == ""


def test_addresses_state_only_what_is_unusual() -> None:
    filters = Filters.parse({"rule": "fall & more", "night": "2026-03-01", "verdict": "open", "after": ""})
    assert filters.query_string() == "rule=fall+%26+more&night=2026-03-01"
    assert filters.query_string(night=None, verdict="any") == "rule=fall+%26+more&verdict=any"
    assert filters.is_narrowed
    assert not Filters(order="time").is_narrowed


class Request:
    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def test_a_token_is_of_one_person_and_of_a_day_and_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for hours, good in ((0, True), (FORM_HOURS - 1, True), (FORM_HOURS + 1, False)):
        monkeypatch.setattr(time, "time", lambda hours=hours: now - 3600 * hours)
        token = form_token(b"key", "anna")
        monkeypatch.setattr(time, "time", lambda: now)
        assert is_own_form(Request(), b"key", "anna", token) is good  # type: ignore[arg-type]
    token = form_token(b"key", "anna")
    assert not is_own_form(Request(), b"key", "ben", token)  # type: ignore[arg-type]
    assert not is_own_form(Request(), b"other", "anna", token)  # type: ignore[arg-type]
    assert not is_own_form(Request(sec_fetch_site="same-site"), b"key", "anna", token)  # type: ignore[arg-type]
    for forged in ("", "é", token[:-1], token.replace(".", ""), "a.b.c"):
        assert not is_own_form(Request(), b"key", "anna", forged)  # type: ignore[arg-type]


def test_vendored_scripts_are_what_their_list_says() -> None:
    """``npm pack`` gives the packages again; their licences lie beside them."""
    folder = app._STATIC / "vendor"
    listed = json.loads((folder / "versions.json").read_text())
    hashes = {name: digest for package in listed for name, digest in package["files"].items()}
    assert {path.name for path in folder.iterdir()} == {*hashes, "versions.json"}
    for name, digest in hashes.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    for package in listed:
        assert package["licence"]
        assert any("LICENSE" in name for name in package["files"])
        assert any(
            package["version"] in (folder / name).read_text() for name in package["files"] if name.endswith("js")
        )
