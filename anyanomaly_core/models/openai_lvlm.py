"""The vision-language model behind an OpenAI-compatible server (vLLM, llama.cpp, ``transformers serve`` ...)."""

import base64
import io
import threading
from collections.abc import Sequence
from typing import Any

from PIL import Image as PilImage

from anyanomaly_core import watchdog
from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import ConfigurationError, ModelServerError, ModelServerSetupError
from anyanomaly_core.models.concurrency import map_concurrently
from anyanomaly_core.models.generated_text import strip_unfinished_word
from anyanomaly_core.models.images import image_problem, limit_side
from anyanomaly_core.models.openai_http import NoSuchPathError, RetryPolicy, ServerConnection
from anyanomaly_core.models.openai_replies import Choice, NoAnswerError, RequestFailedError, first_choice
from anyanomaly_core.models.protocols import Answer, AnswerKind, Image, Request
from anyanomaly_core.models.refusals import RefusalCounter
from anyanomaly_core.models.token_probabilities import (
    BELOW_ONE,
    AnswerProbabilities,
    TokenPosition,
    answer_probabilities,
    is_one,
    lengths_of_start,
    share_evenly,
    share_pending,
    token_positions,
)
from anyanomaly_core.profile import LvlmSpec

ANY_MODEL = "auto"  # the profile takes the one model the server serves
_TOP, _FEW = 20, 5  # probabilities a place: the most the protocol allows, and what any server shows that shows some
_ANSWER_TOKENS = 6  # enough for a blank and the longest answer, a character each
_LONGEST_TEXT = 100_000  # characters, with what was thought
_UNKNOWN = 0.05  # share of the answers' probability that may lie elsewhere
_UNCERTAIN = 0.25  # by how much the score of a written 1.0 may be off
_QUOTED = 500  # characters of an error
_SMALL = 320  # sides up to this go as PNG, larger ones as JPEG
_JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}


def connect(spec: LvlmSpec, settings: ModelSettings, policy: RetryPolicy | None = None) -> "OpenAiLvlm":
    """Check that the server is there and serves the profile's model.

    Raises:
        ConfigurationError: when no address is configured.
        ModelServerError: when the server cannot be reached, or does not serve the model.
    """
    base_url = settings.lvlm_base_url or spec.base_url
    if base_url is None:
        raise ConfigurationError(
            "This profile's model is behind a server, but no address is configured. "
            "Set ANYANOMALY_LVLM_BASE_URL (such as http://gpu-box:8000/v1) or the profile's lvlm.base_url."
        )
    server = ServerConnection(
        base_url,
        settings.lvlm_api_key,
        connections=spec.concurrency,
        policy=policy or RetryPolicy(outage_s=settings.lvlm_patience_s),
    )
    name, root = _served_model(server, spec.model)
    pinned = f"@{spec.revision}" if spec.revision else ""
    return OpenAiLvlm(server, spec, name=name, revision=f"served:{root}{pinned}")


