"""Planted and found events are paired as a person would."""

import pytest

from anyanomaly_core.demo.archive import DEMO_RULES
from anyanomaly_core.embedded import demo

EVENTS = {rule: event for event, rule in DEMO_RULES.items()}


def planted(rule: str, start: float, end: float, uri: str = "a.mp4"):  # noqa: ANN201
    event = EVENTS.get(rule, rule)
    return demo.PlantedEvent(event=event, uri=uri, first_frame=0, last_frame=0, start_s=start, end_s=end)


def found(rule: str, start: float, end: float, uri: str = "a.mp4"):  # noqa: ANN201
    return demo.DetectedEvent(rule, uri, 0.9, "", start, end)


def verdicts(truths: list, events: list) -> list[str]:
    return [
        "found" if one.planted and one.found else "missed" if one.planted else "false alarm"
        for one in demo.match_events(truths, events)
    ]


def test_an_overlap_of_the_same_rule_in_the_same_video_is_a_hit() -> None:
    assert verdicts([planted("run", 2, 5)], [found("run", 4, 9)]) == ["found"]


@pytest.mark.parametrize("event", [found("run", 5, 9), found("car", 2, 5), found("run", 2, 5, uri="b.mp4")])
def test_touching_times_another_rule_or_another_video_are_none(event: object) -> None:
    assert verdicts([planted("run", 2, 5)], [event]) == ["missed", "false alarm"]


def test_the_longest_overlap_is_shown_and_the_rest_is_no_false_alarm() -> None:
    short, long = found("run", 1, 3), found("run", 3.5, 9)
    matches = demo.match_events([planted("run", 2, 8)], [short, long])
    assert [one.found for one in matches] == [long]


def test_one_event_over_two_planted_ones_counts_for_both() -> None:
    assert verdicts([planted("run", 2, 4), planted("run", 5, 7)], [found("run", 1, 8)]) == ["found", "found"]
