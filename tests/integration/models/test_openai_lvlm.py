# ruff: noqa: ANN401  # server processes are started by fixtures
"""The client against a real server process that answers with a real (tiny, taught) model and fails when told to."""

import logging
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from taught_vlm import QUESTION, picture

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, ModelServerError
from anyanomaly_core.models.loading import load_lvlm, model_revisions
from anyanomaly_core.models.openai_http import RetryPolicy
from anyanomaly_core.models.openai_lvlm import OpenAiLvlm, connect
from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from anyanomaly_core.profile import EncoderSpec, LvlmSpec, Profile

KEY = "planted-secret-key"
HASTY = RetryPolicy(tries=3, first_wait_s=0.01, longest_wait_s=0.05, connect_s=2, reply_s=20)
BRIGHT = [Request(picture(b / 10, b), QUESTION, AnswerKind.SCORE) for b in range(0, 11, 2)]


def settings_for(tmp_path: Path, url: str | None, key: str | None = KEY) -> Settings:
    return Settings(
        archive_root=str(tmp_path),
        database_url="postgresql://x/y",
        parquet_root=tmp_path,
        state_dir=tmp_path,
        device="cpu",
        lvlm_base_url=url,
        lvlm_api_key=key,
    )


@pytest.fixture
def ask(server: Any, tmp_path: Path) -> Any:
    def make(policy: RetryPolicy = HASTY, **spec: Any) -> OpenAiLvlm:
        server.faults()
        wanted = LvlmSpec(**({"backend": "openai", "model": "tiny", "max_new_tokens": 12} | spec))
        return connect(wanted, settings_for(tmp_path, server.url), policy)

    return make


def expected_score(answer: Answer) -> float:
    assert answer.distribution is not None, answer
    return sum(p * i / 10 for i, p in enumerate(answer.distribution))


@pytest.fixture(scope="module")
def local(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    lvlm = LvlmSpec(model="tiny", path=taught, max_new_tokens=12)
    profile = Profile(name="local", encoder=EncoderSpec(model="demo"), lvlm=lvlm)
    return load_lvlm(profile, settings_for(tmp_path_factory.mktemp("local"), None))


def test_both_readouts_agree_with_the_same_model_in_this_process(ask: Any, local: Any) -> None:
    served = ask()
    for near, far in zip(local.answer(BRIGHT), served.answer(BRIGHT), strict=True):
        # the server shows 20 tokens and counts "1" as 1.0; see token_probabilities
        assert abs(expected_score(near) - expected_score(far)) < 0.02
        np.testing.assert_allclose(near.distribution, far.distribution, atol=0.03)
        assert near.prompt_tokens == far.prompt_tokens
    texts = [Request(r.image, QUESTION, AnswerKind.TEXT) for r in BRIGHT]
    for near, far in zip(local.answer(texts), served.answer(texts), strict=True):
        assert (near.text, near.generated_tokens) == (far.text, far.generated_tokens)
    assert expected_score(served.answer(BRIGHT)[-1]) > expected_score(served.answer(BRIGHT)[0]) + 0.4


def test_requests_run_side_by_side_but_bounded(ask: Any, server: Any) -> None:
    served = ask(concurrency=3)
    server.faults(*["slow"] * 6)
    before = time.monotonic()
    answers = served.answer(BRIGHT)
    assert all(answer.error is None for answer in answers)
    assert server.stats()["most_at_once"] <= 8  # of all tests; this one allows three
    assert 2.5 < time.monotonic() - before < 8.5  # six sleeps of 1.5 s, three at a time


@pytest.mark.parametrize("fault", ["429", "500", "503", "close", "nonsense", "truncated", "list", "other"])
def test_a_fault_that_passes_is_not_noticed(fault: str, ask: Any, server: Any) -> None:
    served = ask()
    expected = served.answer(BRIGHT[:2])
    server.faults(fault, fault)
    assert served.answer(BRIGHT[:2]) == expected


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "HTTP 500"),
        ("429", "HTTP 429"),
        ("close", "RemoteProtocolError"),
        ("nonsense", "no JSON object"),
        ("truncated", "no JSON object"),
        ("list", "no JSON object"),
        ("other", "answer to another request"),
        ("empty", "no choice"),
        ("types", "no text"),
        ("huge", "bytes"),
        ("400", "HTTP 400"),
    ],
)
def test_a_fault_that_stays_is_this_requests_error(fault: str, said: str, ask: Any, server: Any) -> None:
    served = ask(concurrency=1)
    requests = [Request(r.image, QUESTION, AnswerKind.TEXT) for r in BRIGHT[:3]]
    good = served.answer(requests)
    tries = (
        HASTY.tries if said.startswith(("HTTP 5", "HTTP 4", "Remote", "no JSON", "answer to")) and fault != "400" else 1
    )
    server.faults("ok", *[fault] * tries)
    answers = served.answer(requests)
    assert (answers[0], answers[2]) == (good[0], good[2])
    assert answers[1].text is None
    assert answers[1].distribution is None
    assert said in (answers[1].error or "")


