# ruff: noqa: ANN401  # server processes are started by fixtures, and what servers say has no type
"""What a server says instead of an answer: told in its words, at the price of one request, or the end of the scan."""

import math
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from taught_vlm import QUESTION, picture
from test_openai_lvlm import BRIGHT, HASTY, KEY, expected_score, settings_for

from anyanomaly_core.errors import ModelError, ModelServerError
from anyanomaly_core.models.openai_http import RetryPolicy
from anyanomaly_core.models.openai_lvlm import OpenAiLvlm, connect
from anyanomaly_core.models.openai_replies import StatusKind, status_kind
from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from anyanomaly_core.profile import LvlmSpec
from anyanomaly_core.scoring.answers import parse_answer
from anyanomaly_core.scoring.readouts import uncertainty_note

MODELS_PAGE = Path(__file__).parents[3] / "docs" / "models.md"
TEXT = Request(picture(0.5), QUESTION, AnswerKind.TEXT)
SCORE = Request(picture(0.5), QUESTION, AnswerKind.SCORE)


@pytest.fixture
def lvlm(server: Any, tmp_path: Path) -> OpenAiLvlm:
    server.faults()
    spec = LvlmSpec(backend="openai", model="tiny", max_new_tokens=12, concurrency=1)
    return connect(spec, settings_for(tmp_path, server.url), HASTY)


def choice(content: Any = None, finish: str = "stop", logprobs: Any = None, **message: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **message}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}]}


def odds(*positions: tuple[str, list[tuple[str, Any]]]) -> dict[str, Any]:
    """Log-probabilities of tokens as a server lists them."""

    def option(text: str, p: Any) -> dict[str, Any]:
        return {"token": text, "logprob": math.log(p) if isinstance(p, float) else p}

    return {
        "content": [
            {**option(written, listed[0][1]), "top_logprobs": [option(*each) for each in listed]}
            for written, listed in positions
        ]
    }


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"error": {"message": "Vision add-on is not loaded"}}, "Vision add-on is not loaded"),
        ({"error": "no image allowed"}, "no image allowed"),
        ({"object": "error", "message": "image too odd", "code": 400}, "image too odd"),
        ({"detail": [{"msg": "field required"}]}, "field required"),
        ({"choices": [], "note": "sorry"}, "sorry"),
        (choice(refusal="I cannot help with that"), "refused: I cannot help with that"),
        (choice(finish="content_filter"), "content_filter"),
        (choice(finish="length", reasoning_content="Perhaps 0.9"), "give it more max_new_tokens), only thoughts"),
        (choice(reasoning="Perhaps 0.9"), "only thoughts: Perhaps 0.9"),
        (choice([{"type": "thinking", "thinking": "Perhaps 0.9"}]), "Perhaps 0.9"),
        (choice(tool_calls=[{"function": {"name": "zoom"}}]), "zoom"),
        (choice(""), "no text"),
        ({"choices": [{"error": {"message": "upstream lost"}, "finish_reason": "error"}]}, "upstream lost"),
    ],
)  # fmt: skip
def test_what_is_said_instead_of_an_answer_is_quoted(
    reply: dict[str, Any], said: str, lvlm: OpenAiLvlm, server: Any
) -> None:
    server.faults("ok", reply, "ok")
    before, odd, after = lvlm.answer([TEXT] * 3)
    assert before.text == after.text
    assert odd.text is None
    assert said in (odd.error or "")
    assert len(odd.error or "") <= 500


def test_text_in_parts_is_put_together(lvlm: OpenAiLvlm, server: Any) -> None:
    parts = [
        {"type": "thinking", "thinking": [{"text": "0.1"}]},
        {"type": "text", "text": "0.8. A "},
        {"type": "text", "text": "dog"},
    ]
    server.faults(choice(parts))
    assert lvlm.answer([TEXT])[0].text == "0.8. A dog"


@pytest.mark.parametrize("words", ["\x1b[2J" + "x" * 9999, "line\n\u202eline", KEY])
def test_foreign_words_are_bounded_cleaned_and_without_the_key(words: str, lvlm: OpenAiLvlm, server: Any) -> None:
    for reply in ({"error": {"message": words}}, choice(refusal=words), choice(thinking=words)):
        server.faults(reply)
        error = lvlm.answer([TEXT])[0].error or ""
        assert error.isprintable()
        assert len(error) <= 500
        assert KEY not in error


