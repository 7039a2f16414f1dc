"""What the method looks at in one segment of a file, as PNG files."""

from pathlib import Path

import numpy as np
from PIL import Image as Pictures

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.engine.batches import scaled_size
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.decode import read_frames
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.explain import Explanation, explain
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames


def write_explanation(video: Path, text: str, at_s: float, profile: Profile, out: Path) -> list[Path]:
    """Write key frame, attention map, position context and grid of the segment at ``at_s`` seconds.

    Raises:
        ConfigurationError: when the video is shorter.
        FootageError: when it cannot be decoded.
    """
    settings = LibrarySettings()
    limits = Limits.of(settings)
    index = index_frames(video, limits=limits, fps_without_clock=settings.fps_without_clock)
    number = int(np.searchsorted(index.times_s, at_s, side="right")) - 1
    if number < 0 or at_s > index.times_s[-1] + 1:
        raise ConfigurationError(
            f"{video} has no picture at second {at_s:g}: its pictures go from {index.times_s[0]:.1f} to "
            f"{index.times_s[-1]:.1f}."
        )
    header = probe(video)
    segments = split_into_segments(Pace.of(index.times_s, header.fps), profile.sampling)
    segment = next(s for s in segments if s.first_frame <= number <= s.last_frame)
    size = scaled_size(header.width, header.height, profile.sampling.max_side)
    images = read_frames(video, segment.sampled, size=size, limits=limits)
    frames = SegmentFrames(segment, tuple(images[n] for n in segment.sampled))
    rule = RuleTexts(0, "show", (text,))
    explanation = explain(frames, rule, profile=profile, encoder=load_encoder(profile, settings))
    return _write(explanation, segment, out, video.stem)


def _write(explanation: Explanation, segment: Segment, out: Path, stem: str) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    images = {
        "key": explanation.key_image,
        "attention": np.repeat((explanation.attention[..., None] * 255).astype(np.uint8), 3, axis=2),
        "position": explanation.position_image,
        "grid": explanation.grid_image,
    }
    paths = []
    for name, image in images.items():
        path = out / f"{stem}-segment{segment.index}-{name}.png"
        Pictures.fromarray(image).save(path)
        paths.append(path)
    return paths
