"""Looking inside one file at ingest: its header and its true frames."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.timeline import frame_rate
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
        """Frame rate by the frames' own times, which headers often contradict; 0: unknown."""
        if self.index is None or self.probe is None:
            return Fraction(0)
        return frame_rate(self.index.times_s, self.probe.fps)

    @property
    def pace(self) -> Pace:
        """Pace of its frames; without stretches where there are none."""
        if self.index is None or self.probe is None:
            return Pace()
        return Pace.of(self.index.times_s, self.probe.fps)


def examine(
    path: Path, digest: str, limits: Limits, fps_without_clock: float | None = None, *, from_packets: bool = True
) -> VideoFile:
    """Probe and index a file with this content hash. A file without a decodable frame is a finding, not an error."""
    try:
        header = probe(path)
    except FootageError as error:
        return VideoFile(digest, None, None, str(error))
    try:
        index = index_frames(path, limits=limits, fps_without_clock=fps_without_clock, from_packets=from_packets)
    except FootageError as error:
        return VideoFile(digest, header, None, str(error))
    return VideoFile(digest, header, index, None)
