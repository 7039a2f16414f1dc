"""Which segments of a video a cascade hands to the language model for a rule, and why not the others.

The decision is taken when the whole video has been ranked, from numbers that depend on the pictures, the rule's texts
and the scorer alone. So it is the same for every try, and whichever other rules run, and its price is known before.
"""

import hashlib
import json
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.profile import CascadeSpec
from anyanomaly_core.scoring.types import RuleTexts, SelectionReason

Similarities = NDArray[np.float32]  # [S, T] of segments and texts; rows of NaN: not ranked
Ranks = NDArray[np.int32]  # [S] 1 is the best; 0: not ranked


def ranks(similarities: Similarities) -> Ranks:
    """Rank of each segment among those that are ranked: by the text for which it stands best.

    Texts of a rule differ in how similar they are to any picture, so each ranks on its own, and a segment counts with
    its best rank. Ties go to the earlier segment.
    """
    ranked = np.flatnonzero(~np.isnan(similarities).any(axis=1))
    best = np.full(len(ranked), len(ranked), np.int64)
    for column in similarities[ranked].T:
        order = np.argsort(-column, kind="stable")
        own = np.empty(len(ranked), np.int64)
        own[order] = np.arange(len(ranked))
        best = np.minimum(best, own)
    result = np.zeros(len(similarities), np.int32)
    result[ranked[np.argsort(best, kind="stable")]] = np.arange(1, len(ranked) + 1)
    return result


def leading_count(count: int, share: float) -> int:
    """How many of ``count`` segments a share is: rounded up, so at least one of any."""
    return math.ceil(round(count * share, 9))


def seed(content_sha256: str, scorer_digest: str, rule: RuleTexts) -> bytes:
    """What the audit sample of a video, scorer and rule is drawn with; versions that ask the same share it."""
    asked = [content_sha256, scorer_digest, rule.texts, rule.excluded]
    return hashlib.sha256(json.dumps(asked).encode()).digest()


def is_audited(seed: bytes, segment: int, probability: float) -> bool:
    """Whether the audit takes a segment: each with the same probability, independent of all others."""
    digest = hashlib.sha256(seed + segment.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:7], "big") < probability * 2**56


@dataclass(frozen=True, slots=True)
class Selection:
    """The decision for one rule and video."""

    ranks: Ranks  # [S]
    first: int  # segments up to this rank are chosen
    ranked: int
    same_as: NDArray[np.int32]  # [S] the segment whose static scene each continues, itself where it was looked at
    moving: NDArray[np.bool_]  # [S] moves strangely
    seed: bytes
    audit: float

    def chosen(self, segment: int) -> SelectionReason | None:
        """Why a segment is to be judged; None: it is pruned, unless its scene has a score already."""
        scene = int(self.same_as[segment])
        rank = self.ranks[scene]
        if rank == 0:
            return SelectionReason.RANK  # it cannot be ranked; the scorer says why
        if rank <= self.first:
            return SelectionReason.RANK
        if self.moving[scene]:
            return SelectionReason.MOTION
        return SelectionReason.AUDIT if is_audited(self.seed, segment, self.audit) else None

    def why_not(self, segment: int) -> str:
        """Why a segment is pruned, in words."""
        scene = int(self.same_as[segment])
        where = "" if scene == segment else f"; the scene is that of segment {scene}"
        place = f"the encoder ranks it {self.ranks[scene]} of {self.ranked}, the first {self.first} are judged"
        return f"left out by the cascade: {place}{where}"


def select(
    spec: CascadeSpec,
    similarities: Similarities,
    same_as: NDArray[np.int32],
    moving: NDArray[np.bool_],
    seed: bytes,
) -> Selection:
    """Decide for one rule and video.

    Args:
        spec: of the profile.
        similarities: of all decoded segments; those that continue a static scene are not ranked, they follow it.
        same_as: [S] see ``Selection``.
        moving: [S] see ``footage.unusual``.
        seed: see ``seed``.
    """
    own = ranks(similarities)
    ranked = int((own > 0).sum())
    return Selection(own, leading_count(ranked, spec.share), ranked, same_as, moving, seed, spec.audit)
