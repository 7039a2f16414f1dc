"""What has to be known of a video before it can be scored: found by decoding it once, and kept for later runs."""

import json
from dataclasses import astuple, dataclass
from pathlib import Path

from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.examine import examine
from anyanomaly_core.footage.pace import Pace, Stretch
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import count_segments, split_into_segments
from anyanomaly_core.profile import Profile


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """One file's content and its decodable frames."""

    content_sha256: str
    pace: Pace

    @property
    def frame_count(self) -> int:
        """Frames of the file."""
        return self.pace.frame_count

    def segment_count(self, profile: Profile) -> int:
        """How many segments :meth:`segmented_video` has."""
        return count_segments(self.pace, profile.sampling)

    def segmented_video(self, path: Path, profile: Profile) -> SegmentedVideo:
        """The file at ``path`` as the engine scores it under a profile."""
        segments = tuple(split_into_segments(self.pace, profile.sampling))
        return SegmentedVideo.of(path, segments, profile, content_sha256=self.content_sha256)


class FootageFacts:
    """Facts by file, in a JSON file beside the scores. A cache: losing it costs a decoding pass."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._known = {
                key: VideoFacts(facts["content_sha256"], Pace(tuple(Stretch(*row) for row in facts["stretches"])))
                for key, facts in stored.items()
            }
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
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
        return VideoFacts(content, file.pace)

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        written = {
            key: {"content_sha256": facts.content_sha256, "stretches": [astuple(row) for row in facts.pace.stretches]}
            for key, facts in self._known.items()
        }
        part.write_text(json.dumps(written), encoding="utf-8")
        part.replace(self._path)
