"""The front door: what is exported, that it opens without the heavy rooms, and that every block of its page runs."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import anyanomaly_core
from anyanomaly_core import FootageError, Rule, RuleError, Status, VideoScorer, score_video
from tests.integration.archive.small_archive import film

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python-api.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def scorer() -> VideoScorer:
    torch.set_num_threads(1)
    return VideoScorer("demo")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("footage") / "gate.mp4", 30)


def test_what_is_exported_is_there_sorted_and_documented() -> None:
    assert anyanomaly_core.__all__ == sorted(anyanomaly_core.__all__)
    for name in anyanomaly_core.__all__:
        assert inspect.getdoc(getattr(anyanomaly_core, name)), name
    assert set(anyanomaly_core.__all__) <= set(dir(anyanomaly_core))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        anyanomaly_core.nothing  # noqa: B018


def test_every_exported_name_stands_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in anyanomaly_core.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_public_functions_and_methods_have_a_docstring() -> None:
    for name in ("VideoScorer", "VideoScores"):
        members = inspect.getmembers(getattr(anyanomaly_core, name))
        assert [m for m, value in members if not m.startswith("_") and callable(value) and not value.__doc__] == []


def test_the_library_needs_neither_database_nor_airflow() -> None:
    code = "import sys; from anyanomaly_core import VideoScorer, VideoScores; print('\\n'.join(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not {"airflow", "sqlalchemy", "psycopg2", "matplotlib", "pandas"} & loaded


def test_every_block_of_the_page_runs(gate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, in a folder with the footage and the rules that the page names."""
    for name in ("gate.mp4", "yard.mp4"):
        (tmp_path / name).write_bytes(gate.read_bytes())
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "fallen-person.yaml").write_text("texts: [a person lying on the ground]\nthreshold: 0.6\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    assert len(BLOCKS) >= 5
    space: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), space)  # noqa: S102  (our own page)
    assert (tmp_path / "gate.png").stat().st_size > 1000


def test_scores_have_a_row_per_rule_and_a_column_per_frame(scorer: VideoScorer, gate: Path) -> None:
    scores = scorer.score(gate, ["a car", Rule(name="fire", texts=("smoke", "fire"), threshold=0.0, min_duration_s=0)])
    assert scores.frame_scores.shape == (2, 30)
    assert scores.frame_scores.dtype == np.float32
    assert scores.frame_times_s == pytest.approx(np.arange(30) / 10)
    assert scores.duration_s == pytest.approx(3)
    assert [(rule.name, len(rule.texts)) for rule in scores.rules] == [("a-car", 1), ("fire", 2)]
    [everywhere] = [event for event in scores.events() if event.rule == "fire"]
    assert (everywhere.start_s, everywhere.end_s) == (0.0, pytest.approx(3))
    assert everywhere.peak_score == pytest.approx(float(scores.frame_scores[1].max()))
    assert scores.events(threshold=1.0) == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        scores.events(threshold=1.5)


def test_tables_hold_every_frame_and_null_for_what_is_not_scored(scorer: VideoScorer, gate: Path) -> None:
    scores = scorer.score(gate, ["a car", "smoke"])
    scores.frame_scores[1, 24:] = np.nan
    table = scores.to_arrow()
    assert table.num_rows == 60
    assert table["score"].null_count == 6
    assert table.column("frame").to_pylist() == [*range(30), *range(30)]
    assert set(table["status"].to_pylist()) == {Status.SCORED.value}
    frame = scores.to_pandas()
    assert frame[frame.rule == "smoke"].score.isna().sum() == 6
    assert frame[frame.rule == "a-car"].score.to_numpy() == pytest.approx(scores.frame_scores[0])


def test_a_video_behind_a_url_scores_as_the_file(scorer: VideoScorer, gate: Path) -> None:
    assert np.array_equal(
        scorer.score(f"file://{gate}", "a car").frame_scores, scorer.score(gate, ["a car"]).frame_scores
    )


def test_segments_come_one_by_one(scorer: VideoScorer, gate: Path) -> None:
    rows = list(scorer.iter_segments(gate, ["a car", "smoke"]))
    assert [(row.segment_index, row.rule_version_id) for row in rows] == [(s, r) for s in range(2) for r in range(2)]


def test_an_unreadable_video_is_an_error_or_left_out(scorer: VideoScorer, gate: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video\n" * 100)
    with pytest.raises(FootageError, match="broken"):
        scorer.score(broken, "a car")
    failed: dict[str, str] = {}
    found = scorer.score_many([broken, gate], "a car", on_error=lambda v, error: failed.update({str(v): str(error)}))
    assert [scores.video for scores in found] == [str(gate)]
    assert [*failed] == [str(broken)]
    assert "is text, not video" in failed[str(broken)]


@pytest.mark.parametrize(
    ("rules", "message"), [([], "no rule"), (["a car", "A car!"], "Two rules"), (["x" * 400], "cannot be the text")]
)
def test_rules_that_cannot_be_used_are_told(scorer: VideoScorer, gate: Path, rules: list[str], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        scorer.score(gate, rules)


def test_progress_is_told_to_whoever_asks(scorer: VideoScorer, gate: Path) -> None:
    steps: list[tuple[int, int]] = []
    scorer.score(gate, "a car", progress=lambda done, total: steps.append((done, total)))
    assert (steps[0], steps[-1]) == ((0, 2), (2, 2))


def test_one_call_is_the_scorer(scorer: VideoScorer, gate: Path) -> None:
    scores = score_video(gate, ["a car"], profile="demo", progress=False)
    assert np.array_equal(scores.frame_scores, scorer.score(gate, ["a car"]).frame_scores)
    assert scores.profile.notice
