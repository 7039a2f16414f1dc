"""A profile with its models in memory: loaded once, it scores one video after another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anyanomaly_core.config import ModelSettings
from anyanomaly_core.engine.cascade import Cascade
from anyanomaly_core.engine.embeddings import VideoEmbeddings
from anyanomaly_core.engine.journal import ScoreJournal
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.engine.segment_scores import KnownScores, iter_segment_scores, sort_by_segment
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.loading import load_encoder, load_lavida, load_lvlm
from anyanomaly_core.models.protocols import ClipModel, ImageTextEncoder, VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.ranking import Ranker
from anyanomaly_core.scoring.scorers import make_scorer
from anyanomaly_core.scoring.types import RuleTexts, Scorer, SegmentScore


@dataclass(frozen=True, slots=True)
class LoadedProfile:
    """A profile, its models and the scorer made of them."""

    profile: Profile
    scorer: Scorer
    revisions: dict[str, str]  # of the models that the scorer uses, by part
    ranker: Ranker | None = None  # of a cascade; None: the profile has none
    encoder: ImageTextEncoder | None = None  # None: the scorer uses none

    @property
    def digest(self) -> str:
        """Digest of everything that makes a score what it is."""
        return self.profile.digest(self.revisions)

    def score(
        self,
        video: SegmentedVideo,
        rules: Sequence[RuleTexts],
        *,
        limits: Limits,
        journal: ScoreJournal | None = None,
        embeddings: VideoEmbeddings | None = None,
        known: KnownScores | None = None,
        progress: Progress = no_progress,
    ) -> list[SegmentScore]:
        """Every segment's score for every rule, segments outer; see :func:`iter_segment_scores`.

        This is the one way from a video to its scores: scans, backfills, rehearsals, evaluation and the Python API
        come through here.

        Raises:
            ModelError: when a model breaks as a whole. What was finished stays in the journal.
        """
        batches = self.iter_scores(
            video, rules, limits=limits, journal=journal, embeddings=embeddings, known=known, progress=progress
        )
        return sort_by_segment(video, batches)

    def iter_scores(
        self,
        video: SegmentedVideo,
        rules: Sequence[RuleTexts],
        *,
        limits: Limits,
        journal: ScoreJournal | None = None,
        embeddings: VideoEmbeddings | None = None,
        known: KnownScores | None = None,
        progress: Progress = no_progress,
    ) -> Iterator[list[SegmentScore]]:
        """As :meth:`score`, batch by batch; see :func:`iter_segment_scores`."""
        # A model in this process is busy anyway.
        waits_for_server = "lvlm" in self.profile.parts and self.profile.lvlm.backend == "openai"
        spec, cascade = self.profile.scoring.cascade, None
        if spec is not None and self.ranker is not None:
            cascade = Cascade(spec, self.ranker, video.content_sha256, self.digest)
        return iter_segment_scores(
            video,
            rules,
            self.scorer,
            journal,
            limits=limits,
            progress=progress,
            embeddings=embeddings,
            cascade=cascade,
            known=known,
            batches_ahead=1 if waits_for_server else 0,
        )


def load_models(profile: Profile, settings: ModelSettings) -> LoadedProfile:
    """Load the models that the profile's scorer uses.

    Raises:
        ModelError: when a model is not to be had.
    """
    encoder = load_encoder(profile, settings) if "encoder" in profile.parts else None
    lvlm = load_lvlm(profile, settings) if "lvlm" in profile.parts else None
    lavida = load_lavida(profile, settings) if "lavida" in profile.parts else None
    return with_models(profile, encoder, lvlm, lavida)


def with_models(
    profile: Profile,
    encoder: ImageTextEncoder | None,
    lvlm: VisionLanguageModel | None,
    lavida: ClipModel | None = None,
) -> LoadedProfile:
    """The profile with models that are in memory already; None for those that its scorer does not use."""
    models = {"encoder": encoder, "lvlm": lvlm, "lavida": lavida}
    revisions = {part: model.revision for part, model in models.items() if model is not None}
    ranker = None
    if encoder is not None and profile.scoring.cascade is not None:
        ranker = Ranker(encoder, reference=profile.encoder.reference_preprocessing)
    return LoadedProfile(profile, make_scorer(profile, encoder, lvlm, lavida), revisions, ranker, encoder)
