"""The vision-language model behind an OpenAI-compatible server (vLLM, llama.cpp, ``transformers serve`` ...)."""

import base64
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image as PilImage

from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import ConfigurationError, ModelServerError
from anyanomaly_core.models.images import image_problem, limit_side
from anyanomaly_core.models.openai_http import NothingThereError, Patience, RequestFailedError, ServerConnection
from anyanomaly_core.models.protocols import Answer, Image, Request, Want
from anyanomaly_core.models.side_by_side import side_by_side
from anyanomaly_core.models.token_odds import (
    BELOW_ONE,
    Place,
    Reading,
    lengths_of_start,
    places_of,
    read_places,
    share_pending,
)
from anyanomaly_core.profile import LvlmSpec

ANY_MODEL = "auto"  # the profile takes the one model the server serves
_TOP, _FEW = 20, 5  # probabilities a place: the most the protocol allows, and what any server shows that shows some
_ANSWER_TOKENS = 6  # enough for a blank and the longest answer, a character each
_LONGEST_TEXT = 4000  # characters; nobody asked for more than a sentence
_MOST_TOKENS = 2**31
_DOUBT = 0.05  # a likelihood that may be off by more is no score
_SMALL = 320  # sides up to this go as PNG, larger ones as JPEG
_JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}


def connect(spec: LvlmSpec, settings: ModelSettings, patience: Patience | None = None) -> "OpenAiLvlm":
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
        base_url, settings.lvlm_api_key, connections=spec.concurrency, patience=patience or Patience()
    )
    name, root = _served_model(server, spec.model)
    pinned = f"@{spec.revision}" if spec.revision else ""
    return OpenAiLvlm(server, spec, name=name, revision=f"served:{root}{pinned}")


def _served_model(server: ServerConnection, wanted: str) -> tuple[str, str]:
    """Name and root of the model to ask for."""
    try:
        listed = server.get("models").get("data")
    except NothingThereError:
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
        raise ModelServerError(
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
        self._shown = _TOP

    @property
    def name(self) -> str:
        """The model as the server calls it."""
        return self._name

    @property
    def revision(self) -> str:
        """What the server says it serves, and the profile's revision; a server shows no hash of its weights."""
        return self._revision

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order; at most ``concurrency`` are under way.

        A request that is refused, keeps failing or is answered with nonsense gets ``error`` and fails no other.

        Raises:
            ModelServerError: the server is gone, refuses everything, or shows no token probabilities although the
                likelihood readout needs them.
        """
        encoded = _EncodedImages(self._spec.max_image_side)

        def ask(request: Request) -> Answer:
            return self._answer(request, encoded)

        return side_by_side(ask, requests, self._spec.concurrency)

    def _answer(self, request: Request, encoded: "_EncodedImages") -> Answer:
        problem = image_problem(request.image)
        if problem is not None:
            return Answer(error=problem)
        content = [
            {"type": "image_url", "image_url": {"url": encoded.url(request.image)}},
            {"type": "text", "text": request.prompt},
        ]
        try:
            if request.want is Want.TEXT:
                return self._text([{"role": "user", "content": content}])
            return self._distribution([{"role": "user", "content": content}])
        except RequestFailedError as error:
            return Answer(error=str(error))

    def _text(self, messages: list[dict[str, Any]]) -> Answer:
        choice, used = self._ask(messages, max_tokens=self._spec.max_new_tokens)
        message = choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if not isinstance(text, str):
            return Answer(error="the model server's reply holds no text")
        storable = text[:_LONGEST_TEXT].encode(errors="replace").decode()  # JSON can carry halves of characters
        return Answer(text=storable.strip(), prompt_tokens=used[0], generated_tokens=used[1])

    def _distribution(self, messages: list[dict[str, Any]]) -> Answer:
        choice, used = self._ask_for_odds(messages)
        places = places_of(choice)
        if places is None:
            raise ModelServerError(self._shows_no_odds)
        reading = self._complete(places, messages, used[0])
        if reading.doubt > _DOUBT:
            written = "".join(place.written for place in places)
            return Answer(
                error=f"the probabilities shown leave {reading.doubt:.0%} of the answer open "
                f"(the model wrote {written!r}); use `readout: generate`"
            )
        known = reading.known / reading.known.sum()
        return Answer(distribution=tuple(known.tolist()), prompt_tokens=used[0], generated_tokens=used[1])

    def _ask_for_odds(self, messages: list[dict[str, Any]]) -> tuple[dict[str, Any], tuple[int, int]]:
        """The answer with the most probabilities that this server shows."""
        while True:
            shown = self._shown
            try:
                return self._ask(messages, max_tokens=_ANSWER_TOKENS, logprobs=True, top_logprobs=shown)
            except RequestFailedError as error:
                if "logprobs" not in str(error):
                    raise
                if shown == _FEW:
                    raise ModelServerError(f"{self._shows_no_odds} Its words: {error}.") from None
                self._shown = _FEW  # some servers show 5 and refuse a question for more

    @property
    def _shows_no_odds(self) -> str:
        return (
            f"The model server {self._server.shown_url} shows no token probabilities (logprobs with top_logprobs), "
            "which the likelihood readout needs. Use `readout: generate`, or a server that shows them."
        )

    def _complete(self, places: list[Place], messages: list[dict[str, Any]], prompt_tokens: int) -> Reading:
        """Read the answer, and find out how what is pending is shared among 0.0 to 0.9."""
        reading = read_places(places)
        if reading.pending <= 0:
            return reading
        if reading.known[:-1].sum() > reading.pending:  # the written text went through "0." and showed the shares
            return share_pending(reading, reading.known)
        if reading.doubt <= _DOUBT:  # too little to ask again; the middle of the ten
            return share_pending(reading, (Reading().known + 1.0))
        begun = [*messages, {"role": "assistant", "content": BELOW_ONE}]
        choice, used = self._ask(
            begun,
            max_tokens=1,
            logprobs=True,
            top_logprobs=self._shown,
            add_generation_prompt=False,
            continue_final_message=True,
        )
        # A server that does not know this option closes the turn and opens another, where "0" is no digit behind "0."
        # but the start of a new answer. It shows in the length: the prompt has grown by more than "0." itself.
        if used[0] - prompt_tokens not in lengths_of_start(places):
            return reading
        shares = read_places(places_of(choice) or [], start=BELOW_ONE)
        clear = shares.doubt <= _DOUBT and shares.known.sum() > _DOUBT
        return share_pending(reading, shares.known) if clear else reading

    def _ask(self, messages: list[dict[str, Any]], **options: Any) -> tuple[dict[str, Any], tuple[int, int]]:  # noqa: ANN401
        """The first choice, and tokens read and written as the server counts them."""
        body = {"model": self._name, "messages": messages, "temperature": 0, "seed": 0, "stream": False}
        reply = self._server.post("chat/completions", body | options)
        choices = reply.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise RequestFailedError("the model server's reply holds no choice")
        usage = reply.get("usage")
        counts = [usage.get(k) if isinstance(usage, dict) else 0 for k in ("prompt_tokens", "completion_tokens")]
        read, written = (count if isinstance(count, int) and 0 <= count < _MOST_TOKENS else 0 for count in counts)
        return choices[0], (read, written)


class _EncodedImages:
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
