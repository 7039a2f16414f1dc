"""Byte-pair tokenizers of the demo models: nearly every word they learn is one token, any other text is bytes."""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from anyanomaly_core.demo import vocabulary as words

from .wording import all_wordings

START, END, PAD, IMAGE = "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<image>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _texts() -> Iterator[str]:
    """Everything either model reads or writes."""
    for texts in (*words.EVENT_TEXTS.values(), words.PERSON_TEXTS, words.NORMAL_TEXTS, words.EMPTY_TEXTS):
        for text in texts:
            # with and without a leading blank, as after a quote and after a word
            yield from (text, f" {text}", text.capitalize())
    for text in words.UNRELATED_TEXTS:
        yield from (text, f" {text}")
    yield from words.PHOTO_TEMPLATES
    for _ in range(3):
        yield from all_wordings()
        yield from (*words.REASONS.values(), words.REASON_ABSENT, *(f" {r}" for r in words.REASONS.values()))
    yield from ("user\n", "assistant\n")


def _train_tokenizer(special: list[str], size: int, lower: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    # digits apart, as in ordinary tokenizers: "0.9" is "0", ".", "9"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=lower)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer


def chat_tokenizer(size: int = 2048) -> PreTrainedTokenizerFast:
    """The language model's tokenizer, with a chat template and an image token."""
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=_train_tokenizer([PAD, START, END, IMAGE], size, lower=False),
        model_max_length=1024,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        extra_special_tokens={"image_token": IMAGE},
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def caption_tokenizer(size: int = 2048, context: int = 32) -> PreTrainedTokenizerFast:
    """The encoder's tokenizer: lower case, `<s> text </s>`, padded with 0."""
    inner = _train_tokenizer(["<pad>", "<s>", "</s>"], size, lower=True)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair=None, special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner,
        model_max_length=context,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
    )
