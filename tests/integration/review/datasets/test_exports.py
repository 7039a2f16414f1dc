"""Events as data sets, read by COCO's own reader and by the published layouts of the others."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools.coco import COCO

from anyanomaly_core.errors import ConfigurationError, StorageError
from anyanomaly_core.footage.decode import read_frames
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.found_events import EventFilter
from anyanomaly_core.review import verdicts
from anyanomaly_core.review.datasets.export import DatasetExport, export_events, frames_of
from tests.conftest import TestDatabase
from tests.integration.review.kept_footage import FIRST, LAST, Kept

EVERY = EventFilter()


def export(kept: Kept, out: Path, dataset_format: str, choice: EventFilter = EVERY) -> DatasetExport:
    return export_events(kept.engine, kept.settings, choice, out, dataset_format=dataset_format, frames=4)


@pytest.fixture(scope="module")
def judged(kept: Kept, module_database: TestDatabase) -> Kept:
    reviewer = make_engine(module_database.url("reviewer"))
    note = "a ladder & <ropes>\x07"
    verdicts.add_verdict(reviewer, kept.event_id, "false_alarm", reviewer="ada", note=note)
    reviewer.dispose()
    return kept


def test_coco_is_read_by_its_own_library(judged: Kept, tmp_path: Path) -> None:
    done = export(judged, tmp_path / "set", "coco")
    assert (done.events, done.pictures, done.problems) == (1, 4, {})
    read = COCO(str(done.labels))
    [category] = read.loadCats(read.getCatIds())
    assert category["name"] == "fall: false alarm"
    images = read.loadImgs(read.getImgIds(catIds=[category["id"]]))
    assert len(images) == 4
    [video] = read.dataset["videos"]
    assert video["name"] == "gate/2026-03-01/22-00-00.mp4"
    numbers = [image["frame_number"] for image in images]
    assert (numbers[0], numbers[-1]) == (FIRST, LAST)
    assert images[0]["date_captured"].startswith("2026-03-01T21:00:20.6666")
    originals = read_frames(judged.file, numbers)
    for image in images:
        with Image.open(tmp_path / "set" / "data" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (320, 240)
            difference = np.asarray(picture, np.float32) - originals[image["frame_number"]]
            assert np.abs(difference).mean() < 6  # a JPEG of that very frame; the next differs more
    [annotation, *_] = read.loadAnns(read.getAnnIds(imgIds=[images[0]["id"]]))
    assert annotation["bbox"] == [0, 0, 320, 240]
    assert annotation["attributes"]["verdict"] == "false_alarm"
    assert annotation["attributes"]["note"] == "a ladder & <ropes>[U+0007]"


def test_cvat_has_a_tag_with_the_verdict_for_each_picture(judged: Kept, tmp_path: Path) -> None:
    root = ET.fromstring(export(judged, tmp_path / "set", "cvat").labels.read_bytes())  # noqa: S314  (ours)
    assert root.findtext("version") == "1.1"
    assert [label.findtext("name") for label in root.iter("label")] == ["fall: false alarm"]
    images = root.findall("image")
    assert [image.get("id") for image in images] == ["0", "1", "2", "3"]
    for image in images:
        assert (tmp_path / "set" / "data" / str(image.get("name"))).is_file()
        [tag] = image.findall("tag")
        facts = {attribute.get("name"): attribute.text for attribute in tag.findall("attribute")}
        assert (tag.get("label"), facts["verdict"]) == ("fall: false alarm", "false_alarm")
        assert facts["note"] == "a ladder & <ropes>[U+0007]"


def test_fiftyone_finds_a_label_for_each_picture(judged: Kept, tmp_path: Path) -> None:
    labels = json.loads(export(judged, tmp_path / "set", "fiftyone").labels.read_text(encoding="utf-8"))
    files = {path.stem for path in (tmp_path / "set" / "data").iterdir()}
    assert set(labels["labels"]) == files
    for label in labels["labels"].values():
        assert labels["classes"][label["label"]] == "fall: false alarm"
        assert label["confidence"] == pytest.approx(0.9)
        assert (label["attributes"]["first_frame"], label["attributes"]["last_frame"]) == (FIRST, LAST)


def test_a_folder_in_use_and_a_choice_without_events_are_refused(judged: Kept, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not an empty folder"):
        export(judged, tmp_path, "coco")
    with pytest.raises(StorageError, match="No event fits"):
        export(judged, tmp_path / "set", "coco", EventFilter(verdict="real"))


def test_an_event_without_footage_is_left_out_and_told(own: Kept, tmp_path: Path) -> None:
    own.file.unlink()
    done = export(own, tmp_path / "set", "coco")
    assert (done.events, list(done.problems)) == (0, [own.event_id])
    assert json.loads(done.labels.read_text(encoding="utf-8"))["annotations"] == []


@given(st.integers(0, 100), st.integers(0, 1000), st.data(), st.integers(1, 20))
def test_pictures_lie_within_the_event_and_hold_its_peak(
    first: int, length: int, data: st.DataObject, count: int
) -> None:
    peak = data.draw(st.integers(first, first + length))
    chosen = frames_of(first, first + length, peak, count)
    assert peak in chosen
    assert len(chosen) <= count
    assert (first <= chosen[0], chosen[-1] <= first + length) == (True, True)
    if count > 2:
        assert (chosen[0], chosen[-1]) == (first, first + length)
