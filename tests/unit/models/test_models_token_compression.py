# ruff: noqa: ANN401  # models and processors of transformers have no types
"""Reverse attention: against a dense, slow writing of the same formulas, and what the published code leaves open."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.image_compression import COMPRESSIBLE
from anyanomaly_core.models.lvlm_inputs import DecoderInput
from anyanomaly_core.models.protocols import AnswerKind, Request
from anyanomaly_core.models.token_compression import compress_tokens, group_softmax, local_density


def slow_density(x: torch.Tensor, k: int) -> list[float]:
    """Local reachability density by loops."""
    n, width = x.shape
    apart = [[math.dist(x[p].tolist(), x[o].tolist()) / math.sqrt(width) for o in range(n)] for p in range(n)]
    near = [sorted((o for o in range(n) if o != p), key=lambda o, p=p: apart[p][o])[:k] for p in range(n)]
    far = [apart[p][near[p][-1]] for p in range(n)]
    return [k / (sum(max(far[o], apart[p][o]) for o in near[p]) + 1e-10) for p in range(n)]


def slow_compressed(x: torch.Tensor, kept: int) -> tuple[list[int], torch.Tensor]:
    """References and their features, with a dense [R, L] softmax in which other groups are masked."""
    n, width = x.shape
    density = slow_density(x, min(8, n - 1))
    references = sorted(sorted(range(n), key=lambda p: -density[p])[:kept])
    nearest = [
        min(range(kept), key=lambda r, p=p: math.dist(x[p].tolist(), x[references[r]].tolist())) for p in range(n)
    ]
    scores = -(x[references] @ x.T) / math.sqrt(width)  # [R, L]
    outside = torch.tensor([[nearest[p] != r for p in range(n)] for r in range(kept)])
    return references, scores.masked_fill(outside, -torch.inf).softmax(1) @ x


@pytest.mark.parametrize(("length", "share"), [(40, 0.2), (40, 0.5), (9, 0.34), (5, 0.9), (2, 0.5)])
def test_the_group_softmax_is_the_dense_one(length: int, share: float) -> None:
    x = torch.randn(length, 12, generator=torch.Generator().manual_seed(length))
    references, features = slow_compressed(x, max(1, int(share * length)))
    found = compress_tokens(x, share)
    assert found.references.tolist() == references
    torch.testing.assert_close(found.apply(x), features, atol=1e-5, rtol=1e-5)


def test_density_by_loops() -> None:
    x = torch.randn(30, 6, generator=torch.Generator().manual_seed(1))
    assert local_density(x).tolist() == pytest.approx(slow_density(x, 8), rel=1e-4)


def test_a_share_of_one_changes_nothing() -> None:
    x = torch.randn(17, 8)
    found = compress_tokens(x, 1.0)
    assert torch.equal(found.apply(x), x)
    assert found.references.tolist() == list(range(17))


@settings(max_examples=50)
@given(st.integers(1, 60), st.floats(0.01, 1.0), st.integers(0, 9))
def test_every_length_is_kept_in_order(length: int, share: float, repeated: int) -> None:
    x = torch.randn(length, 4, generator=torch.Generator().manual_seed(length))
    x[: min(repeated, length)] = 0.0  # a black corner
    found = compress_tokens(x, share)
    assert len(found.references) == (length if length == 1 else max(1, int(share * length)))
    assert (found.references.diff() > 0).all()
    sums = torch.zeros(len(found.references)).index_add_(0, found.group, found.weights)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    assert torch.isfinite(found.apply(x)).all()


def test_equal_tokens_do_not_take_all_references() -> None:
    """A black half counts as one token: the other half keeps its places."""
    x = torch.cat([torch.zeros(50, 8), torch.randn(50, 8, generator=torch.Generator().manual_seed(3))])
    found = compress_tokens(x, 0.2)
    assert (found.references >= 50).sum() >= 19


def test_a_black_picture_has_as_many_tokens_as_any_other() -> None:
    x = torch.zeros(20, 8)
    found = compress_tokens(x, 0.25)
    assert found.references.tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(found.apply(x), torch.zeros(5, 8))


def test_other_features_of_the_same_tokens_go_the_same_way() -> None:
    x, other = torch.randn(12, 4), torch.randn(12, 7).half()
    found = compress_tokens(x, 0.5)
    by_hand = torch.stack([(found.weights[:, None] * other.float())[found.group == r].sum(0) for r in range(6)])
    torch.testing.assert_close(found.apply(other).float(), by_hand, atol=2e-3, rtol=2e-3)
    assert found.apply(other).dtype is torch.float16


def test_group_softmax_of_large_numbers() -> None:
    weights = group_softmax(torch.tensor([1e4, 1e4 - 1, -1e4, 3.0]), torch.tensor([0, 0, 1, 2]), 3)
    assert weights.tolist() == pytest.approx([0.731058, 0.268941, 1.0, 1.0], abs=1e-4)


@pytest.mark.parametrize("architecture", sorted(COMPRESSIBLE))
@pytest.mark.parametrize("want", AnswerKind)
def test_all_tokens_kept_gives_the_same_answers(
    architecture: str, want: AnswerKind, make_lvlm: Any, images: Any
) -> None:
    requests = [Request(image, text, want) for image in images for text in ("Is there a car?", "yes or no")]
    plain, kept = make_lvlm(architecture).answer(requests), make_lvlm(architecture, compression=1.0).answer(requests)
    for one, other in zip(plain, kept, strict=True):
        assert other.error is None
        assert one.text == other.text
        assert one.prompt_tokens == other.prompt_tokens
        assert other.distribution == pytest.approx(one.distribution, abs=1e-6)


@pytest.mark.parametrize("architecture", sorted(COMPRESSIBLE))
def test_fewer_tokens_at_their_own_positions(architecture: str, make_lvlm: Any, images: Any) -> None:
    lvlm = make_lvlm(architecture, compression=0.5)
    seen: list[DecoderInput] = []
    compress, full = lvlm._first_pass, lvlm._inputs.first_pass
    lvlm._first_pass = lambda *args: seen.append(compress(*args)) or seen[-1]
    lvlm._inputs.first_pass = lambda *args: seen.append(full(*args)) or seen[-1]
    answers = lvlm.answer([Request(image, "Is there a car?", AnswerKind.SCORE) for image in images])
    assert all(answer.distribution is not None for answer in answers)
    whole, short = seen
    image = lvlm._model.config.image_token_id
    for row in range(len(images)):
        before, after = whole.ids[row] == image, short.ids[row] == image
        assert int(after.sum()) == int(before.sum()) // 2
        positions = {tuple(one) for one in whole.positions[..., row, before].reshape(-1, int(before.sum())).T.tolist()}
        kept = [tuple(one) for one in short.positions[..., row, after].reshape(-1, int(after.sum())).T.tolist()]
        assert set(kept) <= positions
        text = short.mask[row].bool() & ~after
        assert torch.equal(short.positions[..., row, text], whole.positions[..., row, whole.mask[row].bool() & ~before])
        assert torch.equal(short.ids[row, text], whole.ids[row, whole.mask[row].bool() & ~before])


def test_an_image_alone_is_read_as_in_a_batch(make_lvlm: Any, images: Any) -> None:
    lvlm = make_lvlm("qwen3_vl", compression=0.4)
    requests = [
        Request(image, text, AnswerKind.SCORE) for image in images for text in ("Is there a car?", "yes or no 1 2")
    ]
    for one, request in zip(lvlm.answer(requests), requests, strict=True):
        assert one.distribution == pytest.approx(lvlm.answer([request])[0].distribution, abs=2e-5)


def test_other_models_say_so(make_lvlm: Any) -> None:
    with pytest.raises(ModelError, match=r"llava_onevision\) cannot be compressed; those of fast_vlm"):
        make_lvlm("llava_onevision", compression=0.5)
