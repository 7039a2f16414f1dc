"""Every frame's score and label as Parquet, so that anybody can compute a figure again, or another one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED
from anyanomaly_core.evaluation.summary import ScoreCurve

SCHEMA = pa.schema(
    [
        ("video", pa.dictionary(pa.int32(), pa.string())),
        ("class", pa.dictionary(pa.int32(), pa.string())),
        ("frame", pa.int32()),  # from 0
        ("score", pa.float32()),  # after smoothing; NULL: not scored
        ("label", pa.int8()),  # 1: shows the class, 0: does not, NULL: nobody said
    ]
)


def write_frames(curves: Sequence[ScoreCurve], path: Path) -> None:
    """One row per video, class and frame, under the profile as it is; a row group per video and class."""
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for curve in curves:
            frames = len(curve.scores)
            columns = [
                pa.array([curve.video] * frames).dictionary_encode(),
                pa.array([curve.label] * frames).dictionary_encode(),
                pa.array(np.arange(frames, dtype=np.int32)),
                pa.array(curve.scores, mask=np.isnan(curve.scores)),
                pa.array(curve.labels, mask=curve.labels == UNLABELLED),
            ]
            writer.write_table(pa.table(columns, schema=SCHEMA))
