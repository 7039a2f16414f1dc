import re
from datetime import UTC, date, datetime, timedelta

from anyanomaly_core.display import display_text
from anyanomaly_core.review.charts import DAY_WIDTH, HEIGHT, ROW_HEIGHT, WIDTH, draw_curve, draw_day
from anyanomaly_core.review.csrf import is_ours, make_token
from anyanomaly_core.review.queries.day import CameraDay, Hit, RuleStrip, Span, bounds
from anyanomaly_core.review.queries.queue import Filters


def test_a_gap_breaks_the_line_and_is_never_a_zero() -> None:
    at = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    picture = draw_curve(at, [0.5, 0.5, None, None, 1.0, 1.0], 5.0, (4.0, 5.0), 0.6)
    assert picture.lines == [f"M0.0 {HEIGHT / 2:.1f} L200.0 {HEIGHT / 2:.1f}", "M800.0 0.0 L1000.0 0.0"]
    assert picture.gaps == [(400.0, 400.0)]
    assert (picture.event_x, picture.event_width) == (800.0, 200.0)


def test_a_long_event_keeps_its_peak_in_a_short_path() -> None:
    frames = 200_000
    scores: list[float | None] = [0.25] * frames
    scores[123_456] = 1.0
    picture = draw_curve([n / 25 for n in range(frames)], scores, frames / 25, (0, 1), 0.5)
    [path] = picture.lines
    assert path.count("L") <= WIDTH + 1
    assert " 0.0" in re.sub(r"^M", "", path), "the one high frame is still at the top"
    assert not draw_curve([], [], 0.0, (0, 0), 0.5).lines


def day_of(zone: str, day: date) -> CameraDay:
    begin, end = bounds(day, zone)
    footage = [Span(begin + timedelta(hours=6), begin + timedelta(hours=7), "ready")]
    scored = Span(begin + timedelta(hours=6), begin + timedelta(hours=6, minutes=30), "scored", 0.75)
    failed = Span(begin + timedelta(hours=6, minutes=30), begin + timedelta(hours=7), "failed")
    hit = Hit("id", begin + timedelta(hours=6), begin + timedelta(hours=6, seconds=2), 0.75, None)
    return CameraDay("gate", "gate", zone, begin, end, footage, [RuleStrip("fall", 0.5, [scored, failed], [hit])])


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
    assert strip.hits[0].x == 6 * hour


def test_unseen_characters_are_shown_and_long_text_is_cut() -> None:
    assert display_text("a\u202eb\x00c\u200fd\ufeff") == "a[U+202E]b[U+0000]c[U+200F]d[U+FEFF]"
    assert display_text("two\nlines") == "two lines"
    assert display_text("שלום ሰላም नमस्ते 👩\u200d🚒") == "שלום ሰላም नमस्ते 👩\u200d🚒"
    assert len(display_text("x" * 1_000_000)) < 2100
    assert display_text(None) == ""


def test_addresses_state_only_what_is_unusual() -> None:
    filters = Filters.parse({"rule": "fall & more", "night": "2026-03-01", "verdict": "open", "after": ""})
    assert filters.address() == "rule=fall+%26+more&night=2026-03-01"
    assert filters.address(night=None, verdict="any") == "rule=fall+%26+more&verdict=any"
    assert filters.narrowed
    assert not Filters(order="time").narrowed


class Request:
    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def test_a_token_is_of_one_person_and_two_days() -> None:
    today = datetime.now(UTC).date()
    for age, good in ((0, True), (1, True), (2, False), (-1, False)):
        token = make_token(b"key", "anna", today - timedelta(days=age))
        assert is_ours(Request(), b"key", "anna", token) is good  # type: ignore[arg-type]
    token = make_token(b"key", "anna")
    assert not is_ours(Request(), b"key", "ben", token)  # type: ignore[arg-type]
    assert not is_ours(Request(), b"other", "anna", token)  # type: ignore[arg-type]
    assert not is_ours(Request(sec_fetch_site="same-site"), b"key", "anna", token)  # type: ignore[arg-type]
    assert not is_ours(Request(), b"key", "anna", None)  # type: ignore[arg-type]
