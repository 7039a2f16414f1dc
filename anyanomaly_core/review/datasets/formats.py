"""The labels of exported events as COCO, CVAT for images and FiftyOne's image classification."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

from anyanomaly_core.review.datasets.labelled import LabelledEvent, Picture, labels_of

Write = Callable[[list[LabelledEvent]], bytes]


def coco(events: list[LabelledEvent]) -> bytes:
    """COCO detection (cocodataset.org, format-data). Events do not say where in the picture: boxes are whole frames.

    Beyond the format, which readers skip: ``videos``, ``events`` (spans), and facts in images and annotations.
    """
    labels = labels_of(events)
    videos = sorted({event.event.video.uri for event in events})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for event in events:
        for picture in event.pictures:
            number = len(images) + 1
            images.append(_image(number, event, picture, videos.index(event.event.video.uri) + 1))
            box = [0, 0, picture.width, picture.height]
            annotation = {"id": number, "image_id": number, "category_id": labels.index(event.label) + 1, "bbox": box}
            size = {"area": picture.width * picture.height, "iscrowd": 0, "segmentation": []}
            annotations.append({**annotation, **size, "score": event.facts["peak_score"], "attributes": event.facts})
    return _json(
        {
            "info": {"description": "Events found by AnyAnomaly", "date_created": f"{datetime.now(UTC):%Y-%m-%d}"},
            "licenses": [],
            "categories": [
                {"id": number, "name": label, "supercategory": label.partition(":")[0]}
                for number, label in enumerate(labels, 1)
            ],
            "images": images,
            "annotations": annotations,
            "videos": [{"id": number, "name": name} for number, name in enumerate(videos, 1)],
            "events": [event.facts for event in events],
        }
    )


def fiftyone(events: list[LabelledEvent]) -> bytes:
    """``labels.json`` of FiftyOne's FiftyOneImageClassificationDataset."""
    labels = labels_of(events)
    return _json(
        {
            "classes": labels,
            "labels": {
                picture.name.removesuffix(".jpg"): {
                    "label": labels.index(event.label),
                    "confidence": event.facts["peak_score"],
                    "attributes": {**event.facts, "frame": picture.frame, "recorded_at": _recorded_at(event, picture)},
                }
                for event in events
                for picture in event.pictures
            },
        }
    )


def cvat(events: list[LabelledEvent]) -> bytes:
    """CVAT for images 1.1: a tag for each picture, with the facts as attributes."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    total = sum(len(event.pictures) for event in events)
    for name, value in (("name", "AnyAnomaly events"), ("size", str(total)), ("mode", "annotation")):
        ET.SubElement(task, name).text = value
    names = list(events[0].facts) if events else []
    listed = ET.SubElement(task, "labels")
    for label in labels_of(events):
        _cvat_label(listed, label, names)
    pictures = [(event, picture) for event in events for picture in event.pictures]
    for number, (event, picture) in enumerate(pictures):
        size = {"width": str(picture.width), "height": str(picture.height)}
        image = ET.SubElement(root, "image", {"id": str(number), "name": picture.name, **size})
        tag = ET.SubElement(image, "tag", {"label": event.label, "source": "auto"})
        for name, value in event.facts.items():
            ET.SubElement(tag, "attribute", {"name": name}).text = "" if value is None else str(value)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


FORMATS: dict[str, tuple[str, Write]] = {
    "coco": ("labels.json", coco),
    "cvat": ("labels.xml", cvat),
    "fiftyone": ("labels.json", fiftyone),
}


def _image(number: int, event: LabelledEvent, picture: Picture, video: int) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": picture.name,
        "width": picture.width,
        "height": picture.height,
        "date_captured": _recorded_at(event, picture),
        "video_id": video,
        "frame_number": picture.frame,
    }


def _recorded_at(event: LabelledEvent, picture: Picture) -> str:
    return (event.event.video.recorded_at + timedelta(seconds=picture.time_s)).isoformat(timespec="microseconds")


def _cvat_label(listed: ET.Element, label: str, names: list[str]) -> None:
    entry = ET.SubElement(listed, "label")
    ET.SubElement(entry, "name").text = label
    ET.SubElement(entry, "type").text = "tag"
    attributes = ET.SubElement(entry, "attributes")
    for name in names:
        attribute = ET.SubElement(attributes, "attribute")
        described = {"name": name, "mutable": "False", "input_type": "text", "default_value": "", "values": ""}
        for key, value in described.items():
            ET.SubElement(attribute, key).text = value


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()
