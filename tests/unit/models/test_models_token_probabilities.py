# ruff: noqa: ANN401  # what a server sends has no type
"""Distributions out of shown token probabilities, worked out by hand and against a made-up language."""

import base64
import io
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage

from anyanomaly_core.models.openai_lvlm import data_url
from anyanomaly_core.models.protocols import ANSWERS
from anyanomaly_core.models.token_probabilities import (
    TokenPosition,
    answer_probabilities,
    is_one,
    lengths_of_start,
    share_evenly,
    share_pending,
    token_positions,
)


def position(written: str, shown: dict[str, float], *, floor: float = 0.0) -> TokenPosition:
    return TokenPosition(written, shown, floor, max(0.0, 1 - sum(shown.values())))


def test_digit_by_digit() -> None:
    """P(0.7) = 0.9 * 0.8 * 0.6; "1" counts as 1.0; ".5" behind "0" is another way to 0.5."""
    digits = {"7": 0.6, "8": 0.3, "x": 0.1}
    found = answer_probabilities(
        [position("0", {"0": 0.9, "1": 0.05}), position(".", {".": 0.8, ".5": 0.1}), position("7", digits)]
    )
    expected = np.zeros(11)
    expected[[7, 8, 5, 10]] = [0.9 * 0.8 * 0.6, 0.9 * 0.8 * 0.3, 0.9 * 0.1, 0.05]
    np.testing.assert_allclose(found.known, expected)
    assert found.pending == found.unseen == found.unknown_share == 0


def test_whole_answers_and_blanks() -> None:
    blank = position(" ", {" ": 0.5, "\n": 0.25, "0.3": 0.25})
    found = answer_probabilities([blank, position("0.5", {"0.5": 0.6, "0.5.": 0.2, "1.0": 0.2})])
    expected = np.zeros(11)
    expected[[3, 5, 10]] = [0.25, 0.75 * 0.8, 0.75 * 0.2]
    np.testing.assert_allclose(found.known, expected)


def test_the_other_branch_is_pending_until_asked() -> None:
    found = answer_probabilities(
        [position("1", {"1": 0.6, "0": 0.4}), position(".", {".": 1.0}), position("0", {"0": 1.0})]
    )
    assert found.known[10] == pytest.approx(0.6)
    assert found.pending == pytest.approx(0.4)
    assert found.unknown_share == pytest.approx(0.4)
    follow = answer_probabilities([position("2", {"2": 0.75, "9": 0.25})], start="0.")
    shared = share_pending(found, follow)
    assert shared.known[[2, 9, 10]] == pytest.approx([0.3, 0.1, 0.6])
    assert shared.unknown_share == 0


def test_what_a_short_list_leaves_open_behind_the_start_stays_pending() -> None:
    found = answer_probabilities(
        [position("1", {"1": 0.6, "0": 0.4}), position(".", {".": 1.0}), position("0", {"0": 1.0})]
    )
    shared = share_pending(found, answer_probabilities([position("2", {"2": 0.75}, floor=0.25)], start="0."))
    assert shared.known[[2, 10]] == pytest.approx([0.3, 0.6])
    assert shared.pending == pytest.approx(0.1)
    assert shared.uncertainty == pytest.approx(0.045)


def test_how_long_the_start_of_an_answer_is() -> None:
    one, dot = position("1", {"1": 1.0}), position(".", {".": 1.0})
    assert lengths_of_start([one, dot, position("0", {"0": 1.0})]) == {2}
    assert lengths_of_start([position(" ", {" ": 1.0}), one, dot]) == {3}
    assert lengths_of_start([position(" 1.", {" 1.": 1.0})]) == {1}
    assert lengths_of_start([position("1.0", {"1.0": 1.0})]) == {1, 2}
    assert lengths_of_start([position("The", {"The": 1.0})]) == {1, 2}


def test_a_model_that_talks_gives_little_or_nothing() -> None:
    assert answer_probabilities([position("The", {"The": 0.9, "A": 0.1})]).unknown_share == 1.0
    assert answer_probabilities([]).unknown_share == 1.0


def test_a_short_list_raises_the_doubt() -> None:
    digits = {"7": 0.2, "8": 0.1}
    found = answer_probabilities([position("0.", {"0.": 0.99, "1": 0.01}), position("7", digits, floor=0.1)])
    # eight digits could have 0.1 each, but only 0.7 is left for all tokens that are not shown
    assert found.unseen == pytest.approx(0.99 * 0.7)
    assert found.unknown_share > 0.6


WEIGHTS = st.lists(st.floats(0.001, 1), min_size=11, max_size=11)


@given(WEIGHTS, st.floats(0.0, 0.5), st.integers(0, 2**20))
def test_equals_the_true_distribution_when_all_is_shown(weights: list[float], other: float, seed: int) -> None:
    """A language that writes one of the answers or, with probability ``other``, something else, token by token."""
    truth = np.array(weights) / sum(weights)
    draw = np.random.default_rng(seed)
    answer = int(draw.choice(11, p=truth))
    below = float(truth[:10].sum())
    first = {"0": below * (1 - other), "1": float(truth[10]) * (1 - other), "The": other}
    digits = {str(i): float(truth[i]) / below for i in range(10)}
    if answer == 10:
        found = answer_probabilities([position("1", first)])
        found = share_pending(found, answer_probabilities([position("3", digits)], start="0."))
    else:
        found = answer_probabilities([position("0", first), position(".", {".": 1.0}), position(str(answer), digits)])
    np.testing.assert_allclose(found.known / found.known.sum(), truth, atol=1e-9)
    assert found.unknown_share == pytest.approx(0, abs=1e-9)