def _served_model(server: ServerConnection, wanted: str) -> tuple[str, str]:
    """Name and root of the model to ask for."""
    try:
        listed = server.get("models").get("data")
    except NoSuchPathError:
        if wanted == ANY_MODEL:
            raise
        listed = []  # a server need not list its models; if the address is wrong, the first question will tell
    except RequestFailedError as error:
        raise ModelServerError(f"The model server {server.shown_url} does not list its models: {error}.") from None
    entries = [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []
    roots = {m["id"]: m.get("root") for m in entries if isinstance(m.get("id"), str)}
    if wanted == ANY_MODEL and len(roots) == 1:
        wanted = next(iter(roots))
    if not roots and wanted != ANY_MODEL:  # `transformers serve` lists only its hub cache
        return wanted, f"{wanted} (unlisted)"
    if wanted not in roots:
        served = ", ".join(sorted(roots)[:20]) or "nothing"
        raise ModelServerSetupError(
            f"The model server {server.shown_url} does not serve {wanted!r} but {served}. "
            "Start it with that model, or write one of these names into the profile's lvlm.model."
        )
    root = roots[wanted]
    return wanted, root if isinstance(root, str) else wanted


class OpenAiLvlm:
    """Asks the server, several requests at once; every answer comes back in the reply to its own request."""

    def __init__(self, server: ServerConnection, spec: LvlmSpec, *, name: str, revision: str) -> None:
        self._server, self._spec = server, spec
        self._name, self._revision = name, revision
        self._listed = _TOP  # probabilities to ask for
        self._refusals = RefusalCounter(server.shown_url)
        self._free = threading.BoundedSemaphore(spec.concurrency)  # of requests, whoever calls

    @property
    def name(self) -> str:
        """The model as the server calls it."""
        return self._name

    @property
    def revision(self) -> str:
        """What the server says it serves, and the profile's revision; a server shows no hash of its weights."""
        return self._revision

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order; at most ``concurrency`` are under way, those of other threads counted.

        A request that is refused, keeps failing or is answered with nonsense gets ``error`` and fails no other.

        Raises:
            ModelServerError: the server stays away, refuses everything, or shows no token probabilities although the
                likelihood readout needs them.
        """
        encoded = _ImageUrls(self._spec.max_image_side)

        def ask(request: Request) -> Answer:
            with self._free:
                answer = self._answer(request, encoded)
            watchdog.feed()
            return answer

        return map_concurrently(ask, requests, self._spec.concurrency)

    def _answer(self, request: Request, encoded: "_ImageUrls") -> Answer:
        problem = image_problem(request.image)
        if problem is not None:
            return Answer(error=problem)
        content = [
            {"type": "image_url", "image_url": {"url": encoded.url(request.image)}},
            {"type": "text", "text": request.prompt},
        ]
        read = self._text if request.want is AnswerKind.TEXT else self._distribution
        try:
            answer = read([*self._system_turn, {"role": "user", "content": content}])
        except RequestFailedError as error:
            said = self._server.quote(error, _QUOTED)
            self._refusals.count(said, is_models=isinstance(error, NoAnswerError))
            return Answer(error=said)
        self._refusals.clear()
        return answer

    @property
    def _system_turn(self) -> list[dict[str, Any]]:
        said = self._spec.system_prompt
        return [] if said is None else [{"role": "system", "content": said}]

    def _text(self, messages: list[dict[str, Any]]) -> Answer:
        # no field of the protocol: vLLM, SGLang and llama.cpp know it by different names, and this is vLLM's
        penalty = self._spec.repetition_penalty
        options = {} if penalty == 1.0 else {"repetition_penalty": penalty}
        choice = self._ask(messages, max_tokens=self._spec.max_new_tokens, **options)
        text = choice.text
        is_cut = choice.is_cut or len(text) > _LONGEST_TEXT
        text = text[:_LONGEST_TEXT].encode(errors="replace").decode()  # JSON can carry halves of characters
        return Answer(
            text=strip_unfinished_word(text).strip() if is_cut else text.strip(),
            is_cut=is_cut,
            prompt_tokens=choice.prompt_tokens,
            generated_tokens=choice.generated_tokens,
        )

    def _distribution(self, messages: list[dict[str, Any]]) -> Answer:
        choice, positions = self._ask_for_probabilities(messages)
        found = self._complete(positions, messages, choice.prompt_tokens)
        uncertainty = found.uncertainty
        if found.unknown_share > _UNKNOWN and not (is_one(positions) and uncertainty <= _UNCERTAIN):
            written = "".join(position.written for position in positions)
            raise NoAnswerError(
                f"the probabilities shown leave {found.unknown_share:.0%} of the answer open "
                f"(the model wrote {written!r}); use `readout: generate`"
            )
        return Answer(
            distribution=tuple(share_evenly(found).tolist()),
            uncertainty=uncertainty,
            prompt_tokens=choice.prompt_tokens,
            generated_tokens=choice.generated_tokens,
        )

    def _ask_for_probabilities(self, messages: list[dict[str, Any]]) -> tuple[Choice, list[TokenPosition]]:
        """The answer with the most probabilities that this server shows."""
        while True:
            listed = self._listed
            try:
                choice = self._ask(messages, max_tokens=_ANSWER_TOKENS, logprobs=True, top_logprobs=listed)
            except RequestFailedError as error:
                if "logprobs" not in str(error) or self._refusals.has_answered:
                    raise
                if listed == _FEW:
                    raise ModelServerSetupError(f"{self._shows_none} Its words: {error}.") from None
                self._listed = _FEW  # some servers show 5 and refuse a question for more
                continue
            return choice, self._positions(choice)

    def _positions(self, choice: Choice) -> list[TokenPosition]:
        try:
            positions = token_positions(choice.content)
        except ValueError as error:
            raise RequestFailedError(f"the model server's token probabilities cannot be used: {error}") from None
        if positions is None:
            raise RequestFailedError(self._shows_none)
        return positions

    @property
    def _shows_none(self) -> str:
        return (
            f"The model server {self._server.shown_url} shows no token probabilities (logprobs with top_logprobs), "
            "which the likelihood readout needs. Use `readout: generate`, or a server that shows them."
        )

    def _complete(
        self, positions: list[TokenPosition], messages: list[dict[str, Any]], prompt_tokens: int
    ) -> AnswerProbabilities:
        """Read the answer, and find out how what is pending is shared among 0.0 to 0.9, if the server can tell."""
        found = answer_probabilities(positions)
        if found.pending <= 0:
            return found
        if found.known[:-1].sum() > found.pending:  # the written text went through "0." and showed the shares
            return share_pending(found, AnswerProbabilities(found.known))
        if found.unknown_share <= _UNKNOWN:  # too little to ask again
            return found
        shares = self._shares_below_one(positions, messages, prompt_tokens)
        return found if shares is None else share_pending(found, shares)

    def _shares_below_one(
        self, positions: list[TokenPosition], messages: list[dict[str, Any]], prompt_tokens: int
    ) -> AnswerProbabilities | None:
        """How probable each digit is behind "0."; None when the server cannot go on with a text that is begun."""
        begun = [*messages, {"role": "assistant", "content": BELOW_ONE}]
        try:
            choice = self._ask(
                begun,
                max_tokens=1,
                logprobs=True,
                top_logprobs=self._listed,
                add_generation_prompt=False,
                continue_final_message=True,
            )
            shown = token_positions(choice.content) or []
        except (RequestFailedError, ValueError):
            return None
        # A server that does not know this option closes the turn and opens another, where "0" is no digit behind "0."
        # but the start of a new answer. It shows in the length: the prompt has grown by more than "0." itself.
        if choice.prompt_tokens - prompt_tokens not in lengths_of_start(positions):
            return None
        return answer_probabilities(shown, start=BELOW_ONE)

    def _ask(self, messages: list[dict[str, Any]], *, max_tokens: int, **options: float) -> Choice:
        body = {"model": self._name, "messages": messages, "temperature": 0, "seed": 0, "stream": False}
        reply = self._server.post("chat/completions", body | {"max_tokens": max_tokens} | options)
        return first_choice(reply, max_tokens)


class _ImageUrls:
    """Data URLs of images, each image encoded once however many prompts ask about it."""

    def __init__(self, longest_side: int | None) -> None:
        self._longest_side = longest_side
        self._urls: dict[int, str] = {}  # the caller's list keeps the arrays, and so their ids, alive

    def url(self, image: Image) -> str:
        if id(image) not in self._urls:
            self._urls[id(image)] = data_url(limit_side(image, self._longest_side))
        return self._urls[id(image)]


def data_url(image: Image) -> str:
    """``image`` as a data URL: PNG up to 320 pixels a side (the context images), else JPEG, quality 95, full colour."""
    small = max(image.shape[:2]) <= _SMALL
    buffer = io.BytesIO()
    options: dict[str, Any] = {"format": "PNG", "compress_level": 1} if small else _JPEG
    PilImage.fromarray(image).save(buffer, **options)
    return f"data:image/{'png' if small else 'jpeg'};base64,{base64.b64encode(buffer.getvalue()).decode()}"
