"""The eleven answers as a tree of tokens, for any tokenizer.

The likelihood readout asks how probable each answer is as the continuation of a prompt. One answer may be three
tokens ("0", ".", "5"), two ("▁0.", "5") or one ("0.5"), and the tokens depend on what stands before. So the
answers are tokenised behind the prompt, and what they share is read once: tokens that all of them start with join the
prompt, and of the rest only the *stems* (token runs after which an answer still goes on) need another look.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anyanomaly_core.models.protocols import ANSWERS

Tokenize = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class TokenStep:
    """A token of an answer, and where its probability is read."""

    stem: int | None  # None: behind the prompt; else index into ``AnswerTree.stems``
    position: int  # behind which token of that stem
    token: int


@dataclass(frozen=True, slots=True)
class AnswerTree:
    """How to read the probability of each of ``ANSWERS``: the product over its steps."""

    stems: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[TokenStep, ...], ...]  # one tuple per answer

    @property
    def depth(self) -> int:
        """Tokens of the longest stem; 0 when one look at the end of the prompt is enough."""
        return max((len(stem) for stem in self.stems), default=0)


@dataclass(frozen=True, slots=True)
class AnswerPrompt:
    """Token ids to read first, and the tree of what may follow them."""

    token_ids: tuple[int, ...]
    tree: AnswerTree


def answer_prompt(prompt: str, separator: str, tokenize: Tokenize) -> AnswerPrompt:
    """Tokenise ``prompt`` and the answers behind it.

    Where a tokenizer joins the end of the prompt with the start of the answer (SentencePiece does), the last tokens of
    the prompt are taken back and counted as the answers' own, because that is the text the model has learned from.

    Args:
        prompt: rendered prompt up to and with the opening of the assistant's turn.
        separator: what the chat template writes between that and the answer, often "" or " ".
        tokenize: text to token ids, the way the model's processor does it.
    """
    whole = [tuple(tokenize(prompt + separator + answer)) for answer in ANSWERS]
    shared = common_prefix(whole)
    return AnswerPrompt(whole[0][:shared], answer_tree([ids[shared:] for ids in whole]))


def answer_tree(branches: Sequence[tuple[int, ...]]) -> AnswerTree:
    """The tree of the answers' own tokens.

    Raises:
        ValueError: when an answer has no token of its own or starts another one: the tokenizer cannot tell them apart.
    """
    for branch in branches:
        others = [other for other in branches if other is not branch]
        if not branch or any(other[: len(branch)] == branch for other in others):
            raise ValueError("the tokenizer gives two of the answers 0.0 ... 1.0 the same tokens")
    inner = {branch[:length] for branch in branches for length in range(1, len(branch))}
    stems = sorted(run for run in inner if not any(len(o) > len(run) and o[: len(run)] == run for o in inner))
    return AnswerTree(tuple(stems), tuple(_steps(branch, stems) for branch in branches))


def common_prefix(rows: Sequence[Sequence[int]]) -> int:
    """How many leading tokens all rows share."""
    shared = 0
    for column in zip(*rows, strict=False):
        if any(token != column[0] for token in column):
            break
        shared += 1
    return shared


def _steps(branch: tuple[int, ...], stems: Sequence[tuple[int, ...]]) -> tuple[TokenStep, ...]:
    steps = [TokenStep(None, 0, branch[0])]
    for length in range(1, len(branch)):
        read = branch[:length]
        stem = next(i for i, candidate in enumerate(stems) if candidate[:length] == read)
        steps.append(TokenStep(stem, length - 1, branch[length]))
    return tuple(steps)
