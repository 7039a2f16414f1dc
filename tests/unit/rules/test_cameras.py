"""One dialect of camera patterns, for rules, commands, forms, masks, clocks and time zones."""

from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.rules.cameras import first_match, matches, resolve_pattern, unknown_patterns

CAMERAS = ["gate", "gate-2", "Gate", "cam[1]", "cam1", "north\ndoor", "stair*", "stairs"]


def test_patterns() -> None:
    chosen = {
        pattern: [camera for camera in CAMERAS if matches(camera, [pattern])]
        for pattern in ("gate*", "?ate", "cam[1]", "*")
    }
    assert chosen == {"gate*": ["gate", "gate-2"], "?ate": ["gate", "Gate"], "cam[1]": ["cam[1]"], "*": CAMERAS}
    assert not matches("gate", [])
    assert first_match("gate-2", ["hall", "gate-*", "*"]) == 1
    assert first_match("gate-2", ["hall"]) is None


def test_an_id_means_its_own_camera_only() -> None:
    assert resolve_pattern("stair*", CAMERAS) == ["stair*"]
    assert resolve_pattern("stair?", CAMERAS) == ["stair*", "stairs"]


def test_what_means_no_camera_is_told() -> None:
    assert unknown_patterns(["gate*", "gaet", "cam[12]", "stair*"], CAMERAS) == ["gaet", "cam[12]"]


@given(st.text(min_size=1), st.text())
def test_a_name_means_itself_and_a_star_adds_whatever_follows(camera: str, more: str) -> None:
    assert matches(camera, [camera])
    assert matches(camera + more, [camera + "*"])