@pytest.mark.parametrize(
    ("text", "finish", "score"),
    [("0.", "length", None), ("0", "length", None), ("0.7", "length", None), ("0.7. A man wal", "length", 0.7),
     ("0.7", "stop", 0.7), ("0.7", "max_tokens", None), ("0.7", "eos", 0.7), ("1 p", "length", None)],
)  # fmt: skip
def test_an_answer_that_was_cut_off_scores_only_what_is_whole(
    text: str, finish: str, score: float | None, lvlm: OpenAiLvlm, server: Any
) -> None:
    server.faults(choice(text, finish))
    [answer] = lvlm.answer([TEXT])
    assert parse_answer(answer.text or "", is_cut=answer.is_cut).score == score


def test_a_model_in_this_process_that_reaches_its_length_is_cut_as_well(taught: Path, tmp_path: Path) -> None:
    from anyanomaly_core.models.loading import load_lvlm  # noqa: PLC0415
    from anyanomaly_core.profile import EncoderSpec, Profile  # noqa: PLC0415

    for tokens, is_cut in ((4, True), (40, False)):
        spec = LvlmSpec(model="tiny", path=taught, max_new_tokens=tokens)
        profile = Profile(name="local", encoder=EncoderSpec(model="demo"), lvlm=spec)
        [answer] = load_lvlm(profile, settings_for(tmp_path, None)).answer([TEXT])
        assert answer.is_cut is is_cut
        assert (parse_answer(answer.text or "", is_cut=answer.is_cut).score is None) is is_cut


DIGITS = [("8", 0.8), *((d, 0.2 / 9) for d in "012345679")]
LISTED = odds(("0", [("0", 0.9), ("1", 0.09)]), (".", [(".", 0.999)]), ("8", DIGITS))
EXPECTED = (0.9 * 0.999 * (0.8 * 0.8 + 3.7 * 0.2 / 9) + 0.09) / (0.9 * 0.999 + 0.09)


@pytest.mark.parametrize("none", [None, math.nan, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_probability_that_is_no_number_is_zero_and_stops_nothing(
    none: Any, place: int, lvlm: OpenAiLvlm, server: Any
) -> None:
    listed = odds(
        *((p["token"], [(o["token"], math.exp(o["logprob"])) for o in p["top_logprobs"]]) for p in LISTED["content"])
    )
    listed["content"][place]["top_logprobs"].append({"token": "s", "logprob": none})
    server.faults("ok", choice("0.8", logprobs=listed), "ok")
    before, odd, after = lvlm.answer([SCORE] * 3)
    assert before == after
    assert expected_score(odd) == pytest.approx(EXPECTED, abs=0.01)


def test_a_reply_without_probabilities_costs_one_request_where_others_have_them(lvlm: OpenAiLvlm, server: Any) -> None:
    server.faults(choice("0.8"), "ok")
    without, with_them = lvlm.answer([SCORE] * 2)
    assert "readout: generate" in (without.error or "")
    assert with_them.distribution is not None


@pytest.mark.parametrize("reply", [{"error": "no pictures"}, choice("0.8"), "400", "413", "422"])
def test_a_server_that_refuses_every_picture_is_asked_no_further(reply: Any, lvlm: OpenAiLvlm, server: Any) -> None:
    server.faults({"every": reply})
    asked = server.stats()["completions"]
    with pytest.raises(ModelError, match=r"answered none of 5 requests.*[Cc]heck"):
        lvlm.answer([SCORE] * 100)
    assert server.stats()["completions"] - asked <= 7


def test_a_model_that_refuses_every_picture_is_asked_no_further(lvlm: OpenAiLvlm, server: Any) -> None:
    server.faults({"every": choice(refusal="I cannot help with that")})
    with pytest.raises(ModelError, match=r"none of 24 requests.*cannot help"):
        lvlm.answer([TEXT] * 100)


def test_pictures_that_are_refused_among_others_stop_nothing(lvlm: OpenAiLvlm, server: Any) -> None:
    server.faults("ok", *[choice(refusal="no")] * 40, *[{"error": "odd"}] * 20, "ok")
    answers = lvlm.answer([TEXT] * 62)
    assert [answer.text is None for answer in answers] == [False, *[True] * 60, False]
    server.faults({"every": {"error": "add-on was unloaded"}})
    with pytest.raises(ModelError, match="none of 32 requests"):
        lvlm.answer([TEXT] * 100)


def test_the_surest_hits_are_scored_where_the_server_cannot_go_on_with_a_text(
    start_server: Any, taught: Path, tmp_path: Path
) -> None:
    """The brightest picture is answered "1.0"; how the rest is shared is not shown, so the score has a bound."""
    from anyanomaly_core.models.loading import load_lvlm  # noqa: PLC0415
    from anyanomaly_core.profile import EncoderSpec, Profile  # noqa: PLC0415

    spec = LvlmSpec(model="tiny", path=taught, max_new_tokens=12)
    profile = Profile(name="local", encoder=EncoderSpec(model="demo"), lvlm=spec)
    [near] = load_lvlm(profile, settings_for(tmp_path, None)).answer(BRIGHT[-1:])
    for option in ("--no-prefix",):  # --deaf: test_openai_lvlm.py
        far = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, start_server(option).url), HASTY).answer(
            BRIGHT[-1:]
        )[0]
        assert 0.05 < far.uncertainty <= 0.25
        assert abs(expected_score(near) - expected_score(far)) <= far.uncertainty
        assert f"at most {far.uncertainty:.2f}" in (uncertainty_note(far.uncertainty) or "")


