"""A video as the engine scores it: a local file, its segments, and how its frames are decoded."""

from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.engine.batches import scaled_size
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Profile


@dataclass(frozen=True, slots=True)
class SegmentedVideo:
    """A local file and its segments."""

    path: Path
    segments: tuple[Segment, ...]  # in order, covering the whole file
    size: tuple[int, int] | None  # of the decoded images; None: the file's own
    mask: Mask | None = None  # what no model gets to see
    static_level: float = 0.0  # see ``stillness.still_scene``; 0: no segment is carried
    content_sha256: str = ""  # seeds what a cascade draws; needed where there is one
    stated_frames: int | None = None  # by the packets; None: the frames were decoded and counted

    @property
    def frame_count(self) -> int:
        """Frames of the file."""
        return self.segments[-1].last_frame + 1 if self.segments else 0

    @classmethod
    def of(
        cls,
        path: Path,
        segments: tuple[Segment, ...],
        profile: Profile,
        *,
        mask: Mask | None = None,
        content_sha256: str = "",
        from_packets: bool = False,
    ) -> "SegmentedVideo":
        """Decoded as a profile asks for it.

        A file that no longer opens keeps its own size: its decoding says why, segment by segment. Where frames were
        counted ``from_packets``, decoding must give just these.
        """
        try:
            header = probe(path)
            size = scaled_size(header.width, header.height, profile.sampling.max_side)
        except FootageError:
            size = None
        stated = segments[-1].last_frame + 1 if from_packets and segments else None
        return cls(path, segments, size, mask, profile.scoring.static_level, content_sha256, stated)
