"""The plain layout: what its tables may say, and what is said when they do not."""

import unicodedata
from pathlib import Path

import pytest

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from tests.unit.evaluation.labels.label_files import footage, labels_of

EVENTS = "video,class,first_frame,last_frame\n"


def archive(root: Path, **tables: str) -> LabelledArchive:
    (root / "_labels").mkdir(exist_ok=True)
    for name, text in tables.items():
        (root / "_labels" / f"{name}.csv").write_text(text, encoding="utf-8")
    return open_archive(root)


def test_blanks_around_cells_do_not_count(tmp_path: Path) -> None:
    footage(tmp_path, "North Gate/a.mp4")
    read = archive(
        tmp_path,
        classes="class, text\n accident , a car accident \n",
        events="video, class, first_frame, last_frame\nNorth Gate/a.mp4, accident, 1, 2\n\n , , , \n",
    )
    assert read.texts == {"accident": ("a car accident",)}
    assert labels_of(read, "North Gate/a.mp4", "accident", 4) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (
            {
                "classes": "class,text\nfall,falling\nbag,a bag\n",
                "events": f"{EVENTS}a.mp4,fall,1,2\na.mp4,smoke,1,2\n",
            },
            r"events\.csv line 3: class 'smoke' is not in classes\.csv, which has fall, bag\.",
        ),
        (
            {"classes": "class;text\nfall;falling\n", "events": EVENTS},
            r"classes\.csv has the columns 'class;text' and lacks class, text: is it separated by commas",
        ),
        ({"events": ""}, r"events\.csv has the columns '' and lacks video, class, first_frame, last_frame"),
        (
            {"events": f"{EVENTS}b.mp4,fall,1,2\n", "videos": "video,classes\na.mp4,*\n"},
            r"events\.csv line 2: video 'b\.mp4' is not in videos\.csv, which has a\.mp4",
        ),
        (
            {"events": f"{EVENTS}a.mp4,fall,1,2\na.mp4,bag,1,2\n", "videos": "video,classes\na.mp4,fall\n"},
            r"line 3: class 'bag' is not in the classes that videos\.csv gives a\.mp4: fall",
        ),
        (
            {"events": f"{EVENTS}a.mp4,fall,1,2\n", "videos": "video,classes\na.mp4,fal\n"},
            r"videos\.csv line 2: class 'fal' is not in events\.csv",
        ),
        (
            {"events": f"{EVENTS}a.mp4,fall,1,2\n", "videos": "video,classes\na.mp4,fall\na.mp4,*\n"},
            r"videos\.csv line 3: the video 'a\.mp4' is there twice",
        ),
        (
            {"events": f"{EVENTS}a.mp4,fall,5,2\n"},
            r"events\.csv line 2: the last frame 2 lies before the first frame 5",
        ),
        (
            {"events": f"{EVENTS}a.mp4,fall,-3,2\n"},
            r"line 2: first_frame is '-3', and a frame number is a whole number",
        ),
        ({"events": f"{EVENTS}a.mp4,fall,,2\n"}, r"line 2: the column first_frame is empty"),
        ({"events": f"{EVENTS}a.mp4,fall,1\n"}, r"line 2: 3 cells under 4 columns"),
        ({"classes": "class,text\nfall,lying, or falling\n", "events": EVENTS}, r"line 2: 3 cells .* needs \"quotes\""),
        (
            {"frames": "video,frame,fall\na.mp4,0,255\n"},
            r"frames\.csv line 2: fall is '255', and may be 1, 0 or nothing",
        ),
        ({"frames": "video,frame,fall\na.mp4,1,0\na.mp4,1,0\n"}, r"line 3: frame 1 of a\.mp4 is not in order"),
        ({"frames": "clip,frame,fall\na.mp4,1,0\n"}, r"line 2: there is no column video"),
        ({"events": EVENTS}, "names no class"),
    ],
)
def test_errors_name_file_line_and_cause(tmp_path: Path, tables: dict[str, str], told: str) -> None:
    footage(tmp_path, "a.mp4", "b.mp4")
    with pytest.raises(ConfigurationError, match=told):
        archive(tmp_path, **tables)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("clip a.mp4", "Clip A.MP4"),
        ("gate\\a.mp4", "gate/a.mp4"),
        (unicodedata.normalize("NFD", "Tür.mp4"), unicodedata.normalize("NFC", "Tür.mp4")),
    ],
)
def test_a_name_written_otherwise_is_refused(tmp_path: Path, name: str, file: str) -> None:
    """Else the video would be reported missing and its footage counted as normal."""
    footage(tmp_path, file)
    with pytest.raises(ConfigurationError, match=r"events\.csv line 2: the video .* is not there, but .* is"):
        archive(tmp_path, events=f"{EVENTS}{name},fall,1,2\n")


def test_one_video_under_two_spellings_of_its_path_is_one(tmp_path: Path) -> None:
    footage(tmp_path, "gate/a.mp4")
    read = archive(tmp_path, events=f"{EVENTS}./gate//a.mp4,fall,1,1\ngate/a.mp4,fall,3,3\n")
    assert [video.name for video in read.videos] == ["gate/a.mp4"]
    assert labels_of(read, "gate/a.mp4", "fall", 4) == [0, 1, 0, 1]


def test_what_no_line_names_is_visible(tmp_path: Path) -> None:
    footage(tmp_path, "a.mp4", "b.mp4")
    tables = {"events": f"{EVENTS}a.mp4,fall,1,1\ngone.mp4,fall,1,1\n"}
    read = archive(tmp_path, **tables)
    assert (read.missing, read.assumed_normal, read.unlabelled) == (("gone.mp4",), ("b.mp4",), ())
    assert labels_of(read, "b.mp4", "fall", 2) == [0, 0], "footage without a line counts as normal"
    listed = archive(tmp_path, **tables, videos="video,classes\na.mp4, fall ; fall\ngone.mp4,\n")
    assert (listed.assumed_normal, listed.unlabelled) == ((), ("b.mp4",))
    framed = archive(tmp_path, frames="video,frame,fall\na.mp4,0,1\n")
    assert (framed.assumed_normal, framed.unlabelled) == ((), ("b.mp4",))


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not there; --labels takes"):
        open_archive(tmp_path, labels=tmp_path / "nowhere")
