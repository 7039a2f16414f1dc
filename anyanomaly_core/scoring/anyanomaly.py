"""The method: key frame, position context and temporal context of each segment, judged by an LVLM (paper section 3).

A batch goes through two stages. ``encode`` computes what the encoder sees, ``judge`` what follows from it;
``docs/method.md`` says what is computed once and what each number means.
"""

from collections.abc import Sequence

from anyanomaly_core.contexts.windows import window_scales
from anyanomaly_core.models.protocols import ImageTextEncoder, VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.cases import Case, add_reasons, read_cases
from anyanomaly_core.scoring.encoding import encode_missing_frames, encode_windows
from anyanomaly_core.scoring.fusion import used_weights
from anyanomaly_core.scoring.outcomes import Checked, Stopwatch, check
from anyanomaly_core.scoring.pictures import Pictures
from anyanomaly_core.scoring.readouts import Reader
from anyanomaly_core.scoring.texts import TextBank, TextEmbeddings
from anyanomaly_core.scoring.types import EncodedSegment, RuleTexts, SegmentFrames, SegmentScore
from anyanomaly_core.scoring.views import Look


class AnyAnomalyScorer:
    """Scores batches of segments, of one or several videos, for all rules in one pass."""

    def __init__(self, profile: Profile, encoder: ImageTextEncoder, lvlm: VisionLanguageModel) -> None:
        """Prepare windows and weights.

        Raises:
            ConfigurationError: when the profile's window sizes or weights cannot be used.
        """
        self._encoder = encoder
        self._look = make_look(profile, encoder)
        self._weights = used_weights(profile.scoring, profile.contexts)
        self._bank = TextBank(encoder, profile.contexts)
        self._reader = Reader(lvlm, profile.scoring)

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One row per (segment, rule), segments outer; a bad answer is a FAILED row and fails no other.

        Raises:
            ModelError: when a model breaks as a whole.
        """
        watch = Stopwatch()
        checked = check(segments, rules)
        if not checked.usable_rules:  # nothing to look for
            return checked.in_order([])
        return self.judge(checked, self.encode(checked, watch), watch)

    def encode(self, checked: Checked, watch: Stopwatch | None = None) -> list[EncodedSegment]:
        """Encode each frame once, and the windows once of each frame that some rule needs them of.

        What ``SegmentFrames.encoded`` holds already is not encoded again; what is new is added there.

        Args:
            checked: segments and rules.
            watch: takes the times.

        Returns:
            Those of all segments, as they were where the segment cannot be scored.
        """
        watch = watch or Stopwatch()
        usable = [checked.segments[s] for s in checked.usable_segments]
        with watch.stage("encode"):
            texts = [text for texts in self._bank.embed(checked.usable_rules) for text in texts]
            encode_missing_frames(self._encoder, usable, reference=self._look.reference)
        with watch.stage("windows"):
            self._encode_windows(usable, [checked.pictures[s] for s in checked.usable_segments], texts)
        return [segment.encoded for segment in checked.segments]

    def _encode_windows(
        self, segments: Sequence[SegmentFrames], pictures: Sequence[Pictures], texts: Sequence[TextEmbeddings]
    ) -> None:
        positions = [
            self._look.window_positions(segment, segment.encoded.frames, texts) - segment.encoded.windows.keys()
            for segment in segments
        ]
        windows = encode_windows(
            self._encoder,
            pictures,
            positions,
            self._look.scales,
            same_level=self._look.contexts.same_level,
            reference=self._look.reference,
        )
        for segment, found in zip(segments, windows, strict=True):
            segment.encoded.windows.update(found)

    def judge(
        self, checked: Checked, encoded: Sequence[EncodedSegment], watch: Stopwatch | None = None
    ) -> list[SegmentScore]:
        """Ask the LVLM about encoded segments: one call for all scores, one for reasons.

        Args:
            checked: segments and rules.
            encoded: what ``encode`` gave for them, or a cache that holds at least the windows of the frames that
                ``Look.window_positions`` names.
            watch: times of earlier stages, reported with these.
        """
        watch = watch or Stopwatch()
        with watch.stage("contexts"):
            cases = self._cases(checked, encoded)
        with watch.stage("answers"):
            read_cases(cases, self._reader)
            rows = [case.row(self._weights) for case in cases]
        with watch.stage("reasons"):
            rows = add_reasons(cases, rows, self._weights, self._reader)
        return watch.shared(checked.in_order(rows))

    def _cases(self, checked: Checked, encoded: Sequence[EncodedSegment]) -> list[Case]:
        rules = list(zip(checked.usable_rules, self._bank.embed(checked.usable_rules), strict=True))
        return [
            Case(checked.segments[s], rule, [self._look.view(checked.pictures[s], encoded[s], text) for text in texts])
            for s in checked.usable_segments
            for rule, texts in rules
        ]


def make_look(profile: Profile, encoder: ImageTextEncoder) -> Look:
    """How a profile looks at segments; raises ConfigurationError when its windows do not tile a frame."""
    reference = profile.encoder.reference_preprocessing
    scales = window_scales(profile.contexts.window_sizes, profile.contexts.half_strides)
    return Look(profile.contexts, scales, 1.0 if reference else encoder.logit_scale, reference)
