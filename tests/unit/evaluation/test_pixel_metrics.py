"""Pixel figures beside slow, independent writings of the same definitions."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from anyanomaly_core.evaluation.pixel_metrics import DetectionCriteria, DetectionCurves, PixelCurve, resize_nearest


def detection_criteria(videos: list[list[tuple[np.ndarray, np.ndarray]]], levels: list[float]) -> DetectionCriteria:
    curves = DetectionCurves(np.array(levels))
    for number, video in enumerate(videos):
        for scores, tracks in video:
            curves.add(number, scores, tracks)
    return curves.criteria()


def connected(shown: np.ndarray) -> list[set[tuple[int, int]]]:
    """Regions of a mask by flooding, corners included."""
    left, regions = {tuple(p) for p in np.argwhere(shown)}, []
    while left:
        region, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            region.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge += near
        regions.append(region)
    return regions


def slow_criteria(videos: list[list[tuple[np.ndarray, np.ndarray]]], levels: list[float]) -> tuple[float, float]:
    points = []
    for level in levels:
        false = hits = total = 0
        track_hits: dict[tuple[int, int], list[bool]] = {}
        for v, video in enumerate(videos):
            for scores, tracks in video:
                found = connected(scores >= level)
                used = [False] * len(found)
                for number in set(tracks.ravel().tolist()) - {0}:
                    true = {tuple(p) for p in np.argwhere(tracks == number)}
                    good = [len(f & true) / len(f | true) >= 0.1 for f in found]
                    used = [a or b for a, b in zip(used, good, strict=True)]
                    total += 1
                    hits += any(good)
                    track_hits.setdefault((v, number), []).append(any(good))
                false += used.count(False)
        frames = sum(map(len, videos))
        tracks_found = [sum(own) / len(own) >= 0.1 for own in track_hits.values()]
        points.append((false / frames, hits / total, sum(tracks_found) / len(tracks_found)))
    areas = []
    for column in (1, 2):
        area, grid = 0.0, sorted({0.0, 1.0, *(p[0] for p in points if p[0] <= 1)})
        for left, right in pairwise(grid):
            area += (right - left) * max((p[column] for p in points if p[0] <= left), default=0.0)
        areas.append(area)
    return areas[0], areas[1]


def random_video(seed: int, frames: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two objects that move, and a map that sees them through noise."""
    random = np.random.default_rng(seed)
    video = []
    for t in range(frames):
        tracks = np.zeros((14, 18), np.int64)
        tracks[2:6, t : t + 4] = 1
        if t % 2:
            tracks[9:12, 12 - t : 15 - t] = 2
        scores = 0.6 * (tracks == 1) + 0.3 * (tracks == 2) + random.random(tracks.shape) ** 4
        video.append((np.round(scores, 1).astype(np.float32), tracks))
    return video


@pytest.mark.parametrize("seed", range(3))
def test_detection_criteria_are_those_of_the_definition(seed: int) -> None:
    videos = [random_video(seed, 5), random_video(seed + 10, 4)]
    levels = [1.6, 1.2, 0.9, 0.7, 0.5, 0.3, 0.1]
    found = detection_criteria(videos, levels)
    assert (found.region, found.track) == pytest.approx(slow_criteria(videos, levels))


def test_a_perfect_map_and_an_empty_truth() -> None:
    perfect = [[((tracks > 0).astype(np.float32), tracks) for _, tracks in random_video(0, 6)]]
    found = detection_criteria(perfect, [1.0, 0.5])
    assert (found.region, found.track) == (1.0, 1.0)
    nothing = [[(np.zeros((4, 4), np.float32), np.zeros((4, 4), np.int64))]]
    assert detection_criteria(nothing, [0.5]) == detection_criteria([[]], [0.5]) == DetectionCriteria(None, None)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_pixel_figures_are_scikit_learns(seed: int, frames: int) -> None:
    random = np.random.default_rng(seed)
    maps = [np.round(random.normal(size=(9, 11)), 2).astype(np.float32) for _ in range(frames)]
    masks = [random.random((9, 11)) < 0.2 for _ in range(frames)]
    flat, truth = np.concatenate(maps).ravel(), np.concatenate(masks).ravel()
    curve = PixelCurve(float(flat.min()), float(flat.max()))
    for scores, mask in zip(maps, masks, strict=True):
        curve.add(scores, mask)
    if truth.any() and not truth.all():
        assert curve.roc_auc() == pytest.approx(roc_auc_score(truth, flat), abs=1e-9)
        assert curve.average_precision() == pytest.approx(average_precision_score(truth, flat), abs=1e-9)


def test_what_does_not_fit_is_refused() -> None:
    curve = PixelCurve(0.0, 1.0)
    with pytest.raises(ValueError, match="do not belong together"):
        curve.add(np.zeros((2, 3), np.float32), np.zeros((3, 2), bool))
    with pytest.raises(ValueError, match=r"within 0\.0 and 1\.0"):
        curve.add(np.full((2, 2), np.nan, np.float32), np.zeros((2, 2), bool))
    assert curve.roc_auc() is None
    assert curve.average_precision() is None


def test_the_published_size() -> None:
    mask = np.zeros((240, 360), bool)
    mask[:120] = True
    small = resize_nearest(mask, (158, 238))
    assert small.shape == (158, 238)
    assert small.dtype == bool
    assert small[:79].all()
    assert not small[79:].any()
