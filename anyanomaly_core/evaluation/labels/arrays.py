"""Label vectors from files: one value a frame, or one pixel mask a frame."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.frame_folders import frame_files
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelArray
from anyanomaly_core.footage.index import index_frames

Array = NDArray[np.generic]
_MASK_DIMENSIONS = 3
_SHOWN_VALUES = 6


def frame_vector(array: Array | Sequence[int], source: str, path: Path | None = None) -> LabelArray:
    """Labels [F] of 0, 1 and UNLABELLED.

    Args:
        array: [F], [F, 1] or [1, F] of such values, or pixel masks [F, H, W] or [H, W, F]: any pixel makes a 1.
        source: file, and what in it, for messages.
        path: the video, which tells the two orders of a mask apart; None: [F, H, W].

    Raises:
        ConfigurationError: for another shape or other values.
    """
    values = np.asarray(array)
    if values.ndim == _MASK_DIMENSIONS and values.size:
        return _from_masks(values, path)
    if not values.size or values.ndim == 0 or max(values.shape) != values.size:
        raise ConfigurationError(
            f"{source} has the shape {values.shape}; labels are one value a frame [F], or pixel masks [F, H, W]."
        )
    values = values.ravel()
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1, UNLABELLED)).all():
        found = [str(value) for value in np.unique(values.astype(str))]
        listed = ", ".join(found[:_SHOWN_VALUES]) + (" ..." if len(found) > _SHOWN_VALUES else "")
        raise ConfigurationError(
            f"{source} holds the values {listed}; a label is 1 (shows it), 0 (does not) or -1 (nobody said). "
            "Write it again with these."
        )
    return values.astype(np.int8)


def read_array(file: Path) -> Array:
    """A ``.npy`` file.

    Raises:
        ConfigurationError: when it is none, or holds Python objects.
    """
    try:
        array: Array = np.load(file)
    except (ValueError, EOFError, OSError) as error:
        raise ConfigurationError(f"{file} cannot be read as an array of numbers: {error}.") from None
    return array


def read_hdf5(file: Path) -> Iterator[tuple[str, Array]]:
    """Each data set of an HDF5 file by name."""
    try:
        import h5py  # noqa: PLC0415  (only these labels need it)
    except ImportError:
        raise ConfigurationError(f"{file} is HDF5: `pip install h5py` to read it.") from None
    with h5py.File(file) as opened:
        for name in opened:
            yield name, np.asarray(opened[name][()])


def read_volume(file: Path) -> LabelArray:
    """Labels [F] of Avenue's masks: 1 where a frame has a pixel set.

    Raises:
        ConfigurationError: when the file holds no masks.
    """
    return np.array([mask.any() for mask in volume_masks(file)], np.int8)


def volume_masks(file: Path) -> list[NDArray[np.bool_]]:
    """``volLabel`` of a MATLAB file, as Avenue has it: a cell [1, F] of masks [H, W].

    Raises:
        ConfigurationError: when the file holds none.
    """
    from scipy.io import loadmat, matlab  # noqa: PLC0415  (only these labels need it)

    try:
        cells = loadmat(file, variable_names=["volLabel"]).get("volLabel")
    # NotImplementedError: a file of version 7.3, which is HDF5
    except (matlab.MatReadError, ValueError, TypeError, NotImplementedError) as error:
        raise ConfigurationError(f"{file} cannot be read as a MATLAB file: {error}.") from None
    if cells is None or cells.dtype != object or not cells.size:
        raise ConfigurationError(f"{file} has no cell array volLabel with one mask a frame, as Avenue's own labels do.")
    return [np.asarray(mask) != 0 for mask in cells.ravel()]


def count_frames(path: Path) -> int:
    """Images of a folder; frames of a video that can be decoded."""
    return len(frame_files(path)) if path.is_dir() else index_frames(path).frame_count


def _from_masks(masks: Array, path: Path | None) -> LabelArray:
    first, last = masks.shape[0], masks.shape[-1]
    # Both orders are in use; lengths disagree by a frame now and then, so the nearer one is meant.
    frames = first if path is None or first == last else count_frames(path)
    axes = (0, 1) if abs(last - frames) < abs(first - frames) else (1, 2)
    shown: LabelArray = (masks != 0).any(axis=axes).astype(np.int8)
    return shown
