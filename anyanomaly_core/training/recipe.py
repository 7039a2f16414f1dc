"""Which sources are drawn from and how often: the published mixture, or the rendered world."""

from pathlib import Path

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.training.exposure import Source
from anyanomaly_core.training.image_sets import ade20k, cityscapes, mapillary, referring
from anyanomaly_core.training.rendered import rendered_clips, rendered_moments
from anyanomaly_core.training.video_sets import mevis, ref_davis, ref_youtube_vos, youtube_vos

# folder under the root of all sets -> reader, published probability
MIXTURE = {
    "youtube-vos": (youtube_vos, 0.05),
    "ref-youtube-vos": (ref_youtube_vos, 0.20),
    "mevis": (mevis, 0.25),
    "ref-davis": (ref_davis, 0.20),
    "cityscapes": (cityscapes, 0.05),
    "ade20k": (ade20k, 0.10),
    "mapillary": (mapillary, 0.05),
}
CLIP_SHARE = 0.2  # of the rendered examples
REFER, REFER_SHARE = "refer", 0.10  # the refCOCO family lies in one folder; its sets share this


def published_sources(root: Path) -> list[tuple[Source, float]]:
    """The sets that lie under ``root``, with their published probabilities.

    Raises:
        ConfigurationError: when none is there, or one cannot be read.
    """
    found: list[tuple[Source, float]] = [
        (read(root / folder), share) for folder, (read, share) in MIXTURE.items() if (root / folder).is_dir()
    ]
    if (root / REFER).is_dir():
        names = [name for name in ("refclef", "refcoco", "refcoco+", "refcocog") if (root / REFER / name).is_dir()]
        found += [(referring(root / REFER, name), REFER_SHARE / len(names)) for name in names]
    if not found:
        raise ConfigurationError(
            f"{root} holds none of the folders {', '.join([*MIXTURE, REFER])}. docs/lavida.md says what lies in each."
        )
    return found


def rendered_sources(seed: int, clips: int, kept: Path | None = None) -> list[tuple[Source, float]]:
    """The rendered world alone: moments of a camera, and as many of them as there are frames in a quarter of clips."""
    return [
        (rendered_moments(seed, clips, kept=kept), 1 - CLIP_SHARE),
        (rendered_clips(seed, max(1, clips // 4), kept=kept), CLIP_SHARE),
    ]
