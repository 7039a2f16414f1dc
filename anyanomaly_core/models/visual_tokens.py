"""How many tokens an image becomes for a language model, and keeping that number small.

A processor made for documents cuts every image into tiles, and enlarges it first so that there is something to cut:
SmolVLM2 makes 17 tiles of an image of 224x224. Context images have no detail beyond their own pixels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from anyanomaly_core.contexts import position
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.chat import ChatFormat, Processor
from anyanomaly_core.profile import Profile

# What the image processors of transformers call cutting an image into tiles, and the value that does not.
_WHOLE = {"do_image_splitting": False, "crop_to_patches": False, "do_pan_and_scan": False, "max_slice_nums": 1}
Shape = tuple[int, int]  # height, width


def show_images_whole(image_processor: Any) -> None:  # noqa: ANN401  (of transformers: each family has its own settings)
    """Have it cut no image into tiles, and enlarge none of the size of a context image.

    Processors that call their tiling otherwise stay as they are; the budget of the profile finds them.
    """
    for setting, value in _WHOLE.items():
        if getattr(image_processor, setting, None):
            setattr(image_processor, setting, value)
    size, tile = getattr(image_processor, "size", None), getattr(image_processor, "max_image_size", None)
    if size is None:
        return
    if tile is not None and size.get("longest_edge"):  # one resizing instead of two, through 2048 pixels
        image_processor.size = type(size)(longest_edge=min(size["longest_edge"], tile["longest_edge"]))
    elif hasattr(image_processor, "merge_size") and size.get("shortest_edge"):  # Qwen's: numbers of pixels, not edges
        least = min(size["shortest_edge"], position.SIDE**2)
        image_processor.size = type(size)(shortest_edge=least, longest_edge=size["longest_edge"])


def shapes_of_a_segment(profile: Profile) -> list[Shape]:
    """Shapes of the images about which one rule's text asks in one segment; the key frame as large as it can be."""
    side = min(profile.sampling.max_side, profile.lvlm.max_image_side or profile.sampling.max_side)
    if "lvlm" not in profile.parts:
        return []
    contexts = [profile.contexts.position, profile.contexts.temporal] if profile.scoring.scorer == "anyanomaly" else []
    return [(side, side), *[(position.SIDE, position.SIDE)] * sum(contexts)]


def visual_tokens(processor: Processor, shapes: Sequence[Shape]) -> list[int]:
    """Tokens that images of these shapes become, as the processor is set."""
    return [_tokens(processor, ChatFormat(processor).prompt_text("?"), shape) for shape in shapes]


def _tokens(processor: Processor, text: str, shape: Shape) -> int:
    image = np.zeros((*shape, 3), np.uint8)
    read = processor(text=[text], images=[[image]], padding=True, add_special_tokens=False, return_tensors="pt")
    return int((read["input_ids"] == processor.image_token_id).sum())


def check_budget(profile: Profile, processor: Processor) -> None:
    """Refuse a model to which a segment costs more tokens than the profile allows.

    Raises:
        ConfigurationError: with the tokens of each image and what lowers them.
    """
    most = profile.lvlm.max_visual_tokens
    if most is None:
        return
    tokens = visual_tokens(processor, shapes_of_a_segment(profile))
    if sum(tokens) > most:
        raise ConfigurationError(
            f"{profile.lvlm.model} makes {sum(tokens)} visual tokens of a segment for one text "
            f"({' + '.join(map(str, tokens))}); the profile {profile.name} allows lvlm.max_visual_tokens: {most}. "
            "Lower lvlm.max_image_side, leave lvlm.image_splitting off, or allow more."
        )
