"""Pixel masks of each layout, and the figures of a whole archive beside plain numpy."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage
from scipy.io import savemat
from sklearn.metrics import average_precision_score, roc_auc_score

from anyanomaly_core.demo.archive_masks import write_masks
from anyanomaly_core.demo.archive_plan import ArchivePlan, planned_files
from anyanomaly_core.demo.world.clip import plan_clip
from anyanomaly_core.errors import ConfigurationError, StorageError
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import PixelTruth
from anyanomaly_core.evaluation.labels.pixel_truth import link_regions, mask_line, objects
from anyanomaly_core.evaluation.pixel_maps import FrameScores
from anyanomaly_core.evaluation.pixels import measure_pixels, write_pixel_measures

FRAMES, HEIGHT, WIDTH = 11, 30, 40


class Brightness:
    """Light is abnormal."""

    name = "brightness"

    def score_each(self, frames: Sequence[np.ndarray], lists: Sequence[Sequence[str]]) -> list[FrameScores]:
        maps = [frame.mean(axis=2).astype(np.float32) / 255 for frame in frames]
        return [FrameScores(np.array([one.max() for one in maps], np.float32), maps)] * len(lists)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Frames [F, H, W, 3] of noise with a lighter square that walks, and its masks; nobody walks in the first three."""
    random = np.random.default_rng(5)
    frames = random.integers(0, 150, (FRAMES, HEIGHT, WIDTH, 1), np.uint8).repeat(3, axis=3)
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    for t in range(3, FRAMES):
        masks[t, 8:16, 2 * t : 2 * t + 8] = True
    frames[masks] += 60
    return frames, masks


@pytest.fixture
def ped(tmp_path: Path) -> Path:
    """A clip as UCSD publishes it."""
    frames, masks = pictures()
    for folder, images in (("Test001", frames), ("Test001_gt", masks.astype(np.uint8) * 255)):
        (tmp_path / "Test" / folder).mkdir(parents=True)
        for number, image in enumerate(images, start=1):
            PilImage.fromarray(image).save(tmp_path / "Test" / folder / f"{number:03}.png")
    return tmp_path


def test_figures_of_an_archive_are_those_of_its_pixels(ped: Path, tmp_path: Path) -> None:
    frames, masks = pictures()
    measures = measure_pixels(open_archive(ped), Brightness(), tmp_path / "cache")
    found = {(one.protocol, one.metric): one.value for one in measures}
    assert {one.frames for one in measures} == {FRAMES}
    scores = frames[..., 0].ravel()
    assert found["honest", "pixel_roc_auc"] == pytest.approx(roc_auc_score(masks.ravel(), scores), abs=1e-3)
    expected = average_precision_score(masks.ravel(), scores)
    assert found["honest", "pixel_average_precision"] == pytest.approx(expected, abs=1e-3)
    rows, columns = ((np.arange(n) * size // n) for n, size in ((158, HEIGHT), (238, WIDTH)))  # nearest
    small = (masks[:, rows][:, :, columns].ravel(), frames[..., 0][:, rows][:, :, columns].ravel())
    assert found["reference", "pixel_roc_auc_158x238"] == pytest.approx(roc_auc_score(*small), abs=1e-3)
    assert 0 <= found["honest", "rbdc"] <= 1
    assert 0 <= found["honest", "tbdc"] <= 1
    lines = write_pixel_measures(measures, tmp_path).read_text().splitlines()
    assert lines[0] == "method,label,protocol,metric,value,frames"
    assert len(lines) == 6


def test_masks_of_avenue_and_of_the_plain_layout(tmp_path: Path) -> None:
    _, masks = pictures()
    cells = np.empty((1, FRAMES), object)
    for t in range(FRAMES):
        cells[0, t] = masks[t].astype(np.uint8)
    savemat(tmp_path / "1_label.mat", {"volLabel": cells})
    lines = tmp_path / "video.mp4.jsonl"
    other = np.roll(masks, 14, axis=1)
    rows = [mask_line({"car": one, "dog": two}) for one, two in zip(masks, other, strict=True)]
    lines.write_text("".join([*rows[:-1], "null\n"]))
    volume = list(objects(PixelTruth("volume", tmp_path / "1_label.mat", tmp_path), ["anomaly"]))
    assert all(np.array_equal(found > 0, mask) for found, mask in zip(volume, masks, strict=True))
    both = list(objects(PixelTruth("lines", lines, tmp_path), ["car", "dog"]))
    assert both[-1] is None
    assert np.array_equal(both[5], masks[5] + 2 * other[5])
    [*dogs, _] = objects(PixelTruth("lines", lines, tmp_path), ["dog"])
    assert all(np.array_equal(found, mask) for found, mask in zip(dogs, other[:-1], strict=True))
    lines.write_text('{"car": 3}\n')
    with pytest.raises(ConfigurationError, match="line 1 is no line of masks"):
        list(objects(PixelTruth("lines", lines, tmp_path), ["car"]))


def test_regions_keep_their_number_while_they_overlap() -> None:
    _, masks = pictures()
    masks |= np.roll(masks, 14, axis=1)[:, :, ::-1]  # a second one, the other way and below
    found = list(link_regions(masks))
    assert [sorted(set(np.unique(frame)) - {0}) for frame in found] == [[]] * 3 + [[1, 2]] * (FRAMES - 3)
    first = [int(frame[9, 2 * t + 4]) for t, frame in enumerate(found) if t >= 3]
    assert len(set(first)) == 1
    masks[6] = False  # gone for a frame: nobody can say that it is the same one
    assert set(np.unique(list(link_regions(masks))[8])) == {0, 3, 4}


def test_what_has_no_masks_is_said(tmp_path: Path) -> None:
    (tmp_path / "Test" / "Test001").mkdir(parents=True)
    PilImage.fromarray(pictures()[0][0]).save(tmp_path / "Test" / "Test001" / "001.png")
    (tmp_path / "Test" / "UCSDped2.m").write_text("TestVideoFile{1}.gt_frame = [1:1];")
    with pytest.raises(ConfigurationError, match="has no pixel masks"):
        measure_pixels(open_archive(tmp_path), Brightness(), tmp_path / "cache")
    with pytest.raises(StorageError, match="no rendered archive"):
        write_masks(tmp_path)


def test_masks_of_a_rendered_archive_are_the_renderers(tmp_path: Path) -> None:
    plan = ArchivePlan(seed=3, cameras=1, clips_per_camera=1, clip_s=1.0, fps=4.0)
    (tmp_path / "_truth").mkdir()
    (tmp_path / "_truth" / "plan.json").write_text(json.dumps(asdict(plan)))
    write_masks(tmp_path, workers=1)
    [file] = planned_files(plan)
    clip = plan_clip(
        file.seed, camera_seed=file.camera_seed, duration_s=1.0, fps=4.0, events=file.spans, condition=file.condition
    )
    event = file.spans[0].event
    truth = PixelTruth("lines", tmp_path / "_truth" / "masks" / f"{file.uri}.jsonl", tmp_path)
    masks = [frame.mask({event}) for frame in clip.frames()]
    assert any(mask.any() for mask in masks)
    for found, mask in zip(objects(truth, [event]), masks, strict=True):
        assert found is not None
        assert np.array_equal(found > 0, mask)