@pytest.mark.parametrize("fault", ["slow", "drip"])
def test_a_reply_that_does_not_come_in_time_is_asked_for_again(fault: str, ask: Any, server: Any) -> None:
    """Nothing for too long, or a byte now and then for ever."""
    served = ask(RetryPolicy(tries=3, first_wait_s=0.01, longest_wait_s=0.05, reply_s=1.0), concurrency=1)
    request = Request(BRIGHT[0].image, QUESTION, AnswerKind.TEXT)
    good = served.answer([request])
    server.faults(fault)
    assert served.answer([request]) == good
    server.faults(fault, fault, fault)
    before = time.monotonic()
    [answer] = served.answer([request])
    assert time.monotonic() - before < 8
    assert answer.text is None
    assert "Timeout" in (answer.error or "")


def test_text_can_be_stored_whatever_the_server_sends(ask: Any, server: Any) -> None:
    served = ask()
    server.faults("halves")
    answer = served.answer([Request(BRIGHT[0].image, QUESTION, AnswerKind.TEXT)])[0]
    assert (answer.text or "").encode().startswith(b"0.5 ?")
    assert answer.prompt_tokens == 0


def test_nothing_shows_the_key(ask: Any, server: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    served = ask()
    server.faults("echo_key")
    answer = served.answer(BRIGHT[:1])[0]
    with pytest.raises(ModelServerError) as refused:
        connect(LvlmSpec(model="tiny"), settings_for(tmp_path, server.url, key="another-secret"), HASTY)
    shown = [answer.error, repr(served), repr(served._server), str(vars(served)), str(refused.value), caplog.text]
    assert "401" in str(refused.value)
    assert "***" in (answer.error or "")
    assert not [text for text in shown if KEY in (text or "") or "another-secret" in (text or "")]


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("http://user:pw@127.0.0.1:1/v1", None, "ANYANOMALY_LVLM_API_KEY"),
        ("127.0.0.1:8000", None, "is not an http"),
        ("http://127.0.0.1:1/v1", "two\nlines", "line break"),
        (None, None, "ANYANOMALY_LVLM_BASE_URL"),
    ],
)
def test_a_wrong_setting_is_named(url: str | None, key: str | None, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        connect(LvlmSpec(model="tiny"), settings_for(tmp_path, url, key), HASTY)
    assert "pw@" not in str(error.value)
    assert "lines" not in str(error.value)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    with pytest.raises(ModelServerError, match="cannot be reached"):
        connect(LvlmSpec(model="tiny"), settings_for(tmp_path, url), HASTY)


def test_a_server_that_goes_away_stops_the_work(start_server: Any, tmp_path: Path) -> None:
    own = start_server()
    lvlm = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url), HASTY)
    assert lvlm.answer(BRIGHT[:1])[0].error is None
    own.stop()
    with pytest.raises(ModelServerError, match="cannot be reached"):
        lvlm.answer(BRIGHT)


