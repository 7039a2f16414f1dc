"""LAVIDA behind the protocol of scorers: what a clip alone determines is computed once for all lists of words.

Pictures stand before words in the question. So SAM 2's features, the language model's image features, their compression
and its keys and values as far as the last picture are the same for every list; a further list costs the words after
the pictures, the projector and the mask decoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.lavida.model import VISION_INPUTS, Lavida, SceneFeatures
from anyanomaly_core.models.protocols import ClipScores, Image

if TYPE_CHECKING:
    from transformers import Cache  # seconds to import


@dataclass(frozen=True, slots=True)
class ClipView:
    """What all lists of words share of a clip."""

    scene: SceneFeatures
    cache: "Cache"  # of the language model, behind the last picture
    length: int  # tokens that it has read
    next_position: torch.Tensor  # [..., 1, 1] of the first word behind the pictures


class LavidaClipModel:
    """One loaded model; see ``loading.load_lavida``."""

    def __init__(self, model: Lavida, *, name: str, revision: str) -> None:
        """Use a model that is ready on its device."""
        self._model, self.name, self.revision = model.eval(), name, revision

    @torch.inference_mode()
    def score(self, frames: Sequence[Image], lists: Sequence[Sequence[str]]) -> list[ClipScores]:
        """Scores of each frame and pixel for each list of words; see ``ClipModel``."""
        view = self.view(frames, lists[0]) if lists else None
        return [] if view is None else [self.look_for(view, words) for words in lists]

    @torch.inference_mode()
    def view(self, frames: Sequence[Image], words: Sequence[str]) -> ClipView:
        """See the pictures; ``words`` are any list, only to complete the question."""
        model = self._model
        inputs = model.inputs(frames, words)
        ids = inputs.pop("input_ids")  # [1, n]
        tail = self._tail(len(frames), words)
        head = ids.shape[1] - len(tail)
        if ids[0, head:].tolist() != tail or (ids[0, head:] == model.base().config.image_token_id).any():
            raise ModelError(f"{self.name} reads words before its pictures, so that lists of words cannot share them.")
        mask = torch.ones_like(ids)
        known = {name: value for name, value in inputs.items() if name != "attention_mask"}
        positions = model.base()._prepare_position_ids_for_generation(ids, {"attention_mask": mask, **known})  # noqa: SLF001
        pixels = {name: inputs[name] for name in VISION_INPUTS if name in inputs}
        features = model.base().get_image_features(**pixels, return_dict=True)
        left = model.compress(ids[:, :head], features)  # [m] what stays
        output = model.base().model(
            input_ids=ids[:, left],
            attention_mask=mask[:, left],
            position_ids=positions[..., left],
            mm_encoder_outputs={"image": features},
            use_cache=True,
        )
        return ClipView(model.scene(frames), output.past_key_values, len(left), positions[..., head : head + 1])

    @torch.inference_mode()
    def look_for(self, view: ClipView, words: Sequence[str]) -> ClipScores:
        """Scores of a clip that was seen before, for a list of words."""
        device = view.next_position.device
        tail = torch.tensor([self._tail(len(view.scene.features), words)], device=device)  # [1, k]
        steps = torch.arange(tail.shape[1], device=device)
        output = self._model.base().model(
            input_ids=tail,
            attention_mask=torch.ones(1, view.length + tail.shape[1], dtype=torch.long, device=device),
            position_ids=view.next_position + steps,
            past_key_values=view.cache,
            use_cache=True,
        )
        view.cache.crop(-tail.shape[1])  # ready for the next list
        seg = int((tail[0] == self._model.seg_id).nonzero()[-1])
        found = self._model.decode(view.scene, output.last_hidden_state[0, seg], None, words)
        frames, pixels = found.frame_logits.float().sigmoid(), found.pixel_logits().float()
        return ClipScores(frames.cpu().numpy(), pixels.cpu().numpy())

    def _tail(self, frames: int, words: Sequence[str]) -> list[int]:
        """Tokens behind the last picture's placeholder, and what closes it."""
        text = self._model.conversation(frames, words)
        processor = self._model.processor
        behind = text.rsplit(processor.image_token, 1)[-1]
        ids: list[int] = processor.tokenizer(behind, add_special_tokens=False)["input_ids"]
        return ids
