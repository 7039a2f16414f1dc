"""The whole model, for one clip of T frames: language model, text encoder, projector, SAM 2."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, CLIPTextModel, Sam2Model

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.images import image_problem
from anyanomaly_core.models.lavida.conv_pyramid import MEAN, STD  # a SAM 2 may look through this module's encoder
from anyanomaly_core.models.lavida.projector import ProjectorSizes, SemanticProjector
from anyanomaly_core.models.protocols import Image
from anyanomaly_core.models.squash import squash
from anyanomaly_core.models.token_compression import compress_tokens

SEG = "<SEG>"
QUESTION = "Mark every anomaly in these pictures. Anomalies are: {}."  # one wording, in training and afterwards
REPLY = f"They are here: {SEG}"
_CONFIG, _PROJECTOR = "lavida.json", "projector.safetensors"
VISION_INPUTS = ("pixel_values", "pixel_attention_mask", "image_grid_thw")


@dataclass(frozen=True, slots=True)
class ClipOutput:
    """What the model says of a clip."""

    frame_logits: torch.Tensor  # [T] object logits: the frames' scores before a sigmoid
    masks: torch.Tensor  # [T, 3, h, w] logits of three candidate masks, a quarter of SAM 2's input size
    quality: torch.Tensor  # [T, 3] predicted intersection over union of each
    reply_loss: torch.Tensor | None  # [] cross-entropy of the reply's tokens; None when not asked for

    def pixel_logits(self) -> torch.Tensor:
        """[T, h, w] of the candidate with the highest predicted quality."""
        best = self.quality.argmax(1)  # [T]
        return self.masks[torch.arange(len(best)), best]


@dataclass(frozen=True, slots=True)
class SceneFeatures:
    """What SAM 2 makes of T frames; no category is involved, so all rules share it."""

    levels: list[torch.Tensor]  # [T, C, H, W], fine to coarse
    features: torch.Tensor  # [T, HW, C] of the coarsest level
    positions: torch.Tensor  # [T, HW, C] sine positions of these


class Lavida(nn.Module):
    """The published model of transformers' parts; the language model is one of ``image_compression.COMPRESSIBLE``.

    Each frame is shown as an image of its own (the published code shows a video, whose pairs of frames share tokens).
    """

    def __init__(
        self,
        lvlm: Any,  # noqa: ANN401  # transformers has no type for "image-text-to-text", and LoRA wraps it
        processor: Any,  # noqa: ANN401
        sam: Sam2Model,
        *,
        words: CLIPTextModel | None = None,
        words_tokenizer: Any = None,  # noqa: ANN401
        sizes: ProjectorSizes | None = None,
        share: float = 1.0,
    ) -> None:
        """Put the parts together; <SEG> is added to the tokenizer where it is missing.

        Args:
            lvlm: language model with eyes.
            processor: its processor.
            sam: SAM 2 for images.
            words: CLIP's text encoder; None: the switch is off.
            words_tokenizer: of ``words``.
            sizes: of the projector; None: the published.
            share: ρ of token compression over all frames together.
        """
        super().__init__()
        self.lvlm, self.sam, self.words = lvlm, sam, words
        self.processor, self.words_tokenizer = processor, words_tokenizer
        self.sizes, self.share = sizes or ProjectorSizes(), share
        tokenizer = processor.tokenizer
        if SEG not in tokenizer.get_vocab():
            tokenizer.add_tokens([SEG], special_tokens=True)
        self.seg_id = int(tokenizer.convert_tokens_to_ids(SEG))
        if self.seg_id >= lvlm.get_input_embeddings().num_embeddings:  # Qwen's tables have rows to spare
            lvlm.resize_token_embeddings(len(tokenizer))
        self.projector = SemanticProjector(
            self.sizes,
            language=lvlm.config.get_text_config().hidden_size,
            visual=sam.hidden_dim,
            words=None if words is None else words.config.hidden_size,
        )
        side = sam.prompt_encoder.input_image_size
        self.image_size = side if isinstance(side, int) else side[0]

    def forward(self, frames: Sequence[Image], categories: Sequence[str], *, with_reply: bool = False) -> ClipOutput:
        """Scores of a clip for the union of some categories.

        Args:
            frames: T images, uint8 [H, W, 3].
            categories: what counts as abnormal.
            with_reply: compute ``reply_loss``.

        Raises:
            ModelError: when a frame is no image, or there is no category.
        """
        for number, frame in enumerate(frames):
            if (problem := image_problem(frame)) is not None:
                raise ModelError(f"Frame {number} of the clip cannot be looked at: {problem}.")
        if not frames or not categories:
            raise ModelError("A clip needs frames, and at least one category to look for.")
        return self.decode(self.scene(frames), *self.read(frames, categories, with_reply=with_reply), categories)

    def scene(self, frames: Sequence[Image]) -> SceneFeatures:
        """SAM 2's features of T frames, each squashed to its square input."""
        device = self.sam.no_memory_embedding.device
        pixels = squash(frames, (self.image_size, self.image_size)).to(device).float() / 255  # [T, 3, S, S]
        mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, STD))
        found = self.sam.get_image_features(((pixels - mean) / std).to(self.sam.dtype), return_dict=True)
        flat = list(found.fpn_hidden_states)  # [HW, T, C] each
        flat[-1] = flat[-1] + self.sam.no_memory_embedding  # always: no frame remembers another
        sides = self.sam.backbone_feature_sizes
        levels = [f.permute(1, 2, 0).reshape(len(frames), -1, *s) for f, s in zip(flat, sides, strict=True)]
        return SceneFeatures(levels, flat[-1].transpose(0, 1), found.fpn_position_encoding[-1].transpose(0, 1))

    def read(
        self, frames: Sequence[Image], categories: Sequence[str], *, with_reply: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Hidden state [language] at <SEG>, and the reply's loss: one teacher-forced pass, nothing is generated."""
        inputs = self.inputs(frames, categories)
        ids, known = inputs.pop("input_ids"), {k: v for k, v in inputs.items() if k not in {"attention_mask"}}
        mask = torch.ones_like(ids)
        positions = self.base()._prepare_position_ids_for_generation(ids, {"attention_mask": mask, **known})  # noqa: SLF001
        pixels = {name: inputs[name] for name in VISION_INPUTS if name in inputs}
        features = self.base().get_image_features(**pixels, return_dict=True)
        left = self.compress(ids, features)  # [n] what stays
        ids, positions = ids[:, left], positions[..., left]
        output = self.base().model(
            input_ids=ids,
            attention_mask=mask[:, left],
            position_ids=positions,
            mm_encoder_outputs={"image": features},
            use_cache=False,
        )
        hidden = output.last_hidden_state[0]  # [n, language], after the final norm
        seg = int((ids[0] == self.seg_id).nonzero()[-1])
        return hidden[seg], self._reply_loss(hidden, ids[0]) if with_reply else None

    def decode(
        self, scene: SceneFeatures, seg: torch.Tensor, reply_loss: torch.Tensor | None, categories: Sequence[str]
    ) -> ClipOutput:
        """From the hidden state [language] at <SEG> to scores and masks."""
        return replace(self.decode_lists(scene, [seg], [categories])[0], reply_loss=reply_loss)

    def decode_lists(
        self, scene: SceneFeatures, segs: Sequence[torch.Tensor], lists: Sequence[Sequence[str]]
    ) -> list[ClipOutput]:
        """The same for L lists of one scene, in one pass of the mask decoder; no ``reply_loss``."""
        frames = len(scene.features)
        tokens = [
            self.projector(seg.to(scene.features.dtype), scene.features, scene.positions, self.encode_words(words))
            for seg, words in zip(segs, lists, strict=True)
        ]
        prompts = torch.stack(tokens, 1)[:, :, None]  # [T, L, 1, C]
        sam, device = self.sam, scene.features.device
        nothing = torch.zeros(frames, len(lists), 1, 2, dtype=scene.features.dtype, device=device)
        no_point = -torch.ones(frames, len(lists), 1, dtype=torch.int32, device=device)
        sparse, dense = sam.prompt_encoder(nothing, no_point, None, None)  # [T, L, 2, C], [T, C, h, w]
        masks, quality, _, present = sam.mask_decoder(
            image_embeddings=scene.levels[-1],
            image_positional_embeddings=sam.get_image_wide_positional_embeddings().repeat(frames, 1, 1, 1),
            sparse_prompt_embeddings=torch.cat([sparse, prompts], dim=2),
            dense_prompt_embeddings=dense,
            multimask_output=True,
            high_resolution_features=scene.levels[:-1],
        )
        return [ClipOutput(present[:, n, 0], masks[:, n], quality[:, n], None) for n in range(len(lists))]

    def save_pretrained(self, folder: Path, dtype: torch.dtype | None = None) -> None:
        """Write everything ``from_pretrained`` needs; LoRA is merged into the weights, in place.

        Args:
            folder: made if absent.
            dtype: to which the weights are brought first, in place; None: as they are.
        """
        if hasattr(self.lvlm, "merge_and_unload"):
            self.lvlm = self.lvlm.merge_and_unload()
        if dtype is not None:
            self.to(dtype)
        folder.mkdir(parents=True, exist_ok=True)
        self.lvlm.save_pretrained(folder / "lvlm")
        self.processor.save_pretrained(folder / "lvlm")
        self.sam.save_pretrained(folder / "sam")
        if self.words is not None:
            self.words.save_pretrained(folder / "words")
            self.words_tokenizer.save_pretrained(folder / "words")
        save_file(
            {name: weight.contiguous() for name, weight in self.projector.state_dict().items()}, folder / _PROJECTOR
        )
        body = {"projector": asdict(self.sizes), "share": self.share, "words": self.words is not None}
        (folder / _CONFIG).write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(cls, folder: Path, dtype: torch.dtype = torch.float32) -> Self:
        """Read what ``save_pretrained`` wrote, for computing in ``dtype``, whatever it is stored in.

        Raises:
            ModelError: when the folder holds no such model.
        """
        try:
            body = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            local: dict[str, Any] = {"local_files_only": True, "dtype": dtype}
            model = cls(
                AutoModelForImageTextToText.from_pretrained(folder / "lvlm", **local),
                AutoProcessor.from_pretrained(folder / "lvlm", local_files_only=True),  # type: ignore[no-untyped-call]
                Sam2Model.from_pretrained(folder / "sam", **local),
                words=CLIPTextModel.from_pretrained(folder / "words", **local) if body["words"] else None,
                words_tokenizer=AutoTokenizer.from_pretrained(folder / "words", local_files_only=True)
                if body["words"]
                else None,
                sizes=ProjectorSizes(**body["projector"]),
                share=body["share"],
            )
            model.projector.load_state_dict(load_file(folder / _PROJECTOR))
            model.projector.to(dtype)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ModelError(f"{folder} holds no LAVIDA model that can be read: {error}.") from error
        return model.eval()

    def base(self) -> Any:  # noqa: ANN401
        """The language model without LoRA's wrapper (LoRA itself lives in its layers)."""
        return self.lvlm.get_base_model() if hasattr(self.lvlm, "get_base_model") else self.lvlm

    def inputs(self, frames: Sequence[Image], categories: Sequence[str]) -> dict[str, torch.Tensor]:
        """Token ids of question and reply, and what the processor makes of the frames."""
        text = self.conversation(len(frames), categories)
        images = [[np.ascontiguousarray(frame) for frame in frames]]
        found = self.processor(text=[text], images=images, return_tensors="pt")
        device = self.sam.no_memory_embedding.device
        return {key: value.to(device) for key, value in found.items()}

    def conversation(self, frames: int, categories: Sequence[str]) -> str:
        """Question and reply in the language model's own form, with a placeholder for each frame."""
        question = [{"type": "image"} for _ in range(frames)]
        question.append({"type": "text", "text": QUESTION.format(", ".join(categories))})
        turns = [
            {"role": "user", "content": question},
            {"role": "assistant", "content": [{"type": "text", "text": REPLY}]},
        ]
        return str(self.processor.apply_chat_template(turns, tokenize=False))

    def compress(self, ids: torch.Tensor, features: Any) -> torch.Tensor:  # noqa: ANN401  (different by model)
        """Shorten the features of all frames together; which places [n] of the ids stay."""
        whole = isinstance(features.pooler_output, torch.Tensor)
        tokens = torch.cat(list(features.pooler_output))  # [L, C] of all frames
        found = compress_tokens(tokens.detach(), self.share)
        short = found.apply(tokens)
        features.pooler_output = short[None] if whole else [short]
        if getattr(features, "deepstack_features", None) is not None:
            features.deepstack_features = [
                [found.apply(torch.cat(list(layer)))] for layer in features.deepstack_features
            ]
        is_image = ids[0] == self.base().config.image_token_id
        left = ~is_image
        left[is_image.nonzero()[:, 0][found.references]] = True
        places: torch.Tensor = left.nonzero()[:, 0]
        return places

    def _reply_loss(self, hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the reply's tokens; logits are computed for these alone."""
        reply = len(self.processor.tokenizer(REPLY, add_special_tokens=False)["input_ids"])
        end = int((ids == self.seg_id).nonzero()[-1]) + 1
        logits = self.base().lm_head(hidden[end - reply - 1 : end - 1])  # [reply, vocabulary]
        loss: torch.Tensor = nn.functional.cross_entropy(logits.float(), ids[end - reply : end])
        return loss

    def encode_words(self, categories: Sequence[str]) -> torch.Tensor | None:
        """[n, words] one row a category, at its end token, not projected, not scaled; None: the switch is off."""
        if self.words is None:
            return None
        tokens = self.words_tokenizer(list(categories), padding=True, truncation=True, return_tensors="pt")
        tokens = tokens.to(self.sam.no_memory_embedding.device)
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        with torch.no_grad():
            hidden: torch.Tensor = self.words(input_ids=ids, attention_mask=mask).last_hidden_state
        # the last one is the end token; transformers' own pooling looks for the highest id where that token's is 2
        return hidden[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]  # [n, words]
