"""What the encoder saw is kept: nothing is encoded twice, and scores do not depend on where an embedding came from."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.engine.embeddings import VideoEmbeddings, encoding_digest
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.types import EncodedSegment, RuleTexts, SegmentFrames, SegmentScore

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))
from small_models import CountingLvlm, RandomProjection

from tests.steady import steady_segments

BIKE, DOG = RuleTexts(1, "bike", ("a bicycle",)), RuleTexts(2, "dog", ("a dog",), ("a cat",))


def segments_of(frames: int) -> list[SegmentFrames]:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 255, (60, 80, 3), dtype=np.uint8) for _ in range(frames)]
    return [SegmentFrames(s, tuple(images[n] for n in s.sampled)) for s in steady_segments(frames, 24)]


@pytest.fixture
def profile() -> Profile:
    return load_profile("demo")


def scan(
    profile: Profile, rules: Sequence[RuleTexts], folder: Path | None, frames: int = 60
) -> tuple[list[SegmentScore], int]:
    """Rows without their times, and how many images went to the encoder."""
    encoder = RandomProjection()
    scorer = AnyAnomalyScorer(profile, encoder, CountingLvlm())
    segments = segments_of(frames)
    if folder is None:
        rows = scorer.score(segments, rules)
    else:
        with VideoEmbeddings(folder) as kept:
            segments = [SegmentFrames(s.segment, s.images, kept.known(s.segment)) for s in segments]
            rows = scorer.score(segments, rules)
            kept.learn(segments)
    for row in rows:
        row.timings_ms.clear()
    return rows, encoder.images_seen


def test_a_known_rule_encodes_nothing_and_a_new_one_no_frame_and_only_new_windows(
    profile: Profile, tmp_path: Path
) -> None:
    first, encoded = scan(profile, [BIKE], tmp_path / "a")
    assert encoded == 60 + 38 * sum(len(set(row.grid_frames)) for row in first)
    assert scan(profile, [BIKE], tmp_path / "a") == (first, 0)
    second, added = scan(profile, [DOG], tmp_path / "a")
    old = {frame for row in first for frame in row.grid_frames}
    assert added == 38 * len({frame for row in second for frame in row.grid_frames} - old)
    assert scan(profile, [BIKE, DOG], tmp_path / "a")[1] == 0
    # together in one pass: exactly the same number of encodes as one after the other
    assert scan(profile, [BIKE, DOG], tmp_path / "b")[1] == encoded + added


def test_kept_embeddings_give_the_very_scores_of_the_first_pass(profile: Profile, tmp_path: Path) -> None:
    fresh, _ = scan(profile, [BIKE, DOG], None)
    kept, _ = scan(profile, [BIKE, DOG], tmp_path)
    again, encoded = scan(profile, [BIKE, DOG], tmp_path)
    assert (fresh, 0) == (kept, 0) == (again, encoded)


def test_what_a_killed_writer_left_is_not_read(profile: Profile, tmp_path: Path) -> None:
    rows, encoded = scan(profile, [BIKE], tmp_path)
    (part,) = tmp_path.iterdir()
    part.rename(tmp_path / f".{part.name}")  # as before its last step
    assert scan(profile, [BIKE], tmp_path) == (rows, encoded)


@pytest.mark.parametrize("damage", ["empty", "short", "missing", "pickle", "other"])
def test_a_damaged_part_costs_work_and_no_score(profile: Profile, tmp_path: Path, damage: str) -> None:
    rows, encoded = scan(profile, [BIKE], tmp_path)
    (part,) = tmp_path.iterdir()
    target = part / "windows.npy"
    if damage == "empty":
        target.write_bytes(b"")
    elif damage == "short":
        target.write_bytes(target.read_bytes()[:-100])
    elif damage == "missing":
        target.unlink()
    elif damage == "pickle":
        np.save(target, np.array([{"a": 1}], object), allow_pickle=True)
    else:
        np.save(target, np.zeros((3, 2), np.float64))
    assert scan(profile, [BIKE], tmp_path) == (rows, encoded)


def test_a_folder_that_cannot_be_written_costs_the_cache_only(
    profile: Profile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    rows, encoded = scan(profile, [BIKE], tmp_path / "file" / "a")
    assert (rows, encoded) == scan(profile, [BIKE], None)
    assert "could not be kept" in caplog.text


@given(st.lists(st.tuples(st.sets(st.integers(0, 23)), st.booleans()), min_size=1, max_size=6), st.integers(1, 24))
def test_whatever_is_learned_in_whatever_order_is_known_afterwards(
    tmp_path_factory: pytest.TempPathFactory, learned: list[tuple[set[int], bool]], n: int
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(n, 5)).astype(np.float16).astype(np.float32)
    windows = rng.normal(size=(24, 3, 5)).astype(np.float16).astype(np.float32)
    segment = Segment(7, 100, 100 + 2 * n - 1, range(100, 100 + 2 * n, 2))
    seen: set[int] = set()
    seen_frames = False
    for places, with_frames in learned:
        own = {place for place in places if place < n}
        encoded = EncodedSegment(windows={place: windows[place] for place in own})
        if with_frames:
            encoded.frames = frames
        with VideoEmbeddings(folder) as kept:
            kept.learn([SegmentFrames(segment, (), encoded)])
        seen |= own
        seen_frames |= with_frames
        known = VideoEmbeddings(folder).known(segment)
        assert known.windows.keys() == seen
        assert all(np.array_equal(known.windows[place], windows[place]) for place in seen)
        assert len(known.frames) == (n if seen_frames else 0)
        assert not seen_frames or np.array_equal(known.frames, frames)
    shutil.rmtree(folder)


def test_every_input_of_an_embedding_is_in_its_key(profile: Profile) -> None:
    def other(**changes: object) -> Profile:
        return profile.model_copy(update=changes)

    encoder, contexts, sampling = profile.encoder, profile.contexts, profile.sampling
    keys = [
        encoding_digest(profile, "r1", None),
        encoding_digest(profile, "r2", None),
        encoding_digest(profile, "r1", "mask"),
        encoding_digest(other(encoder=encoder.model_copy(update={"precision": "bf16"})), "r1", None),
        encoding_digest(other(contexts=contexts.model_copy(update={"window_sizes": (48, 80)})), "r1", None),
        encoding_digest(other(contexts=contexts.model_copy(update={"half_strides": True})), "r1", None),
        encoding_digest(other(sampling=sampling.model_copy(update={"max_side": 640})), "r1", None),
    ]
    # whose window stands for another's: a matter of the segment
    keys += [
        encoding_digest(other(contexts=contexts.model_copy(update={"same_level": 3})), "r1", None),
        encoding_digest(other(sampling=sampling.model_copy(update={"segment_frames": 8})), "r1", None),
        encoding_digest(other(sampling=sampling.model_copy(update={"fps": 8})), "r1", None),
    ]
    assert len(set(keys)) == len(keys)
    same = [
        other(encoder=encoder.model_copy(update={"batch_size": 7})),
        other(contexts=contexts.model_copy(update={"strategy": "clip"})),
    ]
    assert {encoding_digest(one, "r1", None) for one in same} == {keys[0]}
    every = other(contexts=contexts.model_copy(update={"same_level": 0}))
    shorter = every.model_copy(update={"sampling": sampling.model_copy(update={"segment_frames": 8})})
    assert encoding_digest(every, "r1", None) == encoding_digest(shorter, "r1", None), "then they do not matter"
