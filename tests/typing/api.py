"""What a type checker says of the public API. mypy reads this file (pyproject.toml, ``files``); nothing runs it."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import assert_type

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from anyanomaly_core import (
    AnyAnomalyError,
    Event,
    FootageError,
    LibrarySettings,
    Profile,
    Rule,
    SegmentScore,
    Status,
    VideoScorer,
    VideoScores,
    load_profile,
    load_rules,
    score_video,
)


def advance(done: int, total: int) -> None:
    print(done, total)


def note(video: str | PathLike[str], error: FootageError) -> None:
    print(video, error)


def one_video() -> None:
    scores = score_video("gate.mp4", ["a person lying on the ground"], profile="demo")
    assert_type(scores, VideoScores)
    assert_type(scores.frame_scores, NDArray[np.float32])
    assert_type(scores.frame_times_s, NDArray[np.float64])
    assert_type(scores.events(threshold=0.6), list[Event])
    assert_type(scores.events()[0].rationale, str | None)
    assert_type(scores.to_arrow(), pa.Table)
    assert_type(scores.to_pandas(), pd.DataFrame)
    assert_type(scores.segment_scores[0].status, Status)
    score_video(Path("gate.mp4"), Path("rules"), profile=load_profile("demo"), progress=advance)
    score_video("s3://bucket/gate.mp4", load_rules("rules"), settings=LibrarySettings(device="cpu"), progress=False)


def many_videos(profile: Profile, rule: Rule) -> None:
    scorer = VideoScorer(profile)
    assert_type(scorer.score_many([Path("gate.mp4"), "yard.mp4"], rule), Iterator[VideoScores])
    assert_type(scorer.iter_segments("gate.mp4", [rule, "a bicycle"]), Iterator[SegmentScore])
    scorer.score_many(["gate.mp4"], rule, on_error=note)


def errors() -> None:
    try:
        score_video("gate.mp4", "a bicycle")
    except AnyAnomalyError as error:
        assert_type(error, AnyAnomalyError)
