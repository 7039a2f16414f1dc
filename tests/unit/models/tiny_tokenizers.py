"""Small tokenizers of every kind a vision-language model comes with, trained in a second on a few sentences."""

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
IMAGE, VIDEO = "<image>", "<video>"
QWEN = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
SMOL = ["<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
GRID = [f"<row_{r}_col_{c}>" for r in range(1, 5) for c in range(1, 5)]
SPECIAL = [PAD, START, END, IMAGE, VIDEO, *QWEN, *SMOL, *GRID]
TEXTS = [
    "Rate from 0.0 to 1.0 whether the picture shows a person in a red coat near the gate. Answer with a number.",
    "user system assistant User: Assistant: is there a bicycle or a car? yes no 0 1 2 3 4 5 6 7 8 9 . 0.9. A reason.",
    " 0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0",
] * 20
KINDS = ("byte_bpe", "sentencepiece", "wordpiece", "whole_answers", "glued_digits")


def make_tokenizer(kind: str, **roles: str) -> PreTrainedTokenizerFast:
    """A tokenizer of one of KINDS; all know the same control tokens, ``roles`` gives some of them names."""
    inner = {
        "byte_bpe": _byte_bpe,
        "sentencepiece": _sentencepiece,
        "wordpiece": _wordpiece,
        "whole_answers": lambda: _with_words([f"{i / 10:.1f}" for i in range(11)]),
        "glued_digits": lambda: _with_words(["0.", "1.0", ".5", "0.7"]),
    }[kind]()
    inner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    named = {"image_token": IMAGE, "fake_image_token": SMOL[0], "global_image_token": SMOL[1]}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=4096,
        eos_token=END,
        pad_token=PAD,
        unk_token="<unk>" if kind in {"sentencepiece", "wordpiece"} else None,
        extra_special_tokens={**named, "end_of_utterance_token": SMOL[2], **roles},
        model_input_names=["input_ids", "attention_mask"],
    )
    for name, token in named.items():
        setattr(tokenizer, name, token)
    return tokenizer


def _byte_bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    )
    return tokenizer


def _with_words(words: list[str]) -> Tokenizer:
    """Byte BPE in which some pieces of answers are single tokens."""
    tokenizer = _byte_bpe()
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    return tokenizer


def _sentencepiece() -> Tokenizer:
    """Blanks are part of the tokens, and one is put before every text, as LLaMA's tokenizer does."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="first")
    letters = sorted({letter for text in TEXTS for letter in text} | {"\n", "▁"})
    trainer = trainers.UnigramTrainer(
        vocab_size=150, initial_alphabet=letters, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def _wordpiece() -> Tokenizer:
    """Blanks vanish, inner pieces carry ##."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=400, special_tokens=["<unk>"], show_progress=False)
    )
    return tokenizer
