"""A killed task finds what it had finished; half a line is never believed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.scoring.types import SegmentScore, Status

unit = st.floats(0, 1)
scores = st.builds(
    SegmentScore,
    segment_index=st.integers(0, 10**6),
    rule_version_id=st.integers(1, 10**6),
    status=st.sampled_from(Status),
    reason=st.none() | st.text(),
    score=st.none() | unit,
    key_frame=st.none() | st.integers(0, 10**9),
    grid_frames=st.tuples(*[st.integers(0, 10**9)] * 4) | st.just(()),
    window=st.none() | st.tuples(*[st.integers(0, 240)] * 4),
    rationale=st.none() | st.text(),
    frame_scores=st.lists(st.none() | unit, max_size=5).map(tuple),
    timings_ms=st.dictionaries(st.text(max_size=5), st.floats(0, 1e6), max_size=2),
)


@given(batches=st.lists(st.lists(scores, min_size=1, max_size=3), max_size=3))
def test_what_was_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[SegmentScore]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder, "k") as journal:
        for batch in batches:
            journal.append(batch)
    with Journal(folder, "k") as journal:
        assert journal.read() == [score for batch in batches for score in batch]


@pytest.mark.parametrize("cut", range(1, 40, 7))
def test_a_torn_line_is_cut_off_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    first = SegmentScore(0, 1, Status.SCORED, score=0.25)
    second = SegmentScore(1, 1, Status.FAILED, reason="no answer")
    with Journal(tmp_path, "k") as journal:
        journal.append([first])
        journal.append([second])
    file = tmp_path / "k.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    with Journal(tmp_path, "k") as journal:
        assert journal.read() == [first]
        journal.append([second])
    with Journal(tmp_path, "k") as journal:
        assert journal.read() == [first, second]


def test_a_discarded_journal_is_gone(tmp_path: Path) -> None:
    with Journal(tmp_path, "k") as journal:
        journal.append([SegmentScore(0, 1, Status.SCORED, score=1.0)])
        journal.discard()
    assert list(tmp_path.iterdir()) == []
    with Journal(tmp_path, "k") as journal:
        assert journal.read() == []
