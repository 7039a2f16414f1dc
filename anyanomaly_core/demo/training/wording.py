"""The questions the language model practises: the product's own prompts and many other wordings of the same.

The image stands before the text. A question is about one thing; what it quotes is sampled elsewhere.
"""

from __future__ import annotations

import numpy as np

from anyanomaly_core.scoring.prompts import build_prompt

TASKS = (
    'Rate from 0 to 1 whether the image includes "{text}". 1 means clearly present, 0 means absent.',
    'How sure are you that "{text}" can be seen in this image? Give a value between 0.0 and 1.0.',
    (
        "Evaluate whether the given image includes {text} on a scale from 0 to 1. A score of 1 means {text} is clearly "
        "present in the image, while a score of 0 means {text} is not present at all."
    ),
    "On a scale from 0.0 to 1.0, how visible is {text} in the picture?",
    'Does this image show "{text}"? 0.0 is no, 1.0 is yes.',
    'Score the presence of "{text}" between 0 (absent) and 1 (clearly visible).',
    "Is there {text} in this frame? Answer with a score between 0 and 1.",
    "Rate {text} from 0 to 1.",
    "{text}?",
    (
        'Look for "{text}" and rate from 0.0 to 1.0 how clearly it is present. Use values in between when it is partly '
        "visible."
    ),
)
CONSIDERATIONS = (
    "It counts wherever it appears, even when it is not the main subject.",
    "Presence counts, not focus: if {text} is present but is not the focus, still give a high score.",
    "The thing may be small or far away; it still counts.",
    "Consider the whole image, also its edges.",
)
SEQUENCES = (
    "The image is a sequence of four moments: row 1 column 1, row 1 column 2, row 2 column 1, row 2 column 2.",
    (
        "Context: the image shows one place over time in the order row 1 column 1 → row 1 column 2 → "
        "row 2 column 1 → row 2 column 2."
    ),
    "This is a 2x2 grid of consecutive frames, read left to right and top to bottom.",
)
EXCLUSIONS = ('This alone does not count: "{other}".', "Do not count {other}.", "Ignore {other}.")
NUMBER_ONLY = (
    "Answer with one number with one decimal and nothing else.",
    "Provide the score as a float with one decimal place. Output only the number.",
    "Reply with the number only.",
    "",
)
WITH_REASON = (
    "Answer with one number with one decimal, then a brief reason in one short sentence.",
    "Give the score with one decimal place, followed by a brief reason.",
    "First the number, then say why in one sentence.",
    "Provide the score as a float with one decimal and a short explanation.",
)


def question(text: str, grid: bool, other: str, rng: np.random.Generator) -> tuple[str, bool]:
    """One prompt about `text`, and whether it asks for a reason. `other` is something it may rule out."""
    reason = bool(rng.random() < 0.5)
    excluded = rng.random() < 0.12
    if rng.random() < 0.5:
        variant = int(rng.integers(2)) + (2 if reason else 0)
        return build_prompt(text, variant=variant, temporal=grid, excluded=(other,) if excluded else ()), reason
    parts = [str(rng.choice(SEQUENCES))] if grid and rng.random() < 0.8 else []
    parts.append(str(rng.choice(TASKS)))
    if rng.random() < 0.4:
        parts.append(str(rng.choice(CONSIDERATIONS)))
    if excluded:
        parts.append(str(rng.choice(EXCLUSIONS)).replace("{other}", other))
    parts.append(str(rng.choice(WITH_REASON if reason else NUMBER_ONLY)))
    return " ".join(part for part in parts if part).replace("{text}", text), reason


def all_wordings() -> list[str]:
    """Every template once, for the tokenizer."""
    own = [build_prompt("a", variant=v, temporal=t, excluded=("b",)) for v in range(4) for t in (False, True)]
    return [*own, *TASKS, *CONSIDERATIONS, *SEQUENCES, *EXCLUSIONS, *NUMBER_ONLY, *WITH_REASON]
