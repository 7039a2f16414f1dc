"""Every label format, from files as the benchmarks' authors publish them."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import (
    UNLABELLED,
    FrameLabels,
    labels_from_vector,
    readable_name,
    union_of,
)
from tests.unit.evaluation.labels.label_files import footage, images, labels_of

SHARED = Path(os.environ.get("ANYANOMALY_SAMPLES", Path(__file__).parents[5] / "shared"))


@given(st.lists(st.sampled_from([0, 1, UNLABELLED]), min_size=1, max_size=40))
def test_a_label_vector_survives(values: list[int]) -> None:
    assert labels_from_vector(values).array(len(values)).tolist() == values
    longer = labels_from_vector(values).array(len(values) + 3)
    assert longer[-3:].tolist() == [UNLABELLED] * 3
    assert labels_from_vector(values).count_beyond(len(values) - 1) == 1


def test_abnormal_is_any_class() -> None:
    both = union_of([FrameLabels(((0, 1),), 6), FrameLabels(((3, 3),), 6)])
    assert both.array(6).tolist() == [1, 1, 0, 1, 0, 0]


def test_plain_events(tmp_path: Path) -> None:
    root = footage(tmp_path, "gate/a.mp4", "gate/b.mp4", "_labels/classes.csv")
    (root / "_labels/classes.csv").write_text(
        "class,text\nfall,a person falling\nfall,a person on the ground\nbag,bag\n"
    )
    (root / "_labels/events.csv").write_text("video,class,first_frame,last_frame\ngate/a.mp4,fall,2,3\n")
    archive = open_archive(root)
    assert archive.texts == {"fall": ("a person falling", "a person on the ground"), "bag": ("bag",)}
    assert labels_of(archive, "gate/a.mp4", "fall", 5) == [0, 0, 1, 1, 0]
    assert labels_of(archive, "gate/b.mp4", "bag", 2) == [0, 0]
    (root / "_labels/videos.csv").write_text("video,classes\ngate/a.mp4,fall\ngone.mp4,*\n")
    narrowed = open_archive(root)
    assert [list(video.labels) for video in narrowed.videos] == [["fall"]]
    assert narrowed.missing == ("gone.mp4",)


def test_plain_frames_with_gaps(tmp_path: Path) -> None:
    root = footage(tmp_path, "a.mp4", "_truth/x")
    (root / "_truth/frames.csv").write_text("uri,frame,fall\na.mp4,0,1\na.mp4,1,\na.mp4,3,0\n../b.mp4,0,1\n")
    archive = open_archive(root)
    assert archive.texts == {"fall": ("fall",)}
    assert labels_of(archive, "a.mp4", "fall", 5) == [1, UNLABELLED, UNLABELLED, 0, UNLABELLED]
    assert archive.missing == ("../b.mp4",), "no name leads out of the archive"


def test_c_vad_classes(tmp_path: Path) -> None:
    root = footage(tmp_path / "videos", "01.avi", "avenue_20.avi")
    classes = tmp_path / "labels"
    classes.mkdir()
    for name, positive in (("avenue_too_close", 2), ("avenue_running", 0)):
        with h5py.File(classes / f"{name}_label.h5", "w") as file:
            file["01"] = np.arange(5) < positive
            file["20"] = np.zeros(3, np.int8)
            file["99"] = np.zeros(3, np.int8)
    with h5py.File(classes / "m_avenue_running-throwing_label.h5", "w") as file:
        file["01"] = np.array([0, 1, 0], np.int8)
    archive = open_archive(root, labels=classes)
    assert archive.texts["too_close"] == ("too close",)
    assert archive.texts["running-throwing"] == ("running", "throwing")
    assert labels_of(archive, "01", "too_close", 6) == [1, 1, 0, 0, 0, UNLABELLED]
    assert [video.path.name for video in archive.videos] == ["01.avi", "avenue_20.avi"]
    assert archive.missing == ("99",)
    assert archive.scored_classes(archive.videos[1]) == ["running", "too_close"]
    with h5py.File(classes / "shtech_car_label.h5", "w") as file:
        file["01"] = np.zeros(3, np.int8)
    with pytest.raises(ConfigurationError, match="one of them at a time"):
        open_archive(root, labels=classes)


def test_npy_vectors_need_words(tmp_path: Path) -> None:
    root = footage(tmp_path / "videos", "01_0014.mp4")
    (tmp_path / "labels").mkdir()
    np.save(tmp_path / "labels" / "01_0014.npy", np.array([0, 1, 1]))
    with pytest.raises(ConfigurationError, match="no text"):
        open_archive(root, labels=tmp_path / "labels")
    (tmp_path / "texts.csv").write_text("class,text\nanomaly,a bicycle\nanomaly,a car\n")
    archive = open_archive(root, labels=tmp_path / "labels", texts=tmp_path / "texts.csv")
    assert archive.texts == {"anomaly": ("a bicycle", "a car")}
    assert labels_of(archive, "01_0014", "anomaly", 3) == [0, 1, 1]


def test_one_npy_for_all_videos_in_order(tmp_path: Path) -> None:
    images(tmp_path / "videos" / "02", 2)
    images(tmp_path / "videos" / "01", 3)
    np.save(tmp_path / "all.npy", np.array([[0, 1, 0, 1, 1]]))
    (tmp_path / "texts.csv").write_text("class,text\nanomaly,a bicycle\n")
    read = {"labels": tmp_path / "all.npy", "texts": tmp_path / "texts.csv"}
    archive = open_archive(tmp_path / "videos", **read)
    assert labels_of(archive, "01", "anomaly", 3) == [0, 1, 0]
    assert labels_of(archive, "02", "anomaly", 2) == [1, 1]
    images(tmp_path / "videos" / "03", 1)
    with pytest.raises(ConfigurationError, match=r"5 frames, the 3 videos .* have 6"):
        open_archive(tmp_path / "videos", **read)


def test_ucsd_by_script_and_by_masks(tmp_path: Path) -> None:
    images(tmp_path / "Test" / "Test001", 5)
    images(tmp_path / "Test" / "Test001_gt", 5, lambda number: 255 * (number == 5))
    images(tmp_path / "Test" / "Test002", 3)
    archive = open_archive(tmp_path)
    assert labels_of(archive, "Test/Test001", "anomaly", 5) == [0, 0, 0, 0, 1]
    assert (archive.missing, archive.unlabelled) == ((), ("Test/Test002",)), "it is here, and nobody labelled it"
    (tmp_path / "Test" / "UCSDped1.m").write_text(
        "TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [1:2, 4:4];\nTestVideoFile{end+1}.gt_frame = [3:3];\n"
    )
    stated = open_archive(tmp_path)
    assert stated.name == "UCSDped1"
    assert labels_of(stated, "Test/Test001", "anomaly", 5) == [1, 1, 0, 1, 0]
    assert labels_of(stated, "Test/Test002", "anomaly", 3) == [0, 0, 1]


def test_ucf_crime(tmp_path: Path) -> None:
    root = footage(tmp_path / "videos", "Abuse028_x264.mp4", "Normal_Videos_006_x264.mp4", "Arson010_x264.mp4")
    table = tmp_path / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
    table.write_text(
        "Abuse028_x264.mp4  Abuse  3  4  -1  -1  \nArson010_x264.mp4  RoadAccidents  1  1  5  6\n"
        "Normal_Videos_006_x264.mp4  Normal  -1  -1  -1  -1\n"
    )
    archive = open_archive(root, labels=table)
    assert archive.texts == {"Abuse": ("abuse",), "RoadAccidents": ("road accidents",)}
    assert labels_of(archive, "Abuse028_x264", "Abuse", 6) == [0, 0, 1, 1, 0, 0]
    assert labels_of(archive, "Arson010_x264", "RoadAccidents", 6) == [1, 0, 0, 0, 1, 1]
    assert labels_of(archive, "Normal_Videos_006_x264", "Abuse", 2) == [0, 0]
    assert "RoadAccidents" not in archive.videos[0].labels, "nobody said what else an abnormal video shows"
    assert archive.scored_classes(archive.videos[0]) == ["Abuse", "RoadAccidents"]


def test_xd_violence(tmp_path: Path) -> None:
    one, two = "Bad.Boys__#00-06-42_00-10-00_label_B2-0-0", "v=x__#1_label_B1-G-0"
    root = footage(tmp_path / "videos", f"{one}.mp4", f"{two}.mp4", "calm__#1_label_A.mp4")
    (tmp_path / "annotations.txt").write_text(f"{one} 1 3\n{two} 0 1 2 3\n")
    archive = open_archive(root, labels=tmp_path / "annotations.txt")
    assert labels_of(archive, one, "shooting", 4) == [0, 1, 1, 0]
    several = next(video for video in archive.videos if video.name == two)
    assert several.labels == {}, "which class is shown when is not stated"
    assert several.abnormal.array(4).tolist() == [1, 0, 1, 0]
    assert labels_of(archive, "calm__#1_label_A", "riot", 2) == [0, 0]


@pytest.mark.parametrize(
    ("name", "text"), [("hand_truck", "hand truck"), ("RoadAccidents", "road accidents"), ("bag", "bag")]
)
def test_class_names_become_words(name: str, text: str) -> None:
    assert readable_name(name) == text


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="say where with --labels"):
        open_archive(tmp_path)
    (tmp_path / "_labels").mkdir()
    with pytest.raises(ConfigurationError, match="holds no labels: neither events"):
        open_archive(tmp_path)
    (tmp_path / "_labels/frames.csv").write_text("video,frame,fall\ngone.mp4,0,1\n")
    with pytest.raises(ConfigurationError, match=r"None of the 1 videos .* was found"):
        open_archive(tmp_path)
    with pytest.raises(ConfigurationError, match="no label format 'x'"):
        open_archive(tmp_path, label_format="x")


@pytest.mark.footage
@pytest.mark.skipif(not (SHARED / "footage").is_dir(), reason=f"no real footage under {SHARED}")
def test_real_clips_and_their_labels() -> None:
    archive = open_archive(SHARED / "footage")
    assert len(archive.videos) == 8
    assert archive.texts["bicycle+stroller+cargo tricycle"] == ("bicycle", "stroller", "cargo tricycle")
    assert sum(labels_of(archive, "avenue_20.avi", "throwing", 273)) == 154
    normal = next(video for video in archive.videos if video.name == "opencv_vtest.avi")
    assert set(normal.labels) == set(archive.texts)


@pytest.mark.footage
@pytest.mark.skipif(not (SHARED / "labels" / "cvad").is_dir(), reason=f"no labels under {SHARED}")
def test_real_c_shanghaitech_labels() -> None:
    archive = open_archive(SHARED / "footage", labels=SHARED / "labels" / "cvad" / "c-shtech_labels")
    assert {video.name for video in archive.videos} == {"01_0014"}
    assert sum(labels_of(archive, "01_0014", "bicycle", 265)) == 76
    assert len(archive.missing) > 90
