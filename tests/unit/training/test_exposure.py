"""The sampler: neither the list's length nor a clip may give the label away."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from squares import Squares

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.training.exposure import ExposureSampler


def test_length_and_label_are_independent_in_20_000_draws() -> None:
    sampler, random = ExposureSampler([(Squares(), 1.0)], frames=2), np.random.default_rng(0)
    counts = np.zeros((2, 31), int)
    for _ in range(20_000):
        [example] = sampler.draw(random)
        counts[int(example.masks.any()), len(example.categories)] += 1
    assert (counts[:, 1:] > 200).all()  # single words and longest lists come with both labels
    assert chi2_contingency(counts[:, 1:]).pvalue > 0.001
    assert abs(counts[1].sum() / 20_000 - 0.5) < 0.015


def test_lists_of_one_clip_share_its_frames_and_not_their_labels() -> None:
    sampler, random = ExposureSampler([(Squares(8), 1.0)], frames=3, single=0.5), np.random.default_rng(2)
    lengths, labels = [], []
    for _ in range(300):
        examples = sampler.draw(random, lists=3)
        assert all(np.array_equal(a, b) for a, b in zip(examples[0].frames, examples[2].frames, strict=True))
        lengths += [len(example.categories) for example in examples]
        labels.append([bool(example.masks.any()) for example in examples])
    assert 0.5 < np.mean(np.array(lengths) == 1) < 0.62  # half of them, and an eighth of the others
    assert len({tuple(row) for row in labels}) == 2**3  # every combination


def test_the_leaky_lists_are_those_of_the_published_sampler() -> None:
    sampler, random = ExposureSampler([(Squares(8), 1.0)], frames=2, leaky=True), np.random.default_rng(3)
    found = [sampler.draw(random)[0] for _ in range(2000)]
    assert {len(example.categories) for example in found if example.masks.any()} == set(range(2, 9))
    assert {len(example.categories) for example in found if not example.masks.any()} == set(range(1, 8))


def test_what_an_example_holds() -> None:
    sampler, random, source = ExposureSampler([(Squares(8), 1.0)], frames=3), np.random.default_rng(1), Squares(8)
    for _ in range(300):
        [example] = sampler.draw(random)
        assert len(set(example.categories)) == len(example.categories) <= 8
        clips = [i for i in range(len(source)) if set(source.words(i)) & set(example.categories)]
        if example.masks.any():
            assert clips
            assert example.labels.tolist() == [False, True, True]
        else:
            assert not example.labels.any()


def test_the_same_state_gives_the_same_example() -> None:
    sampler = ExposureSampler([(Squares(), 1.0), (Squares(5), 3.0)])
    [one], [other] = (sampler.draw(np.random.default_rng(9)) for _ in range(2))
    assert one.categories == other.categories
    assert np.array_equal(one.masks, other.masks)


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(ConfigurationError, match="nothing to train on: squares"):
        ExposureSampler([(Squares(clips=0), 1.0)])
    sampler, random = ExposureSampler([(Squares(1000), 1.0)]), np.random.default_rng(0)
    with pytest.raises(ConfigurationError, match="squares suits lists of"):
        sampler.draw(random)
