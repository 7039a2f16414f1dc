"""UCF-Crime and XD-Violence: what a line may say, and which normal videos belong to the test."""

from pathlib import Path

import pytest

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from tests.unit.evaluation.labels.label_files import footage, images, labels_of

ONE, TWO = "Bad.Boys.1995__#01-33-51_01-34-37_label_B2-0-0", "v=x__#1_label_G-0-0"


def ucf(tmp_path: Path, text: str, *names: str) -> LabelledArchive:
    root = footage(tmp_path / "videos", *names)
    table = tmp_path / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
    table.write_text(text, encoding="utf-8")
    return open_archive(root, labels=table)


def xd(tmp_path: Path, text: str, *names: str) -> LabelledArchive:
    root = footage(tmp_path / "videos", *names)
    (tmp_path / "annotations.txt").write_text(text, encoding="utf-8")
    return open_archive(root, labels=tmp_path / "annotations.txt")


def test_ucf_byte_order_mark_comment_and_start_of_zero(tmp_path: Path) -> None:
    text = "\ufeffArson1_x264.mp4  Arson  0  2  -1  -1\n# checked by hand\n\n"
    archive = ucf(tmp_path, text, "Arson1_x264.mp4", "Arson2_x264.mp4", "train/Arson3_x264.mp4")
    assert list(archive.texts) == ["Arson"]
    assert labels_of(archive, "Arson1_x264", "Arson", 4) == [1, 1, 0, 0]
    assert (archive.missing, archive.unlabelled) == ((), ("Arson2_x264.mp4", "train/Arson3_x264.mp4"))


def test_ucf_lines_of_one_video_add_up(tmp_path: Path) -> None:
    text = "A_x264.mp4 Abuse 1 1 -1 -1\nA_x264.mp4 Abuse 4 4 -1 -1\nA_x264.mp4 Arson 2 2 -1 -1\n"
    archive = ucf(tmp_path, text, "A_x264.mp4")
    assert labels_of(archive, "A_x264", "Abuse", 4) == [1, 0, 0, 1]
    assert labels_of(archive, "A_x264", "Arson", 4) == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("B.mp4 Abuse 9 4 -1 -1", "the frames 9 to 4 are none"),
        ("B.mp4 Abuse -1 4 -1 -1", "the frames -1 to 4 are none"),
        ("B.mp4 Abuse 0 0", "the frames 0 to 0 are none"),
        ("B.mp4 Abuse 1 2 3", "an odd count of frame numbers"),
        ("B.mp4 Road Accidents 1 2", "should be frame numbers"),
        ("B.mp4", "a video, its class and frame numbers"),
        ("B.mp4 Normal 3 4", "is Normal, and has frames that are not"),
        ("A.mp4 Normal -1 -1", "is Normal, and has frames that are not"),
    ],
)
def test_ucf_lines_that_are_wrong(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"Videos\.txt line 2: .*{told}"):
        ucf(tmp_path, f"A.mp4 Abuse 1 2 -1 -1\n{line}\n", "A.mp4", "B.mp4")


def test_ucf_every_tenth_frame_as_an_image_is_refused(tmp_path: Path) -> None:
    images(tmp_path / "videos/Abuse1_x264", [0, 10, 20], name="Abuse1_x264_{}.png")
    with pytest.raises(ConfigurationError, match="labels count every frame"):
        ucf(tmp_path, "Abuse1_x264.mp4  Abuse  11  20  -1  -1\n")


def test_xd_takes_the_normal_videos_of_the_test_folder_only(tmp_path: Path) -> None:
    names = (f"test_videos/{ONE}.mp4", "test_videos/calm__#1_label_A.mp4")
    training = ("1-1004/calm__#2_label_A.mp4", "1-1004/v=y__#1_label_B1-0-0.mp4", "calm__#3_label_A.mp4")
    archive = xd(tmp_path, f"{ONE}.mp4 1 3\n{ONE}.mp4 5 6\n", *names, *training)
    assert [video.name for video in archive.videos] == [ONE, "calm__#1_label_A"]
    assert labels_of(archive, ONE, "shooting", 7) == [0, 1, 1, 0, 0, 1, 0]
    assert archive.unlabelled == training, "visible as left out"


def test_xd_test_and_training_videos_in_one_folder_are_refused(tmp_path: Path) -> None:
    names = (f"{ONE}.mp4", f"{TWO}.mp4", "calm__#1_label_A.mp4")
    with pytest.raises(ConfigurationError, match=r"1 violent videos that .* does not name, such as v=x"):
        xd(tmp_path, f"{ONE} 1 3\n", *names)


def test_xd_folders_of_frames_with_dots_in_their_names(tmp_path: Path) -> None:
    images(tmp_path / "videos/A.Beautiful.Mind.2001__#00-25-20_00-29-20_label_A", 2)
    images(tmp_path / f"videos/{ONE}", 3)
    archive = xd(tmp_path, f"{ONE} 1 3\n")
    assert [video.name for video in archive.videos][1] == "A.Beautiful.Mind.2001__#00-25-20_00-29-20_label_A"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{TWO} 5 3", "the frames 5 to 3 are none"),
        (f"{TWO} -1 3", "the frames -1 to 3 are none"),
        (f"{TWO} 1", "an odd count"),
        (TWO, "has no frame numbers"),
        ("calm_label_A 1 2", "is normal and has violent frames"),
    ],
)
def test_xd_lines_that_are_wrong(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"annotations\.txt line 2: .*{told}"):
        xd(tmp_path, f"{ONE} 1 3\n{line}\n", f"{ONE}.mp4", f"{TWO}.mp4")


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    footage(tmp_path, "Arson001.mp4")
    file = tmp_path / "Temporal_Anomaly_Annotation.txt"
    file.write_bytes(b"Arson001.mp4 Arson 1 2 -1 -1\n" * 20_000 + "Arson002.mp4 Stra\u00dfe 1 2\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"Annotation\.txt line 20001: not UTF-8") as told:
        open_archive(tmp_path)
    assert len(str(told.value)) < 300
