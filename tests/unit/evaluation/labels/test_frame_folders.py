"""Folders of images: in which order they are joined."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.evaluation.labels.frame_folders import frame_files, frame_numbers, natural_sort_key


@pytest.mark.parametrize("form", ["{}.jpg", "frame_{}.jpg", "cam1_{}.png", "{:04d}.tif"])
@pytest.mark.parametrize("numbers", [range(12), range(950, 1040)])
def test_images_come_in_the_order_of_their_numbers(tmp_path: Path, form: str, numbers: range) -> None:
    for number in reversed(numbers):
        (tmp_path / form.format(number)).touch()
    files = frame_files(tmp_path)
    assert [file.name for file in files] == [form.format(number) for number in numbers]
    assert frame_numbers(files) == list(numbers)


@given(st.lists(st.integers(0, 999), unique=True), st.sampled_from(["{:03d}.jpg", "a-{:03d}_x.jpg", "{:03d}"]))
def test_names_with_leading_zeros_keep_the_order_of_their_text(numbers: list[int], form: str) -> None:
    names = [form.format(number) for number in numbers]
    assert sorted(names, key=natural_sort_key) == sorted(names)


@pytest.mark.parametrize(
    "names", [["a.jpg", "b.jpg"], ["1.jpg", "x.jpg"], ["001.jpg", "001.png"], ["a_2.jpg", "b_1.jpg"]]
)
def test_names_that_do_not_number_the_images(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert frame_numbers(frame_files(tmp_path)) is None