@given(WEIGHTS, st.integers(1, 10))
def test_the_score_is_off_by_at_most_the_doubt(weights: list[float], shown: int) -> None:
    truth = np.array(weights) / sum(weights)
    below = float(truth[:10].sum())
    ranked = sorted(((float(truth[i]) / below, str(i)) for i in range(10)), reverse=True)[:shown]
    digits = {text: p for p, text in ranked}
    first = {"0": below, "1": float(truth[10])}
    floor = ranked[-1][0]
    found = answer_probabilities(
        [position("0", first), position(".", {".": 1.0}), position(ranked[0][1], digits, floor=floor)]
    )
    tenths = np.arange(11) / 10
    seen = float(found.known @ tenths / found.known.sum())
    assert abs(seen - float(truth @ tenths)) <= found.unknown_share + 1e-9


def logprobs(*options: tuple[str, float]) -> dict[str, Any]:
    top = [{"token": t, "logprob": math.log(p), "bytes": list(t.encode())} for t, p in options]
    return {"logprobs": {"content": [{**top[0], "top_logprobs": top}]}}


def test_places_of_a_choice() -> None:
    (found,) = token_positions(logprobs(("0", 0.5), ("1", 0.25))) or []
    assert found.shown == pytest.approx({"0": 0.5, "1": 0.25})
    assert (found.floor, found.left) == (pytest.approx(0.25), pytest.approx(0.25))
    (twice,) = token_positions(logprobs(("0", 0.5), ("0", 0.25))) or []
    assert twice.shown == pytest.approx({"0": 0.75})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "token", "logprob", "top_logprobs", "bytes"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_nonsense_is_refused_or_finite(nonsense: Any, token: Any) -> None:
    entry = {"token": token, "logprob": nonsense, "top_logprobs": [{"token": "0", "logprob": token}]}
    for content in (nonsense, {"content": nonsense}, {"content": [entry]}):
        with suppress(ValueError):
            found = token_positions({"logprobs": content}) or []
            assert all(0 <= p <= 1.001 for one in found for p in one.shown.values())


@pytest.mark.parametrize("none", [None, math.nan, -math.inf, "NaN", "-Infinity"])
def test_a_probability_that_is_no_number_is_zero(none: Any) -> None:
    choice = logprobs(("0", 0.5), ("1", 0.25), ("2", 0.25))
    choice["logprobs"]["content"][0]["top_logprobs"][2]["logprob"] = none
    (found,) = token_positions(choice) or []
    assert found.shown == pytest.approx({"0": 0.5, "1": 0.25, "2": 0.0})
    choice["logprobs"]["content"][0]["top_logprobs"][0]["logprob"] = none  # the written token says its own
    (found,) = token_positions(choice) or []
    assert found.shown == pytest.approx({"0": 0.5, "1": 0.25, "2": 0.0})


@pytest.mark.parametrize("odd", [7, {"token": 1, "logprob": -1}, {"token": "9", "logprob": "high"}, {"logprob": -1}])
def test_an_option_that_cannot_be_read_costs_itself_alone(odd: Any) -> None:
    choice = logprobs(("0", 0.9), ("1", 0.05))
    choice["logprobs"]["content"][0]["top_logprobs"].append(odd)
    (found,) = token_positions(choice) or []
    assert found.shown == pytest.approx({"0": 0.9, "1": 0.05})
    assert (found.floor, found.left) == (1.0, pytest.approx(0.05))  # it may be anything that is left


@given(WEIGHTS, st.floats(0, 0.5))
def test_a_written_one_whose_rest_is_not_shown_has_a_bound_that_holds(weights: list[float], one: float) -> None:
    """The truth may share what is left among 0.0 to 0.9 in any way."""
    shares = np.array([*weights[:10], 0.0])
    truth = shares / shares.sum() * one
    truth[10] = 1 - one
    found = answer_probabilities(
        [position("1", {"1": 1 - one, "0": one}), position(".", {".": 1.0}), position("0", {"0": 1.0})]
    )
    known = share_evenly(found)
    tenths = np.arange(11) / 10
    assert abs(float(known @ tenths) - float(truth @ tenths)) <= found.uncertainty + 1e-9
    assert found.uncertainty == pytest.approx(0.45 * one)


def test_which_written_text_is_one() -> None:
    one, dot, zero = (position(text, {text: 1.0}) for text in ("1", ".", "0"))
    assert is_one([one, dot, zero])
    assert is_one([position(" ", {" ": 1.0}), position("1.0", {"1.0": 1.0})])
    assert is_one([one])
    assert not is_one([zero, dot, one])
    assert not is_one([one, zero])
    assert not is_one([position("The", {"The": 1.0})])
    assert not is_one([])


@pytest.mark.parametrize(("side", "kind", "error"), [(224, "png", 0), (1080, "jpeg", 6)])
def test_images_arrive_as_they_were(side: int, kind: str, error: int) -> None:
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    image = np.stack(
        [
            np.broadcast_to(ramp, (side, side)),
            np.broadcast_to(ramp[:, None], (side, side)),
            ramp[:, None] // 2 + ramp // 2,
        ],
        2,
    )
    url = data_url(np.ascontiguousarray(image))
    assert url.startswith(f"data:image/{kind};base64,")
    back = np.asarray(PilImage.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))
    assert np.abs(back.astype(int) - image).max() <= error


def test_the_answers_have_the_form_the_walk_counts_on() -> None:
    assert ANSWERS[:10] == tuple(f"0.{i}" for i in range(10))
    assert ANSWERS[10] == "1.0"
