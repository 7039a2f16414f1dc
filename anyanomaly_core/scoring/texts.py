"""Texts on the encoder's side: cleaned, and each encoded once for as long as the scorer lives."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import RuleError
from anyanomaly_core.models.protocols import Embeddings, ImageTextEncoder
from anyanomaly_core.profile import ContextSpec
from anyanomaly_core.scoring.class_lists import DATA_SET, class_list
from anyanomaly_core.scoring.prompts import clean_text
from anyanomaly_core.scoring.templates import TEMPLATES, fill_templates
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


def benchmark_classes(text: str, rule: RuleTexts, listed: Sequence[str]) -> tuple[str, ...]:
    """Classes of the class adaption under a benchmark's list: the text first, then the list and the rule's own texts.

    As published, a rule of several texts has them all among the classes, and so beside each other.
    """
    return _once([text, *listed, *rule.texts, *rule.excluded])


@dataclass(frozen=True, slots=True)
class TextEmbeddings:
    """One text of a rule as the encoder sees it."""

    text: str
    plain: NDArray[np.float32]  # [d], what key frames and temporal windows are compared with
    classes: Embeddings  # [C, d] means over the photo templates, of the text and then of its contrast classes


class TextBank:
    """Embeddings of texts; each wording is encoded once for as long as the bank lives."""

    def __init__(self, encoder: ImageTextEncoder, contexts: ContextSpec, *, reference: bool = False) -> None:
        """Use an encoder.

        Args:
            encoder: of the profile.
            contexts: of the profile.
            reference: a class is the mean of the templates' features as they come from the model; else of their
                directions.

        Raises:
            ConfigurationError: when there is no such class list.
        """
        self._encoder, self._contexts = encoder, contexts
        self._templates = TEMPLATES[contexts.templates]
        listed = contexts.class_list
        self._listed = None if listed in {None, DATA_SET} else class_list(str(listed))
        self._of_templates = encoder.text_features if reference else encoder.encode_texts
        self._known: dict[str, NDArray[np.float32]] = {}  # text -> [d]
        self._known_in_templates = {} if reference else self._known  # wording -> [d]

    def embed(self, rules: Sequence[RuleTexts]) -> list[list[TextEmbeddings]]:
        """The texts of each (cleaned) rule; all that is new goes to the encoder in one call."""
        classes = [[self._classes(text, rule) for text in rule.texts] for rule in rules]
        texts = [text for rule in rules for text in rule.texts]
        wordings = [
            wording for names in chain(*classes) for name in names for wording in fill_templates(name, self._templates)
        ]
        if self._known is self._known_in_templates:
            texts, wordings = [*texts, *wordings], []
        _learn(self._known, texts, self._encoder.encode_texts)
        _learn(self._known_in_templates, wordings, self._of_templates)
        return [
            [
                TextEmbeddings(text, self._known[text], self._means(names))
                for text, names in zip(rule.texts, own, strict=True)
            ]
            for rule, own in zip(rules, classes, strict=True)
        ]

    def _classes(self, text: str, rule: RuleTexts) -> tuple[str, ...]:
        if not self._contexts.position:  # nothing else compares classes
            return ()
        if self._listed is not None:
            return benchmark_classes(text, rule, self._listed)
        return contrast_classes(text, rule, self._contexts.neutral_texts)

    def _means(self, names: Sequence[str]) -> Embeddings:
        """[C, d] mean over the photo templates of each name, length 1."""
        known = self._known_in_templates
        means = [
            np.mean([known[wording] for wording in fill_templates(name, self._templates)], axis=0) for name in names
        ]
        return np.array([mean / np.linalg.norm(mean) for mean in means], np.float32)


def _learn(
    known: dict[str, NDArray[np.float32]],
    wordings: Iterable[str],
    encode: Callable[[Sequence[str]], NDArray[np.float32]],
) -> None:
    missing = [wording for wording in _once(wordings) if wording not in known]
    if missing:
        known.update(zip(missing, encode(missing), strict=True))


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
