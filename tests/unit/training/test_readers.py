"""Each published data set in its publisher's layout, as a tiny generated folder."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from pycocotools import mask as rle

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.training.exposure import ExposureSampler
from anyanomaly_core.training.image_sets import ade20k, cityscapes, mapillary, read_plain_pickle, referring
from anyanomaly_core.training.recipe import published_sources
from anyanomaly_core.training.segmented_sets import SegmentedSet
from anyanomaly_core.training.video_sets import mevis, ref_davis, ref_youtube_vos, youtube_vos

SIZE = (12, 16)
NUMBERS = np.zeros(SIZE, np.uint8)
NUMBERS[:4], NUMBERS[8:, :8] = 1, 2  # 64 pixels of object 1, 32 of object 2


def picture(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    PilImage.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(file)


def labels(file: Path, numbers: np.ndarray, *, palette: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = PilImage.fromarray(numbers)
    if palette:
        image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    image.save(file)


def dump(file: Path, body: Any) -> None:  # noqa: ANN401  (whatever JSON holds)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(body))


def video(root: Path, name: str, annotations: Path, frames: int = 3) -> None:
    for place in range(frames):
        picture(root / "JPEGImages" / name / f"{place * 5:05}.jpg")
        labels(annotations / name / f"{place * 5:05}.png", NUMBERS, palette=True)


def pixels(source: SegmentedSet, index: int, word: str) -> list[int]:
    frames, masks = source.clip(index, [word], 8, np.random.default_rng(0))
    assert len(frames) == len(masks)
    assert masks.shape[1:] == SIZE == frames[0].shape[:2]
    return [int(mask.sum()) for mask in masks]


def test_youtube_vos(tmp_path: Path) -> None:
    train = tmp_path / "train"
    for name in ("a", "b"):
        video(train, name, train / "Annotations")
    objects = {"1": {"category": "giant_panda", "frames": ["00000"]}, "2": {"category": "dog", "frames": ["00000"]}}
    dump(train / "meta.json", {"videos": {"a": {"objects": objects}, "b": {"objects": {"2": {"category": "sheep"}}}}})
    source = youtube_vos(tmp_path)
    assert list(source.words(0)) == ["dog", "giant panda"]
    assert list(source.absent(0, np.random.default_rng(0))) == ["sheep"]
    assert source.longest_list == 1
    assert pixels(source, 0, "giant panda") == [64] * 3
    assert pixels(source, 1, "sheep") == [32] * 3


def test_ref_youtube_vos(tmp_path: Path) -> None:
    for name in ("a", "b"):
        video(tmp_path / "train", name, tmp_path / "train" / "Annotations")
    said = {"0": {"exp": "the dog on the left", "obj_id": "2"}}
    videos = {name: {"expressions": said, "frames": ["00000", "00005"]} for name in ("a", "b")}
    videos["b"] = {"expressions": {"0": {"exp": "a man in red", "obj_id": "1"}}, "frames": ["00000", "00005"]}
    dump(tmp_path / "meta_expressions" / "train" / "meta_expressions.json", {"videos": videos})
    source = ref_youtube_vos(tmp_path)
    assert pixels(source, 0, "the dog on the left") == [32, 32]
    assert list(source.absent(0, np.random.default_rng(0))) == ["a man in red"]


def test_mevis_reads_run_lengths_by_frame(tmp_path: Path) -> None:
    train = tmp_path / "train"
    video(train, "a", tmp_path / "unused")
    runs = {n: rle.encode(np.asfortranarray(n == NUMBERS)) for n in (1, 2)}
    plain = {n: {"size": list(r["size"]), "counts": r["counts"].decode()} for n, r in runs.items()}
    dump(train / "mask_dict.json", {"7": [plain[1], None, plain[1]], "9": [plain[2], None, None]})
    said = {str(n): {"exp": f"saying {n}", "obj_id": [0], "anno_id": [7] if n else [7, 9]} for n in range(10)}
    dump(
        train / "meta_expressions.json",
        {"videos": {"a": {"expressions": said, "frames": ["00000", "00005", "00010"]}}},
    )
    source = mevis(tmp_path)
    assert len(source.words(0)) == 8
    assert pixels(source, 0, "saying 0") == [96, 0, 64]
    assert pixels(source, 0, "saying 1") == [64, 0, 64]


def test_ref_davis(tmp_path: Path) -> None:
    for place in range(2):
        picture(tmp_path / "DAVIS" / "JPEGImages" / "480p" / "bear" / f"{place:05}.jpg")
        labels(tmp_path / "DAVIS" / "Annotations" / "480p" / "bear" / f"{place:05}.png", NUMBERS, palette=True)
    texts = tmp_path / "davis_text_annotations" / "Davis17_annot1.txt"
    texts.parent.mkdir()
    texts.write_text('bear 1 "a brown bear"\nbear 2 "a rock"\n')
    source = ref_davis(tmp_path)
    assert len(source) == 2
    assert pixels(source, 0, "a brown bear") == [64, 64]
    assert pixels(source, 1, "a rock") == [32, 32]
    texts.write_text("bear a brown bear\n")
    with pytest.raises(ConfigurationError, match="line 1 is not VIDEO OBJECT"):
        ref_davis(tmp_path)


def test_cityscapes(tmp_path: Path) -> None:
    picture(tmp_path / "leftImg8bit" / "train" / "ulm" / "ulm_0_0_leftImg8bit.png")
    ids = np.choose(NUMBERS, [7, 26, 33]).astype(np.uint8)  # road, car, bicycle
    labels(tmp_path / "gtFine" / "train" / "ulm" / "ulm_0_0_gtFine_labelIds.png", ids)
    source = cityscapes(tmp_path)
    assert list(source.words(0)) == ["bicycle", "car"]
    assert source.longest_list == 6
    assert pixels(source, 0, "car") == [64]


def test_ade20k_without_background(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "training" / "ADE_train_1.jpg")
    labels(tmp_path / "annotations" / "training" / "ADE_train_1.png", NUMBERS)
    table = "Idx\tRatio\tTrain\tVal\tName\n1\t0\t1\t1\twall\n2\t0\t1\t1\tdoor, double door\n3\t0\t1\t1\tcar\n"
    (tmp_path / "objectInfo150.txt").write_text(table)
    source = ade20k(tmp_path)
    assert list(source.words(0)) == ["door"]
    assert pixels(source, 0, "door") == [32]


def test_mapillary_by_place_in_its_list(tmp_path: Path) -> None:
    picture(tmp_path / "training" / "images" / "x.jpg")
    labels(tmp_path / "training" / "v2.0" / "labels" / "x.png", NUMBERS)
    names = [("Bird", True), ("Road", False), ("Bench", True), ("Car", True)]
    dump(tmp_path / "config_v2.0.json", {"labels": [{"readable": n, "instances": i} for n, i in names]})
    source = mapillary(tmp_path)
    assert list(source.words(0)) == ["bench", "bird"]
    assert pixels(source, 0, "bench") == [32]


def refcoco(root: Path) -> None:
    picture(root / "images" / "one.jpg")
    box = [[0, 0, 8, 0, 8, 6, 0, 6]]
    instances = {
        "images": [{"id": 3, "file_name": "one.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [{"id": 5, "segmentation": box}],
    }
    dump(root / "refcoco" / "instances.json", instances)
    refs = [
        {"split": "train", "ann_id": 5, "image_id": 3, "sentences": [{"sent": "left cup"}, {"sent": "the white cup"}]},
        {"split": "val", "ann_id": 5, "image_id": 3, "sentences": [{"sent": "unseen"}]},
    ]
    (root / "refcoco" / "refs(unc).p").write_bytes(pickle.dumps(refs))


def test_refcoco(tmp_path: Path) -> None:
    refcoco(tmp_path)
    source = referring(tmp_path, "refcoco")
    assert list(source.words(0)) == ["left cup", "the white cup"]
    assert pixels(source, 0, "left cup") == [48]


def test_a_pickle_that_names_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "refs.p").write_bytes(pickle.dumps([Path("x")]))
    with pytest.raises(ConfigurationError, match="cannot be read as plain data"):
        read_plain_pickle(tmp_path / "refs.p")


def test_the_mixture_takes_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds none of the folders youtube-vos"):
        published_sources(tmp_path)
    refcoco(tmp_path / "refer")
    (tmp_path / "cityscapes").mkdir()
    test_cityscapes(tmp_path / "cityscapes")
    sources = published_sources(tmp_path)
    assert [(source.name, share) for source, share in sources] == [("Cityscapes", 0.05), ("refcoco", 0.1)]
    [example] = ExposureSampler(sources[:1]).draw(np.random.default_rng(0))
    assert 1 <= len(example.categories) <= 6
