"""The published method as a straightforward loop, for comparison in ``bench_efficiency.py``; it takes no shortcut.

Segment by segment and text by text: 24 frames, the 38 windows of the key frame and the 4 x 38 windows of the grid
frames are encoded anew for every text, the class texts for every segment, and the language model writes three answers,
one image at a time. The networks are as their libraries load them. Wording and the size of pictures are ours.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before open_clip

# isort: split
import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image as PilImage
from transformers import AutoModelForImageTextToText, AutoProcessor

from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.prompts import build_prompt
from anyanomaly_core.scoring.templates import fill_templates

Image = NDArray[np.uint8]  # [H, W, 3]
GENERATED = 50  # tokens at most


@dataclass
class Counts:
    """What the models had to do."""

    encodes: int = 0
    tokens_read: int = 0
    tokens_written: int = 0


@dataclass
class ReferenceLoop:
    """One (segment, text) at a time."""

    profile: Profile
    weights: Path  # holds ``encoder`` and ``lvlm``
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        """Load the two networks as they are."""
        source = f"local-dir:{self.weights / 'encoder'}"
        self.encoder: Any = open_clip.create_model(source, require_pretrained=True).eval()
        self.tokenizer = open_clip.get_tokenizer(source)
        cfg = open_clip.model.get_model_preprocess_cfg(self.encoder)
        self.side = cfg["size"] if isinstance(cfg["size"], int) else cfg["size"][0]
        self.mean, self.std = (torch.tensor(cfg[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
        self.processor: Any = AutoProcessor.from_pretrained(self.weights / "lvlm", local_files_only=True)
        self.lvlm: Any = AutoModelForImageTextToText.from_pretrained(self.weights / "lvlm", dtype=torch.float32).eval()

    @torch.inference_mode()
    def score(self, images: list[Image], text: str) -> float:
        """Fused score of a segment of at least four frames."""
        x = self.texts([text])[0]  # [d]
        key = int(np.argmax(self.images(images) @ x))
        group = len(images) // 4
        grid = [slot * group + key % group for slot in range(4)]
        grid = grid if key in grid else [*grid[:3], key]
        context = self.position_context(images[key], text)
        a, b, c = self.profile.scoring.weights
        answers = [
            self.ask(images[key], text, temporal=False),
            self.ask(context, text, temporal=False),
            self.ask(self.temporal_context([images[place] for place in grid], x), text, temporal=True),
        ]
        return a * answers[0] + b * answers[1] + c * answers[2]

    def position_context(self, image: Image, text: str) -> Image:
        """[224, 224, 3]."""
        classes = [self.texts(fill_templates(name)).mean(0) for name in (text, *self.profile.contexts.neutral_texts)]
        directions = np.stack([one / np.linalg.norm(one) for one in classes])  # [C, d]
        scale = float(self.encoder.logit_scale.exp())
        total, frame = torch.zeros(224, 224), resized(image, 240)
        for size in self.profile.contexts.window_sizes:
            logits = torch.tensor(scale * self.images(cut(frame, size)) @ directions.T)
            square = logits.softmax(1)[:, 0].reshape(1, 1, 240 // size, 240 // size)
            total += torch.nn.functional.interpolate(square, (224, 224), mode="bilinear")[0, 0]
        low, high = total.min(), total.max()
        bright = ((total - low) / (high - low)).numpy()[:, :, None]
        return np.asarray(np.rint(resized(image, 224) * bright), np.uint8)

    def temporal_context(self, images: list[Image], x: NDArray[np.float32]) -> Image:
        """[224, 224, 3]."""
        frames = [resized(image, 240) for image in images]
        crops: list[list[Image]] = [
            [window for size in self.profile.contexts.window_sizes for window in cut(frame, size)] for frame in frames
        ]
        peaks = np.stack([self.images(own) @ x for own in crops]).max(0)  # [K]
        cells = [resized(own[int(peaks.argmax())], 112) for own in crops]
        return np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])

    def ask(self, image: Image, text: str, *, temporal: bool) -> float:
        """The first number of the model's answer, else 0."""
        prompt = build_prompt(text, variant=self.profile.scoring.prompt_variant, temporal=temporal, excluded=())
        turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
        rendered = self.processor.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        inputs = self.processor(text=[rendered], images=[[image]], return_tensors="pt")
        output = self.lvlm.generate(**inputs, max_new_tokens=GENERATED, do_sample=False)
        read = inputs["input_ids"].shape[1]
        self.counts.tokens_read += read
        self.counts.tokens_written += output.shape[1] - read
        found = re.search(r"\d+(?:\.\d+)?", self.processor.batch_decode(output[:, read:], skip_special_tokens=True)[0])
        return float(found.group()) if found else 0.0

    def images(self, images: list[Image]) -> NDArray[np.float32]:
        """[n, d], length 1."""
        self.counts.encodes += len(images)
        size = (self.side, self.side)
        pixels = [torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None] for image in images]
        square = [torch.nn.functional.interpolate(p, size=size, mode="bilinear", antialias=True) for p in pixels]
        rows = self.encoder.encode_image((torch.cat(square).float() / 255 - self.mean) / self.std)
        return np.asarray(torch.nn.functional.normalize(rows, dim=1).numpy())

    def texts(self, texts: list[str]) -> NDArray[np.float32]:
        """[n, d], length 1."""
        return np.asarray(torch.nn.functional.normalize(self.encoder.encode_text(self.tokenizer(texts)), dim=1))


def resized(image: Image, side: int) -> Image:
    """[side, side, 3]."""
    pil = PilImage.fromarray(np.ascontiguousarray(image))
    return np.asarray(pil.resize((side, side), PilImage.Resampling.BILINEAR))


def cut(frame: Image, size: int) -> list[Image]:
    """Windows of a 240x240 frame."""
    return [frame[y : y + size, x : x + size] for y in range(0, 240, size) for x in range(0, 240, size)]
