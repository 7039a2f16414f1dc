"""Texts on the encoder's side: cleaned, and each encoded once for as long as the scorer lives."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from anyanomaly_core.errors import RuleError
from anyanomaly_core.models.protocols import Embeddings, ImageTextEncoder
from anyanomaly_core.scoring.prompts import clean_text
from anyanomaly_core.scoring.templates import in_templates
from anyanomaly_core.scoring.types import RuleTexts


def clean_rule(rule: RuleTexts) -> RuleTexts:
    """The rule with its texts as plain lines, each once.

    Raises:
        RuleError: when the rule has no text, or one is empty or too long.
    """
    if not rule.texts:
        raise RuleError(f"Rule {rule.name!r} has no text: write in words what to look for.")
    return replace(rule, texts=_once(map(clean_text, rule.texts)), excluded=_once(map(clean_text, rule.excluded)))


def contrast_classes(text: str, rule: RuleTexts, neutral_texts: Sequence[str]) -> tuple[str, ...]:
    """Classes of the class adaption: the text first, then the rule's excluded texts, then the profile's neutral ones.

    Other rules are left out on purpose: a score must not depend on which rules happen to be active.
    """
    others = [other for other in (*rule.excluded, *neutral_texts) if other not in rule.texts]
    return _once([text, *others])


class TextBank:
    """Embeddings of texts, plain and as the mean over the photo templates; each text is encoded once."""

    def __init__(self, encoder: ImageTextEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Embeddings] = {}  # wording -> [d]

    def learn(self, plain: Iterable[str], templated: Iterable[str]) -> None:
        """Encode all that is not known yet in one call."""
        wordings = _once([*plain, *(w for text in templated for w in in_templates(text))])
        missing = [wording for wording in wordings if wording not in self._known]
        if missing:
            self._known.update(zip(missing, self._encoder.encode_texts(missing), strict=True))

    def plain(self, texts: Sequence[str]) -> Embeddings:
        """[n, d] of the texts as they are: what key frames and temporal windows are compared with."""
        self.learn(texts, ())
        return np.stack([self._known[text] for text in texts])

    def templated(self, texts: Sequence[str]) -> Embeddings:
        """[n, d] mean over the photo templates, length 1: what position windows are compared with."""
        self.learn((), texts)
        means = np.stack([np.mean([self._known[w] for w in in_templates(text)], axis=0) for text in texts])
        normalised: Embeddings = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return normalised


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
