"""Token compression in front of a language model: its image tokens are replaced by fewer, all else stays in place.

The image features are computed first, and the decoder is handed the shorter ones together with the ids that are left
and their original positions (rows and columns of the picture, where a model knows them). With all tokens left, answers
are those without.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.lvlm_inputs import DecoderInput
from anyanomaly_core.models.token_compression import Compression

if TYPE_CHECKING:
    from transformers._typing import GenerativePreTrainedModel

Compress = Callable[[torch.Tensor], Compression]  # [L, C] tokens of one image -> how they become fewer

# Models whose placeholders are one to one the rows of their image features, tested in every release.
COMPRESSIBLE = frozenset({"fast_vlm", "qwen2_5_vl", "qwen3_vl", "smolvlm"})
FEATURES = "mm_encoder_outputs"  # under this name a decoder takes image features that are computed already
_VISION_INPUTS = ("pixel_values", "pixel_attention_mask", "image_grid_thw")


def check_compressible(model: "GenerativePreTrainedModel", name: str) -> None:
    """Raises ModelError when the image tokens of this kind of model cannot be compressed."""
    kind = model.config.model_type
    if kind not in COMPRESSIBLE:
        known = ", ".join(sorted(COMPRESSIBLE))
        raise ModelError(
            f"The image tokens of {name} ({kind}) cannot be compressed; those of {known} can. "
            "Take lvlm.compression out."
        )


def compress_images(model: "GenerativePreTrainedModel", full: DecoderInput, compress: Compress) -> DecoderInput:
    """The same rows with fewer image tokens, all of it unread.

    Args:
        model: one of ``COMPRESSIBLE``.
        full: as ``InputBuilder.first_pass`` makes it, one image a row.
        compress: says how the tokens of one image become fewer.
    """
    pixels = {name: full.extra[name] for name in _VISION_INPUTS if name in full.extra}
    features: Any = model.get_image_features(**pixels, return_dict=True)
    is_image = full.ids == model.config.image_token_id  # [R, n]
    found = [compress(rows) for rows in features.pooler_output]  # of each row's image
    _replace(features, found)
    left = full.mask.bool() & ~is_image  # [R, n] what stays
    for row, compression in enumerate(found):
        places = is_image[row].nonzero()[:, 0]  # [L]
        left[row, places[compression.references]] = True
    width = int(left.sum(1).max())
    ids, mask = full.ids.new_zeros(len(left), width), full.mask.new_zeros(len(left), width)
    positions = full.positions.new_zeros(*full.positions.shape[:-1], width)
    for row, kept in enumerate(left):
        start = width - int(kept.sum())
        ids[row, :start] = full.ids[row, 0]  # a padded row begins with the padding token
        ids[row, start:] = full.ids[row, kept]
        mask[row, start:] = 1
        positions[..., row, start:] = full.positions[..., row, kept]
    return DecoderInput(ids, mask, positions, width, {FEATURES: {"image": features}})  # type: ignore[dict-item]


def _replace(features: Any, found: list[Compression]) -> None:  # noqa: ANN401  (of transformers, different by model)
    """Shorten what the decoder reads: pooled features and, in Qwen3-VL, those of earlier layers, all alike."""
    rows = [own.apply(tokens) for own, tokens in zip(found, features.pooler_output, strict=True)]
    whole = isinstance(features.pooler_output, torch.Tensor)  # [R, L, C] where all images have equally many tokens
    features.pooler_output = torch.stack(rows) if whole else tuple(rows)
    if (deep := getattr(features, "deepstack_features", None)) is not None:
        features.deepstack_features = [
            tuple(own.apply(tokens) for own, tokens in zip(found, layer, strict=True)) for layer in deep
        ]
