"""What pages are made of: strips of a day, addresses, tokens of forms, vendored scripts."""

import hashlib
import json
import time
from datetime import date, timedelta

import pytest

from anyanomaly_core.display import display_text
from anyanomaly_core.review import app
from anyanomaly_core.review.access import FORM_HOURS, form_token, is_own_form
from anyanomaly_core.review.day_strips import DAY_WIDTH, ROW_HEIGHT, draw_day
from anyanomaly_core.review.queries.day import CameraDay, DayEvent, DaySpan, RuleStrip, day_bounds
from anyanomaly_core.review.queries.queue import Filters


def day_of(zone: str, day: date) -> CameraDay:
    begin, end = day_bounds(day, zone)
    footage = [DaySpan(begin + timedelta(hours=6), begin + timedelta(hours=7), "ready")]
    scored = DaySpan(begin + timedelta(hours=6), begin + timedelta(hours=6, minutes=30), "scored", 0.75)
    failed = DaySpan(begin + timedelta(hours=6, minutes=30), begin + timedelta(hours=7), "failed")
    event = DayEvent("id", begin + timedelta(hours=6), begin + timedelta(hours=6, seconds=2), 0.75, None)
    return CameraDay("gate", "gate", zone, begin, end, footage, [RuleStrip("fall", 0.5, [scored, failed], [event])])


def test_a_day_of_a_clock_change_has_its_own_length() -> None:
    """Berlin 2026-03-29 has no hour 2, 2026-10-25 has it twice."""
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 2), 24)):
        camera = day_of("Europe/Berlin", day)
        assert camera.end - camera.begin == timedelta(hours=hours)
        labels = [label for _, label in draw_day(camera).hours]
        assert len(labels) == hours
        assert labels.count("02") == {23: 0, 24: 1, 25: 2}[hours]


def test_where_nothing_was_scored_nothing_is_drawn_over_the_gap() -> None:
    picture = draw_day(day_of("UTC", date(2026, 3, 2)))
    [strip] = picture.strips
    hour = DAY_WIDTH / 24
    by_kind = {box.kind: box for box in strip.boxes}
    assert set(by_kind) == {"waiting", "scored", "high", "failed"}
    for box in strip.boxes:
        assert box.x >= 6 * hour
        assert box.x + box.width <= 7 * hour + 1e-6
    assert by_kind["high"].height == ROW_HEIGHT * 0.75
    assert by_kind["failed"].x == 6.5 * hour
    assert strip.events[0].x == 6 * hour


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
