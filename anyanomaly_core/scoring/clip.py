"""The ``clip`` scorer: similarity alone, no LVLM. For ablations; an encoder ranks, it does not decide."""

from collections.abc import Sequence

import numpy as np

from anyanomaly_core.contexts.keyframes import select
from anyanomaly_core.models.protocols import Embeddings, ImageTextEncoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.encoding import encode_missing_frames
from anyanomaly_core.scoring.outcomes import Stopwatch, check_batch
from anyanomaly_core.scoring.texts import TextBank, TextEmbeddings
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status


class ClipScorer:
    """Scores a segment by its frame most similar to one of the rule's texts: (1 + cosine) / 2.

    The mapping is monotone, so rankings are those of the cosine; the numbers lie close together (a CLIP cosine is
    seldom outside 0.1 to 0.4), so a rule needs a threshold of its own.
    """

    def __init__(self, profile: Profile, encoder: ImageTextEncoder) -> None:
        self._encoder = encoder
        self._contexts = profile.contexts
        self._reference = profile.encoder.reference_preprocessing
        self._bank = TextBank(encoder, profile.contexts.model_copy(update={"position": False}))

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One row per (segment, rule), segments outer."""
        batch, watch = check_batch(segments, rules), Stopwatch()
        usable = [segments[s] for s in batch.usable_segments]
        with watch.stage("encode"):
            texts = self._bank.embed(batch.usable_rules)
            encode_missing_frames(self._encoder, usable, reference=self._reference)
        rows = [
            self._row(segment, segment.encoded.frames, rule, own)
            for segment in usable
            for rule, own in zip(batch.usable_rules, texts, strict=True)
        ]
        return watch.share_among(batch.in_order(rows))

    def _row(
        self, segment: SegmentFrames, frames: Embeddings, rule: RuleTexts, texts: Sequence[TextEmbeddings]
    ) -> SegmentScore:
        cosines = frames @ np.stack([text.plain for text in texts]).T  # [n, texts]
        best = int(np.argmax(cosines.max(axis=0)))
        chosen = select(cosines[:, best], self._contexts.strategy, (self._contexts.seed, segment.segment.index))
        score = as_score(float(cosines[:, best].max()))
        return SegmentScore(
            segment_index=segment.segment.index,
            rule_version_id=rule.rule_version_id,
            status=Status.SCORED,
            score=score,
            key_score=score,
            key_frame=segment.segment.sampled[int(np.argmax(cosines[:, best]))],
            grid_frames=tuple(segment.segment.sampled[p] for p in chosen.grid),
            text=texts[best].text,
        )


def as_score(cosine: float) -> float:
    """(1 + cosine) / 2, kept inside 0..1 against rounding."""
    return min(1.0, max(0.0, (1.0 + cosine) / 2.0))
