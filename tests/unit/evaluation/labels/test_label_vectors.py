"""Labels of one value or one mask a frame: .npy, HDF5, Avenue's MATLAB masks, MANIFEST.csv."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.arrays import frame_vector
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from tests.unit.evaluation.labels.label_files import footage, images, labels_of


def npy(tmp_path: Path, array: NDArray[np.generic], video: str = "01") -> LabelledArchive:
    (tmp_path / "labels").mkdir(exist_ok=True)
    np.save(tmp_path / "labels" / f"{video}.npy", array)
    return opened(tmp_path, tmp_path / "labels")


def opened(tmp_path: Path, labels: Path) -> LabelledArchive:
    (tmp_path / "texts.csv").write_text("class,text\nanomaly,a bicycle\n")
    return open_archive(tmp_path / "videos", labels=labels, texts=tmp_path / "texts.csv")


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.float64])
def test_shapes_and_kinds_of_a_vector(shape: tuple[int, ...], kind: type[np.generic]) -> None:
    assert frame_vector(np.array([0, 1, 1]).astype(kind).reshape(shape), "x.npy").tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.array([0, 255, 255]), "holds the values 0, 255"),
        (np.array([0.0, 0.5]), r"holds the values 0\.0, 0\.5"),
        (np.array([np.nan, 1.0]), "holds the values 1.0, nan"),
        (np.zeros((3, 2)), r"has the shape \(3, 2\)"),
        (np.zeros(0), r"has the shape \(0,\)"),
        (np.array([[0, 1]], object), "cannot be read as an array of numbers"),
    ],
)
def test_what_is_no_vector_is_refused(tmp_path: Path, array: NDArray[np.generic], told: str) -> None:
    footage(tmp_path / "videos", "01.mp4")
    with pytest.raises(ConfigurationError, match=rf"01\.npy.* {told}"):
        npy(tmp_path, array)


@pytest.mark.parametrize("last_axis", [False, True])
def test_pixel_masks_become_frames(tmp_path: Path, *, last_axis: bool) -> None:
    masks = np.zeros((3, 4, 6), np.uint8)
    masks[1, 3, 5] = 255
    images(tmp_path / "videos/01", 3)
    archive = npy(tmp_path, masks.transpose(1, 2, 0) if last_axis else masks)
    assert labels_of(archive, "01", "anomaly", 3) == [0, 1, 0]


def test_a_lost_image_does_not_move_the_others(tmp_path: Path) -> None:
    images(tmp_path / "videos/01", [950, 951, 953, 954])
    archive = npy(tmp_path, np.array([0, 0, 1, 1, 0]))
    assert labels_of(archive, "01", "anomaly", 4) == [0, 0, 1, 0]
    assert archive.videos[0].labels["anomaly"].count_beyond(4) == 1
    assert labels_of(npy(tmp_path, np.array([0, 0, 0, 1])), "01", "anomaly", 4) == [0, 0, 0, 1], "made for these images"
    with pytest.raises(ConfigurationError, match=r"none numbered between 951 and 953.* labels are for 7 frames"):
        npy(tmp_path, np.zeros(7))


def test_footage_without_labels_is_named(tmp_path: Path) -> None:
    footage(tmp_path / "videos", "01.mp4", "02.mp4")
    archive = npy(tmp_path, np.zeros(3))
    assert archive.unlabelled == ("02.mp4",)


def test_one_vector_for_videos_whose_order_is_in_doubt(tmp_path: Path) -> None:
    for name in ("2", "10"):
        images(tmp_path / "videos" / name, 2)
    np.save(tmp_path / "all.npy", np.zeros(4))
    with pytest.raises(ConfigurationError, match="leading zeros"):
        opened(tmp_path, tmp_path / "all.npy")


def test_hdf5_values_are_checked(tmp_path: Path) -> None:
    footage(tmp_path / "videos", "01.avi", "02.avi")
    with h5py.File(tmp_path / "avenue_running_label.h5", "w") as file:
        file["01"] = np.array([0, 1], np.int8)
    archive = open_archive(tmp_path / "videos", labels=tmp_path / "avenue_running_label.h5")
    assert archive.unlabelled == ("02.avi",)
    with h5py.File(tmp_path / "avenue_running_label.h5", "a") as file:
        file["02"] = np.array([0, 2], np.int8)
    with pytest.raises(ConfigurationError, match=r"avenue_running_label\.h5, 02 holds the values 0, 2"):
        open_archive(tmp_path / "videos", labels=tmp_path / "avenue_running_label.h5")


def avenue_masks(folder: Path, number: int, shown: list[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cells = np.empty((1, len(shown)), object)
    for frame, value in enumerate(shown):
        cells[0, frame] = np.full((4, 6), value, np.uint8)
    savemat(folder / f"{number}_label.mat", {"volLabel": cells})


def test_avenues_own_masks(tmp_path: Path) -> None:
    footage(tmp_path / "videos", "01.avi", "10.avi", "11.avi")
    for number, shown in ((1, [0, 1, 1]), (10, [1, 0]), (12, [0])):
        avenue_masks(tmp_path / "ground_truth_demo/testing_label_mask", number, shown)
    archive = opened(tmp_path, tmp_path / "ground_truth_demo")
    assert archive.name == "Avenue"
    assert labels_of(archive, "01", "anomaly", 3) == [0, 1, 1]
    assert labels_of(archive, "10", "anomaly", 2) == [1, 0]
    assert (archive.missing, archive.unlabelled) == (("12",), ("11.avi",))


def test_other_matlab_files_say_what_to_use(tmp_path: Path) -> None:
    footage(tmp_path / "videos", "01.avi")
    savemat(tmp_path / "1_label.mat", {"gt": np.zeros(3)})
    with pytest.raises(ConfigurationError, match="no cell array volLabel"):
        opened(tmp_path, tmp_path / "1_label.mat")
    savemat(tmp_path / "avenue.mat", {"gt": np.zeros(3)})
    with pytest.raises(ConfigurationError, match=r"make one \.npy a video, or use C-Avenue"):
        opened(tmp_path, tmp_path / "avenue.mat")
    (tmp_path / "1_label.mat").write_text("no MATLAB file")
    with pytest.raises(ConfigurationError, match=r"1_label\.mat cannot be read as a MATLAB file"):
        opened(tmp_path, tmp_path / "1_label.mat")


@pytest.mark.parametrize(
    ("labels", "told"), [("0\n255\n", r"a\.txt holds the values 0, 255"), ("yes\n", r"a\.txt may hold 0, 1 or -1")]
)
def test_manifest_labels_are_checked(tmp_path: Path, labels: str, told: str) -> None:
    footage(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "MANIFEST.csv").write_text("file,anomaly_class,frame_label_file\na.mp4,bicycle,a.txt\n")
    with pytest.raises(ConfigurationError, match=r"MANIFEST\.csv line 2: the label file .* is not there"):
        open_archive(tmp_path)
    (tmp_path / "a.txt").write_text("0\n1\n")
    assert open_archive(tmp_path).unlabelled == ("b.mp4",)
    (tmp_path / "a.txt").write_text(labels)
    with pytest.raises(ConfigurationError, match=told):
        open_archive(tmp_path)
