"""Looking inside one file at ingest: its header and its true frames."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.types import FrameIndex, Probe


@dataclass(frozen=True, slots=True)
class VideoFile:
    """What one file is. Without ``index`` no frame can be decoded and ``error`` says why."""

    content_sha256: str
    probe: Probe | None
    index: FrameIndex | None
    error: str | None

    @property
    def frames_per_second(self) -> Fraction:
        """What the frames' own times say where the header says nothing; 0 for a single frame."""
        if self.probe is not None and self.probe.fps > 0:
            return self.probe.fps
        if self.index is None or self.index.frame_count < 2 or self.index.times_s[-1] <= 0:  # noqa: PLR2004
            return Fraction(0)
        return Fraction((self.index.frame_count - 1) / float(self.index.times_s[-1])).limit_denominator(1001)


def examine(path: Path, digest: str, limits: Limits) -> VideoFile:
    """Probe and index a file with this content hash. A file without a decodable frame is a finding, not an error."""
    try:
        header = probe(path)
    except FootageError as error:
        return VideoFile(digest, None, None, str(error))
    try:
        return VideoFile(digest, header, index_frames(path, limits=limits), None)
    except FootageError as error:
        return VideoFile(digest, header, None, str(error))
