"""How well segments match a rule's texts in the encoder's eyes. It ranks; what a segment shows, the LVLM decides."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import RuleError
from anyanomaly_core.models.protocols import ImageTextEncoder
from anyanomaly_core.scoring.encoding import encode_missing_frames, segment_problem
from anyanomaly_core.scoring.texts import clean_rule
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames


class Ranker:
    """Similarities of segments and texts, each of which depends on that segment and that text alone.

    To the last bit: images go to the encoder segment by segment and texts one by one, since the composition of a batch
    may change the last digits of an embedding.
    """

    def __init__(self, encoder: ImageTextEncoder, *, reference: bool = False) -> None:
        """Use an encoder; ``reference`` as in ``encode_frames``."""
        self._encoder, self._reference = encoder, reference
        self._known: dict[str, NDArray[np.float32]] = {}  # text -> [d]

    def texts(self, rule: RuleTexts) -> NDArray[np.float32] | None:
        """[T, d] embeddings of a rule's texts; None when they cannot be used, as the scorer will say."""
        try:
            texts = clean_rule(rule).texts
        except RuleError:
            return None
        for text in texts:
            if text not in self._known:
                self._known[text] = self._encoder.encode_texts([text])[0]
        return np.stack([self._known[text] for text in texts])

    def similarities(
        self, segment: SegmentFrames, rules: Sequence[NDArray[np.float32] | None]
    ) -> list[NDArray[np.float32] | None]:
        """For each rule [T]: cosine of each text and the segment's frame that matches it best; None: cannot be ranked.

        What the segment lacks is encoded and added to ``SegmentFrames.encoded``.

        Args:
            segment: with its images.
            rules: as ``texts`` gave them.
        """
        if segment_problem(segment) is not None:
            return [None for _ in rules]
        encode_missing_frames(self._encoder, [segment], reference=self._reference)
        return [None if texts is None else (segment.encoded.frames @ texts.T).max(axis=0) for texts in rules]