def test_the_model_must_be_served(server: Any, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, server.url)
    with pytest.raises(ModelServerError, match="does not serve 'other' but tiny"):
        connect(LvlmSpec(model="other"), settings, HASTY)
    profile = Profile(
        name="served", encoder=EncoderSpec(model="demo"), lvlm=LvlmSpec(backend="openai", model="auto", revision="abc")
    )
    lvlm = load_lvlm(profile, settings)
    assert lvlm.name == "tiny"
    assert model_revisions(lvlm, lvlm)["lvlm"].startswith("served:/")  # type: ignore[arg-type]
    assert lvlm.revision.endswith("@abc")


def test_no_logprobs_no_likelihood(start_server: Any, tmp_path: Path) -> None:
    own = start_server("--most-shown", "0")
    lvlm = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url), HASTY)
    with pytest.raises(ModelServerError, match="readout: generate"):
        lvlm.answer(BRIGHT)


def test_a_server_that_refuses_to_show_twenty_is_asked_for_five(start_server: Any, local: Any, tmp_path: Path) -> None:
    own = start_server("--most-shown", "5", "--strict")
    lvlm = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url), HASTY)
    near, far = local.answer(BRIGHT), lvlm.answer(BRIGHT)
    read = [(one, other) for one, other in zip(near, far, strict=True) if other.error is None]
    assert read
    assert all(abs(expected_score(one) - expected_score(other)) < max(0.05, other.uncertainty) for one, other in read)


def test_a_server_that_refuses_to_show_any_is_quoted(start_server: Any, tmp_path: Path) -> None:
    own = start_server("--most-shown", "0", "--strict")
    lvlm = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url), HASTY)
    with pytest.raises(ModelServerError, match=r"readout: generate.*must be between 0 and 0"):
        lvlm.answer(BRIGHT)


def test_a_server_need_not_list_its_models(start_server: Any, tmp_path: Path) -> None:
    own = start_server("--unlisted")
    settings = settings_for(tmp_path, own.url)
    lvlm = connect(LvlmSpec(model="tiny"), settings, HASTY)
    assert lvlm.answer(BRIGHT[:1])[0].error is None
    assert lvlm.revision == "served:tiny (unlisted)"
    with pytest.raises(ModelServerError, match="404"):  # then nobody can say which one `auto` is
        connect(LvlmSpec(model="auto"), settings, HASTY)
    wrong = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url.removesuffix("/v1")), HASTY)
    with pytest.raises(ModelServerError, match="ends in /v1"):
        wrong.answer(BRIGHT[:1])


def test_a_list_too_short_to_tell_is_an_error_not_a_score(start_server: Any, local: Any, tmp_path: Path) -> None:
    """But for a written 1.0, which is likely however the rest is shared."""
    own = start_server("--most-shown", "2")
    lvlm = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url), HASTY)
    answers = lvlm.answer(BRIGHT)
    for near, far in zip(local.answer(BRIGHT), answers, strict=True):
        if far.error is None:
            assert 0.05 < far.uncertainty <= 0.25
            assert abs(expected_score(near) - expected_score(far)) <= far.uncertainty
        else:
            assert "open" in far.error
    assert [answer.error is None for answer in answers[:4]] == [False] * 4


def test_a_server_that_cannot_go_on_with_a_text_is_found_out(start_server: Any, local: Any, tmp_path: Path) -> None:
    """It opens a new turn behind "0.", where "0" starts an answer; read as a digit it would make the picture dark."""
    own = start_server("--deaf")
    lvlm = connect(LvlmSpec(model="tiny"), settings_for(tmp_path, own.url), HASTY)
    answers = lvlm.answer(BRIGHT)
    for near, far in zip(local.answer(BRIGHT), answers, strict=True):
        if far.error is None:
            assert abs(expected_score(near) - expected_score(far)) < max(0.05, far.uncertainty)
        else:
            assert "open" in far.error
    assert answers[-1].uncertainty > 0.05  # "1.0" was written; how the rest is shared nobody says


def test_a_bad_image_fails_alone(ask: Any) -> None:
    bad = Request(np.zeros((0, 3, 3), np.uint8), QUESTION, AnswerKind.TEXT)
    answers = ask().answer([bad, Request(BRIGHT[0].image, QUESTION, AnswerKind.TEXT)])
    assert "shape" in (answers[0].error or "")
    assert answers[1].error is None
