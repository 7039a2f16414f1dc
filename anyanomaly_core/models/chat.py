"""From prompts to the token ids a chat model reads: the model's own template, image before text."""

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.answer_tree import AnswerPrompt, answer_prompt
from anyanomaly_core.models.generated_text import begins_thought
from anyanomaly_core.models.protocols import ANSWERS, Image

_CACHED_PROMPTS = 4096  # rendered prompts; a scan asks the same few prompts about thousands of images


if TYPE_CHECKING:
    from transformers import BatchFeature, PreTrainedTokenizerBase  # seconds to import

Conversation = list[dict[str, object]]  # turns: role and content


class Processor(Protocol):
    """What we use of a transformers processor."""

    tokenizer: "PreTrainedTokenizerBase"
    image_processor: object  # of any class; see visual_tokens
    image_token_id: int

    def apply_chat_template(
        self, conversation: Conversation, *, tokenize: bool = False, add_generation_prompt: bool = False
    ) -> str:
        """The conversation as text, written by the model's template."""

    def create_mm_token_type_ids(self, input_ids: list[list[int]]) -> list[list[int]]:
        """Per token: 0 for text, 1 for an image."""

    def __call__(
        self,
        *,
        text: list[str],
        images: list[list[Image]],
        padding: bool,
        add_special_tokens: bool,
        return_tensors: str,
    ) -> "BatchFeature":
        """Tensors a model reads."""


class ChatFormat:
    """Writes prompts the way one model was taught to read them."""

    def __init__(self, processor: Processor, system_prompt: str | None = None) -> None:
        if not (getattr(processor, "chat_template", None) or processor.tokenizer.chat_template):
            raise ModelError("This model has no chat template: it was not made to answer. Use an instruct model.")
        self._processor, self._system_prompt = processor, system_prompt
        self._tokenizer = processor.tokenizer
        self.prompt_text = lru_cache(maxsize=_CACHED_PROMPTS)(self._prompt_text)
        self.answer_prompt = lru_cache(maxsize=_CACHED_PROMPTS)(self._answer_prompt)
        added = [token for token in self._tokenizer.get_added_vocab() if token[0] + token[-1] in {"<>", "[]"}]
        self._control = tuple(sorted({*self._tokenizer.all_special_tokens, *added}))

    def problem(self, prompt: str) -> str | None:
        """Why this prompt cannot be asked: it contains a control token, with which a rule text could fake a turn."""
        for token in self._control:
            if token in prompt:
                return f"the prompt contains the model's control token {token!r}; take it out of the rule's text"
        return None

    def adds_special_tokens(self, text: str) -> bool:
        """Whether the tokenizer must add its start token: not when the template has written it already."""
        start = self._tokenizer.bos_token
        return not (start is not None and text.startswith(start))

    def token_ids(self, text: str) -> tuple[int, ...]:
        """Token ids of a rendered text, in which the image is still its one placeholder.

        A closing token that the tokenizer appends by itself ([SEP], </s>) is left out: the answer goes on from here.
        """
        options = {"add_special_tokens": self.adds_special_tokens(text), "return_attention_mask": False}
        ids = tuple(self._tokenizer(text, **options)["input_ids"])
        closing = {self._tokenizer.eos_token_id, self._tokenizer.sep_token_id} - {None}
        return ids[:-1] if ids and ids[-1] in closing and not text.endswith(self._control) else ids

    def _prompt_text(self, prompt: str) -> str:
        """The rendered conversation, up to and with the opening of the assistant's turn."""
        return self._processor.apply_chat_template(self._question(prompt), tokenize=False, add_generation_prompt=True)

    def _answer_prompt(self, prompt: str) -> AnswerPrompt:
        rendered = self._prompt_text(prompt)
        if begins_thought(rendered):
            raise ModelError(
                "This model thinks before it answers, so the answer's likelihood cannot be read off its first tokens. "
                "Use `readout: generate`, or the instruct version of the model."
            )
        try:
            return answer_prompt(rendered, self._separator(prompt, rendered), self.token_ids)
        except ValueError as error:
            raise ModelError(
                f"The likelihood readout does not work with this model: {error}. Use `readout: generate`."
            ) from None

    def _separator(self, prompt: str, rendered: str) -> str:
        """What the template puts between the opening of the assistant's turn and the answer ("" if it does not say).

        "Assistant:" is followed by " 0.5" in SmolVLM's template: that blank is part of what the model learned to write.
        """
        answer = ANSWERS[5]
        for content in ([{"type": "text", "text": answer}], answer):
            full = self._render_with_answer(prompt, content)
            if full is None or not full.startswith(rendered):
                continue
            before = full[len(rendered) :].split(answer)[0]
            if answer in full[len(rendered) :] and not set(before) & set("[{'\""):
                return before
        return ""

    def _render_with_answer(self, prompt: str, content: str | list[dict[str, str]]) -> str | None:
        turns: Conversation = [*self._question(prompt), {"role": "assistant", "content": content}]
        try:
            return self._processor.apply_chat_template(turns, tokenize=False)
        except Exception:  # noqa: BLE001  # a template may refuse one of the two forms in any way jinja can
            return None

    def _question(self, prompt: str) -> Conversation:
        question: Conversation = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
        if self._system_prompt is None:
            return question
        return [{"role": "system", "content": [{"type": "text", "text": self._system_prompt}]}, *question]
