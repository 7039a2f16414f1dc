"""The method: key frame, position context and temporal context of each segment, judged by an LVLM (paper section 3).

A batch goes through two stages. ``encode`` computes what the encoder sees, ``judge`` what follows from it;
``docs/method.md`` says what is computed once and what each number means.
"""

import threading
from collections.abc import Sequence

from anyanomaly_core.contexts.windows import window_scales
from anyanomaly_core.models.protocols import ImageTextEncoder, VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.cases import Case, add_reasons, judge_cases
from anyanomaly_core.scoring.context_images import ContextBuilder
from anyanomaly_core.scoring.encoding import encode_missing_frames, encode_windows
from anyanomaly_core.scoring.fusion import used_weights
from anyanomaly_core.scoring.outcomes import Batch, Stopwatch, check_batch
from anyanomaly_core.scoring.readouts import Readout
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.texts import TextBank, TextEmbeddings
from anyanomaly_core.scoring.types import EncodedSegment, RuleTexts, SegmentFrames, SegmentScore


class AnyAnomalyScorer:
    """Scores batches of segments, of one or several videos, for all rules in one pass."""

    def __init__(self, profile: Profile, encoder: ImageTextEncoder, lvlm: VisionLanguageModel) -> None:
        """Prepare windows and weights.

        Raises:
            ConfigurationError: when the profile's window sizes or weights cannot be used.
        """
        self._encoder = encoder
        self._contexts = make_context_builder(profile, encoder)
        self._weights = used_weights(profile.scoring, profile.contexts)
        self._bank = TextBank(encoder, profile.contexts, reference=profile.encoder.reference_preprocessing)
        self._readout = Readout(lvlm, profile.scoring)
        self._encoding = threading.Lock()  # one batch at a time has the processor; others wait for a server meanwhile

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One row per (segment, rule), segments outer; a bad answer is a FAILED row and fails no other.

        Raises:
            ModelError: when a model breaks as a whole.
        """
        watch = Stopwatch()
        batch = check_batch(segments, rules)
        if not batch.usable_rules:  # nothing to look for
            return batch.in_order([])
        with self._encoding:
            encoded = self.encode(batch, watch)
        return self.judge(batch, encoded, watch)

    def encode(self, batch: Batch, watch: Stopwatch | None = None) -> list[EncodedSegment]:
        """Encode each frame once, and the windows once of each frame that some rule needs them of.

        What ``SegmentFrames.encoded`` holds already is not encoded again; what is new is added there.

        Args:
            batch: segments and rules.
            watch: takes the times.

        Returns:
            Those of all segments, as they were where the segment cannot be scored.
        """
        watch = watch or Stopwatch()
        usable = [batch.segments[s] for s in batch.usable_segments]
        with watch.stage("encode"):
            texts = [text for texts in self._bank.embed(batch.usable_rules) for text in texts]
            encode_missing_frames(self._encoder, usable, reference=self._contexts.reference)
        with watch.stage("windows"):
            self._encode_windows(usable, [batch.resized[s] for s in batch.usable_segments], texts)
        return [segment.encoded for segment in batch.segments]

    def _encode_windows(
        self, segments: Sequence[SegmentFrames], resized: Sequence[ResizedFrames], texts: Sequence[TextEmbeddings]
    ) -> None:
        positions = [
            self._contexts.window_positions(segment, segment.encoded.frames, texts) - segment.encoded.windows.keys()
            for segment in segments
        ]
        windows = encode_windows(
            self._encoder,
            resized,
            positions,
            self._contexts.scales,
            same_level=self._contexts.contexts.same_level,
            reference=self._contexts.reference,
        )
        for segment, found in zip(segments, windows, strict=True):
            segment.encoded.windows.update(found)

    def judge(
        self, batch: Batch, encoded: Sequence[EncodedSegment], watch: Stopwatch | None = None
    ) -> list[SegmentScore]:
        """Ask the LVLM about encoded segments: one call for all scores, one for reasons.

        Args:
            batch: segments and rules.
            encoded: what ``encode`` gave for them, or a cache that holds at least the windows of the frames that
                ``ContextBuilder.window_positions`` names.
            watch: times of earlier stages, reported with these.
        """
        watch = watch or Stopwatch()
        with watch.stage("contexts"):
            cases = self._cases(batch, encoded)
        with watch.stage("answers"):
            judge_cases(cases, self._readout)
            rows = [case.row(self._weights) for case in cases]
        with watch.stage("reasons"):
            rows = add_reasons(cases, rows, self._weights, self._readout)
        return watch.share_among(batch.in_order(rows))

    def _cases(self, batch: Batch, encoded: Sequence[EncodedSegment]) -> list[Case]:
        rules = list(zip(batch.usable_rules, self._bank.embed(batch.usable_rules), strict=True))
        return [
            Case(batch.segments[s], rule, [self._contexts.images(batch.resized[s], encoded[s], text) for text in texts])
            for s in batch.usable_segments
            for rule, texts in rules
        ]


def make_context_builder(profile: Profile, encoder: ImageTextEncoder) -> ContextBuilder:
    """What makes the context images of a profile; raises ConfigurationError when its windows do not tile a frame."""
    reference = profile.encoder.reference_preprocessing
    scales = window_scales(profile.contexts.window_sizes, profile.contexts.half_strides)
    return ContextBuilder(profile.contexts, scales, 1.0 if reference else encoder.logit_scale, reference)
