"""What the method looks at in one segment, as pictures: the paper's two tutorials in one function."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError, RuleError
from anyanomaly_core.models.protocols import Image, ImageTextEncoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.anyanomaly import make_context_builder
from anyanomaly_core.scoring.encoding import encode_frames, encode_windows, segment_problem
from anyanomaly_core.scoring.prompts import clean_text
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.texts import TextBank, clean_rule
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames


@dataclass(frozen=True, slots=True)
class Explanation:
    """One segment for one text of a rule. All images are RGB uint8."""

    text: str
    similarities: NDArray[np.float32]  # [n] cosine of each sampled frame with the text
    key_frame: int  # source frame number
    key_image: Image  # [H, W, 3], the key frame as decoded
    attention: NDArray[np.float32]  # [224, 224] in 0..1
    position_image: Image  # [224, 224, 3]
    grid_frames: tuple[int, ...]  # source frame numbers
    window: tuple[int, int, int, int]  # x0, y0, x1, y1 in a 240x240 frame
    grid_image: Image  # [224, 224, 3]


def explain(
    segment: SegmentFrames,
    rule: RuleTexts,
    *,
    profile: Profile,
    encoder: ImageTextEncoder,
    text: str | None = None,
) -> Explanation:
    """Key frame, attention, position and temporal context of a segment, also where the profile switches one off.

    Args:
        segment: with its images.
        rule: with one or more texts.
        profile: its context parameters are used.
        encoder: of the profile.
        text: which of the rule's texts, for example ``SegmentScore.text``; none: the one most similar to a frame.

    Raises:
        FootageError: when images of the segment are missing.
        RuleError: when the rule's texts cannot be used, or ``text`` is none of them.
    """
    if (problem := segment_problem(segment)) is not None:
        raise FootageError(f"Segment {segment.segment.index} cannot be shown: {problem}.")
    contexts = profile.contexts.model_copy(update={"position": True, "temporal": True})
    builder = make_context_builder(profile.model_copy(update={"contexts": contexts}), encoder)
    rule = clean_rule(rule)
    embedded = TextBank(encoder, contexts, reference=builder.reference).embed([rule])[0]
    frames = encode_frames(encoder, [segment], reference=builder.reference)[0]
    known = {own.text: own for own in embedded}
    text = None if text is None else clean_text(text)
    if text is not None and text not in known:
        raise RuleError(f"Rule {rule.name!r} has no text {text!r}; it has: {', '.join(map(repr, known))}.")
    chosen = known[text] if text else max(embedded, key=lambda own: float((frames @ own.plain).max()))
    picked = builder.key_frames(segment, frames, chosen)
    positions = builder.window_positions(segment, frames, [chosen])
    resized = ResizedFrames(segment)
    windows = encode_windows(
        encoder, [resized], [positions], builder.scales, same_level=contexts.same_level, reference=builder.reference
    )[0]
    attention = builder.attention(windows[picked.key], chosen)
    window = builder.window([windows[p] for p in picked.grid], chosen)
    return Explanation(
        text=chosen.text,
        similarities=frames @ chosen.plain,
        key_frame=segment.segment.sampled[picked.key],
        key_image=segment.images[picked.key],
        attention=attention,
        position_image=builder.position_image(resized, picked.key, attention),
        grid_frames=tuple(segment.segment.sampled[p] for p in picked.grid),
        window=window,
        grid_image=builder.temporal_image(resized, picked.grid, window),
    )