def stated_kinds() -> dict[StatusKind, str]:
    """What docs/models.md says about statuses: the first column of its table, by the kind it names."""
    rows = re.findall(r"^\| HTTP (.+?) \|.*?\((\w[\w ]*)\) \|$", MODELS_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {StatusKind(kind): statuses for statuses, kind in rows}


def numbers(stated: str) -> set[int]:
    """The statuses in "408, 5xx but 501 and 502"."""
    listed, _, left_out = stated.partition(" but ")
    found = {int(number) for number in re.findall(r"\b[1-5]\d\d\b", listed)}
    for hundred in re.findall(r"\b([1-5])xx\b", listed):
        found |= set(range(100 * int(hundred), 100 * int(hundred) + 100))
    return found - {int(number) for number in re.findall(r"\b[1-5]\d\d\b", left_out)}


def test_the_page_says_what_is_done_about_every_status() -> None:
    stated = {kind: numbers(text) for kind, text in stated_kinds().items()}
    for status in range(200, 600):
        assert [kind for kind, statuses in stated.items() if status in statuses] == [status_kind(status)], status


@pytest.mark.parametrize("kind", [StatusKind.PASSING, StatusKind.AWAY, StatusKind.REFUSED, StatusKind.WRONG_SETUP])
def test_every_status_is_treated_as_its_kind(kind: StatusKind, lvlm: OpenAiLvlm, server: Any) -> None:
    of_kind = [status for status in range(300, 600) if status_kind(status) is kind]
    for status in of_kind[:9] + of_kind[9::40]:
        server.faults("ok", *[str(status)] * 2)  # passes at the third try
        before = server.stats()["completions"]
        try:
            answer = lvlm.answer([TEXT] * 2)[1]
        except ModelServerError as error:
            answer = Answer(error=str(error))
        tries = server.stats()["completions"] - before - 1
        is_repeated = kind in {StatusKind.PASSING, StatusKind.AWAY}
        assert (tries, answer.error is None) == (3 if is_repeated else 1, is_repeated), status
        assert is_repeated or f"HTTP {status}" in (answer.error or "")


def test_a_restart_of_the_server_is_waited_for(start_server: Any, tmp_path: Path) -> None:
    own = start_server()
    patience = RetryPolicy(tries=2, first_wait_s=0.01, longest_wait_s=0.1, outage_s=60)
    lvlm = connect(LvlmSpec(model="tiny", concurrency=2), settings_for(tmp_path, own.url), patience)
    expected = lvlm.answer(BRIGHT)
    own.stop()
    revived = threading.Timer(1.0, start_server, ["--port", str(own.port)])
    revived.start()
    assert lvlm.answer(BRIGHT) == expected
    revived.join()


def test_how_long_a_server_is_waited_for_is_a_setting(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "http://127.0.0.1:9/v1").model_copy(update={"lvlm_patience_s": 0.0})
    began = time.monotonic()
    with pytest.raises(ModelServerError, match=r"cannot be reached after 6 tries.*ANYANOMALY_LVLM_PATIENCE_S"):
        connect(LvlmSpec(model="tiny"), settings)
    assert time.monotonic() - began < 30


def test_a_request_that_alone_brings_the_server_down_is_given_up(lvlm: OpenAiLvlm, server: Any) -> None:
    """A proxy says 502 each time; the server lists its models all the same."""
    server.faults("ok", *["502"] * 3, "ok")
    before, fatal, after = lvlm.answer([TEXT] * 3)
    assert before == after
    assert "answers others, but this request with HTTP 502" in (fatal.error or "")
