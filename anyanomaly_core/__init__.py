"""Find what matters in CCTV footage by describing it in words: the library. Nothing here imports Airflow.

    from anyanomaly_core import score_video

    scores = score_video("gate.mp4", ["a person lying on the ground"], profile="demo")
    scores.events(threshold=0.6)

``docs/python-api.md`` has the whole of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from anyanomaly_core.errors import (
    AnyAnomalyError,
    ConfigurationError,
    FootageError,
    ModelError,
    RuleError,
    StorageError,
    UnreadableFootageError,
)

if TYPE_CHECKING:
    from anyanomaly_core.config import LibrarySettings
    from anyanomaly_core.engine.video_scorer import VideoScorer, score_video
    from anyanomaly_core.engine.video_scores import Event, VideoScores
    from anyanomaly_core.profile import Profile, load_profile
    from anyanomaly_core.rules.definition import RuleDefinition as Rule
    from anyanomaly_core.rules.files import load_rule, load_rules
    from anyanomaly_core.scoring.types import SegmentScore, Status

__version__ = "0.1.0"
__all__ = [
    "AnyAnomalyError",
    "ConfigurationError",
    "Event",
    "FootageError",
    "LibrarySettings",
    "ModelError",
    "Profile",
    "Rule",
    "RuleError",
    "SegmentScore",
    "Status",
    "StorageError",
    "UnreadableFootageError",
    "VideoScorer",
    "VideoScores",
    "load_profile",
    "load_rule",
    "load_rules",
    "score_video",
]

# Imported when first asked for: Airflow reads the error types with every DAG file, and the models take seconds.
_LAZY = {
    "Event": ("engine.video_scores", "Event"),
    "LibrarySettings": ("config", "LibrarySettings"),
    "Profile": ("profile", "Profile"),
    "Rule": ("rules.definition", "RuleDefinition"),
    "SegmentScore": ("scoring.types", "SegmentScore"),
    "Status": ("scoring.types", "Status"),
    "VideoScorer": ("engine.video_scorer", "VideoScorer"),
    "VideoScores": ("engine.video_scores", "VideoScores"),
    "load_profile": ("profile", "load_profile"),
    "load_rule": ("rules.files", "load_rule"),
    "load_rules": ("rules.files", "load_rules"),
    "score_video": ("engine.video_scorer", "score_video"),
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
