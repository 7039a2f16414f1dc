"""What has to be known of a video before it can be scored: found by decoding it once, and kept for later runs."""

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.examine import examine
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import split_into_segments
from anyanomaly_core.profile import Profile


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """One file's content, its decodable frames and their rate."""

    content_sha256: str
    frame_count: int
    frames_per_second: str  # as a fraction, such as 25 or 30000/1001

    def step(self, profile: Profile) -> int:
        """Every so many frames one is looked at."""
        return profile.sampling.step(float(Fraction(self.frames_per_second)))

    def segment_count(self, profile: Profile) -> int:
        """How many segments :meth:`segmented` has."""
        return -(-self.frame_count // (profile.sampling.segment_frames * self.step(profile)))

    def segmented(self, path: Path, profile: Profile) -> SegmentedVideo:
        """The file at ``path`` as the engine scores it under a profile."""
        step = self.step(profile)
        segments = split_into_segments(self.frame_count, profile.sampling.segment_frames, step)
        return SegmentedVideo.of(path, tuple(segments), step, profile, content_sha256=self.content_sha256)


class FootageFacts:
    """Facts by file, in a JSON file beside the scores. A cache: losing it costs a decoding pass."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._known = {key: VideoFacts(**facts) for key, facts in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._known = {}

    def of(self, path: Path) -> VideoFacts:
        """Facts of a file in its present state; raises FootageError when no frame of it can be decoded."""
        try:
            state = path.stat()
        except OSError as error:
            raise FootageError(f"{path} cannot be opened: {error}.") from None
        key = f"{path.resolve()} {state.st_size} {state.st_mtime_ns}"
        if key not in self._known:
            self._known[key] = self._examine(path)
            self._save()
        return self._known[key]

    def _examine(self, path: Path) -> VideoFacts:
        content = sha256(path)
        file = examine(path, content, self._limits)
        if file.index is None:
            raise FootageError(file.error or f"{path} has no frame that can be decoded.")
        return VideoFacts(content, file.index.frame_count, str(file.frames_per_second))

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({key: asdict(facts) for key, facts in self._known.items()}), encoding="utf-8")
        part.replace(self._path)
