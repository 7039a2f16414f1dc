# ruff: noqa: ANN401  # models and processors of transformers have no types
"""The likelihood readout against the slowest correct way: eleven whole passes over eleven whole texts."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_tokenizers import KINDS
from tiny_vlms import ARCHITECTURES

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.answer_tree import answer_prompt, answer_tree
from anyanomaly_core.models.protocols import ANSWERS, AnswerKind, Request
from anyanomaly_core.models.visual_tokens import show_images_whole

PROMPT = "Rate from 0.0 to 1.0 whether there is a bicycle."


@torch.inference_mode()
def slow_likelihood(model: Any, processor: Any, image: Any, prompt: str) -> np.ndarray:
    """Whole conversations, written by the template itself, one at a time, no cache; what all share cancels out."""
    totals = []
    for answer in ANSWERS:
        user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}
        said = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
        text = processor.apply_chat_template([user, said], tokenize=False)
        text = text[: text.rindex(answer) + len(answer)]  # without the end of the turn
        inputs = processor(text=[text], images=[[image]], return_tensors="pt")
        ids = inputs["input_ids"]
        spread = model(**inputs).logits.double().log_softmax(-1)
        totals.append(spread[0, :-1].gather(1, ids[0, 1:, None]).sum())
    return torch.stack(totals).softmax(0).numpy()


CASES = [(architecture, "byte_bpe") for architecture in ARCHITECTURES]
CASES += [(architecture, kind) for architecture in ("smolvlm", "llava_onevision") for kind in KINDS[1:]]


@pytest.mark.parametrize(("architecture", "kind"), CASES)
def test_equals_eleven_whole_passes(architecture: str, kind: str, load_vlm: Any, make_lvlm: Any, images: Any) -> None:
    model, processor = load_vlm(architecture, kind)
    show_images_whole(processor.image_processor)
    expected = [slow_likelihood(model, processor, image, PROMPT) for image in images]
    answers = make_lvlm(architecture, kind).answer([Request(image, PROMPT, AnswerKind.SCORE) for image in images])
    for slow, answer in zip(expected, answers, strict=True):
        assert answer.error is None
        assert sum(answer.distribution) == pytest.approx(1)
        np.testing.assert_allclose(answer.distribution, slow, atol=2e-5)
    assert np.ptp(expected[0]) > 0.01  # an even distribution would prove nothing


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("want", AnswerKind)
def test_shared_image_prefix_changes_nothing(architecture: str, want: AnswerKind, make_lvlm: Any, images: Any) -> None:
    texts = ["car", "bag left behind near the gate", "person in a red coat"]
    requests = [Request(image, f"Is there a {text}?", want) for image in images for text in texts]
    together = make_lvlm(architecture, max_new_tokens=4).answer(requests)
    alone = make_lvlm(architecture, max_new_tokens=4, batch_size=1)
    for request, answer in zip(requests, together, strict=True):
        single = alone.answer([request])[0]
        assert answer.error is None
        assert (answer.text, answer.generated_tokens) == (single.text, single.generated_tokens)
        assert answer.prompt_tokens == single.prompt_tokens
        if answer.distribution:
            np.testing.assert_allclose(answer.distribution, single.distribution, atol=2e-5)


def test_each_image_is_encoded_once(make_lvlm: Any, load_vlm: Any, images: Any) -> None:
    model, _ = load_vlm("llava_onevision")
    seen: list[int] = []
    handle = model.model.vision_tower.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
    try:
        lvlm = make_lvlm("llava_onevision")
        lvlm.answer([Request(images[0].copy(), f"Is there a {i}?", AnswerKind.SCORE) for i in range(8)])
        shared = sum(seen)
        seen.clear()
        lvlm.answer([Request(images[0], "Is there a 1?", AnswerKind.SCORE)])
    finally:
        handle.remove()
    assert shared == sum(seen) > 0


TREES = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=11, max_size=11, unique_by=tuple)


@given(TREES, st.integers(0, 2**31))
def test_tree_reads_the_product_of_conditional_probabilities(branches: list[list[int]], seed: int) -> None:
    rows = [tuple(branch) for branch in branches]
    if any(a != b and a == b[: len(a)] for a in rows for b in rows):
        with pytest.raises(ValueError, match="same tokens"):
            answer_tree(rows)
        return
    tree = answer_tree(rows)

    def probability(read: tuple[int, ...], token: int) -> float:
        return float(np.random.default_rng([seed, len(read), *read, token]).random())

    for branch, steps in zip(rows, tree.steps, strict=True):
        assert tuple(step.token for step in steps) == branch
        slow = np.prod([probability(branch[:i], branch[i]) for i in range(len(branch))])
        fast = np.prod(
            [probability(() if s.stem is None else tree.stems[s.stem][: s.position + 1], s.token) for s in steps]
        )
        assert fast == pytest.approx(slow)
    # a stem that starts another one would be read twice
    assert not any(a != b and a == b[: len(a)] for a in tree.stems for b in tree.stems)


def test_joined_boundary_is_taken_back() -> None:
    """A tokenizer that joins ":" with the blank and digit behind it: the answers then start before the prompt's end."""
    pieces = {":": 1, ": 0": 2, ": 1": 3, "Q": 4, ".": 5} | {str(i): 10 + i for i in range(10)}

    def tokenize(text: str) -> list[int]:
        ids = []
        while text:
            piece = max((p for p in pieces if text.startswith(p)), key=len)
            ids.append(pieces[piece])
            text = text[len(piece) :]
        return ids

    scored = answer_prompt("Q:", " ", tokenize)
    assert scored.token_ids == (4,)  # ":" went back to the answers
    assert scored.tree.steps[5][0].token == 2
    assert scored.tree.steps[10][0].token == 3
    assert scored.tree.stems == ((2, 5), (3, 5))


def test_a_model_that_thinks_first_is_refused(make_lvlm: Any, images: Any) -> None:
    lvlm = make_lvlm("llava_onevision")
    lvlm._chat._prompt_text = lambda _prompt: "<|im_start|>assistant\n<think>\n"
    with pytest.raises(ModelError, match="readout: generate"):
        lvlm.answer([Request(images[0], "never asked before", AnswerKind.SCORE)])
