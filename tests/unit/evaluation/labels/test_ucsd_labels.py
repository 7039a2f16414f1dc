"""UCSD: lines of the script belong to numbers of clips, masks to numbers of frames."""

from pathlib import Path

import pytest

from anyanomaly_core.errors import ConfigurationError, FootageError
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED
from tests.unit.evaluation.labels.label_files import images, labels_of

SCRIPT = """TestVideoFile = {};
TestVideoFile{end+1}.gt_frame = [1:2];
TestVideoFile{end+1}.gt_frame = [2:3];  % a cart
TestVideoFile{end+1}.gt_frame = [4:4, 6];
"""


def script(root: Path, text: str = SCRIPT) -> None:
    (root / "Test").mkdir(exist_ok=True)
    (root / "Test" / "UCSDped9.m").write_text(text)


def masks(root: Path, numbers: list[int], shown: int) -> None:
    images(root / "Test/Test001_gt", numbers, lambda number: 255 * (number == shown))


def test_a_line_belongs_to_the_clip_of_its_number(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test003", 6)
    images(tmp_path / "Test/Test002", 4)
    images(tmp_path / "Test/Test007", 4)
    images(tmp_path / "Train/Train001", 4)
    script(tmp_path)
    archive = open_archive(tmp_path)
    assert labels_of(archive, "Test/Test002", "anomaly", 4) == [0, 1, 1, 0]
    assert labels_of(archive, "Test/Test003", "anomaly", 6) == [0, 0, 0, 1, 0, 1]
    assert archive.missing == ("Test001",)
    assert archive.unlabelled == ("Test/Test007", "Train/Train001"), "here, but nothing is said about them"


def test_a_line_may_state_its_number(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test002", 3)
    script(tmp_path, "TestVideoFile{2}.gt_frame = [3:3];\n% TestVideoFile{2}.gt_frame = [1:1];\n")
    assert labels_of(open_archive(tmp_path), "Test/Test002", "anomaly", 3) == [0, 0, 1]


@pytest.mark.parametrize("run", ["3:2", "0:2", "1:2:9", "a:b"])
def test_a_run_that_is_none_is_refused(tmp_path: Path, run: str) -> None:
    images(tmp_path / "Test/Test001", 3)
    script(tmp_path, f"TestVideoFile = {{}};\nTestVideoFile{{end+1}}.gt_frame = [{run}];\n")
    with pytest.raises(ConfigurationError, match=rf"UCSDped9\.m line 2: '{run}' is not a range of frames"):
        open_archive(tmp_path)


def test_a_lost_frame_does_not_move_the_others(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test001", [1, 2, 4, 5])
    script(tmp_path, "TestVideoFile{end+1}.gt_frame = [3:4, 6:6];\n")
    archive = open_archive(tmp_path)
    assert labels_of(archive, "Test/Test001", "anomaly", 4) == [0, 0, 1, 0]
    assert archive.videos[0].labels["anomaly"].count_beyond(4) == 2, "frames 3 and 6 are not in the footage"


def test_a_clip_that_begins_late_is_refused(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test001", [2, 3])
    script(tmp_path)
    with pytest.raises(ConfigurationError, match="begins with image 2"):
        open_archive(tmp_path)


def test_masks_belong_to_frames_of_the_same_number(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test001", [1, 2, 4, 5])
    masks(tmp_path, [1, 3, 4, 5], shown=4)
    archive = open_archive(tmp_path)
    assert labels_of(archive, "Test/Test001", "anomaly", 4) == [0, UNLABELLED, 1, 0]
    assert archive.videos[0].labels["anomaly"].count_beyond(4) == 1, "the mask of frame 3"
    assert archive.unlabelled == (), "masks are no footage"


def test_masks_are_ordered_by_number(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test001", 11, name="{}.bmp")
    images(tmp_path / "Test/Test001_gt", 11, lambda number: 255 * (number == 2), name="{}.bmp")
    assert labels_of(open_archive(tmp_path), "Test/Test001", "anomaly", 11) == [0, 1] + [0] * 9


@pytest.mark.parametrize("numbers", [[0, 1, 2], [4, 5, 6]])
def test_masks_numbered_otherwise_are_refused(tmp_path: Path, numbers: list[int]) -> None:
    images(tmp_path / "Test/Test001", 3)
    masks(tmp_path, numbers, shown=1)
    with pytest.raises(ConfigurationError, match="do not seem to be numbered alike"):
        open_archive(tmp_path)


def test_nothing_labelled_is_not_nothing_here(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test001", 3)
    with pytest.raises(ConfigurationError, match="labels none of the 1 videos that are there"):
        open_archive(tmp_path)


def test_clips_may_be_links(tmp_path: Path) -> None:
    """Large data sets lie elsewhere; a link back into the tree is walked once."""
    images(tmp_path / "elsewhere/Test002", 3)
    root = tmp_path / "UCSDped9"
    (root / "Test").mkdir(parents=True)
    (root / "Test/Test002").symlink_to(tmp_path / "elsewhere/Test002")
    (root / "Test/again").symlink_to(root)
    script(root)
    archive = open_archive(root)
    assert labels_of(archive, "Test/Test002", "anomaly", 3) == [0, 1, 1]
    assert archive.unlabelled == ()


def test_a_mask_that_is_no_image_is_named(tmp_path: Path) -> None:
    images(tmp_path / "Test/Test001", [1, 2])
    masks(tmp_path, [1, 2], shown=2)
    next((tmp_path / "Test/Test001_gt").iterdir()).write_text("no image")
    with pytest.raises(FootageError, match=r"Test001_gt/.* cannot be read as an image"):
        open_archive(tmp_path)
