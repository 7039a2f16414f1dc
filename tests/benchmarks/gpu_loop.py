"""The published loop on models that are on a card already; see ``bench_gpu.py``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import open_clip
import torch

from anyanomaly_core.scoring.prompts import build_prompt
from tests.benchmarks.reference_loop import GENERATED, Image, ReferenceLoop


@dataclass(kw_only=True)
class GpuLoop(ReferenceLoop):
    """``ReferenceLoop`` step by step; only where tensors lie differs."""

    encoder: Any
    lvlm: Any
    processor: Any

    def __post_init__(self) -> None:
        """Nothing is loaded."""
        self.tokenizer = open_clip.get_tokenizer("ViT-B-32")
        cfg = open_clip.model.get_model_preprocess_cfg(self.encoder)
        self.side = cfg["size"] if isinstance(cfg["size"], int) else cfg["size"][0]
        self.like = next(self.encoder.parameters())
        self.mean, self.std = (torch.tensor(cfg[k]).view(1, 3, 1, 1).to(self.like) for k in ("mean", "std"))

    def ask(self, image: Image, text: str, *, temporal: bool) -> float:
        """One answer of 50 tokens. Random weights write no number, so what is read of it is not looked at."""
        prompt = build_prompt(text, variant=self.profile.scoring.prompt_variant, temporal=temporal, excluded=())
        turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
        rendered = self.processor.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        inputs = self.processor(text=[rendered], images=[[image]], return_tensors="pt").to(self.lvlm.device)
        # At least 36: what the demo's model writes on average.
        self.lvlm.generate(**inputs, min_new_tokens=36, max_new_tokens=GENERATED, do_sample=False)
        return 0.0

    def images(self, images: list[Image]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """[n, d], length 1."""
        size = (self.side, self.side)
        pixels = [torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None] for image in images]
        square = [torch.nn.functional.interpolate(p, size=size, mode="bilinear", antialias=True) for p in pixels]
        rows = self.encoder.encode_image((torch.cat(square).to(self.like) / 255 - self.mean) / self.std)
        return np.asarray(torch.nn.functional.normalize(rows.float(), dim=1).cpu().numpy())

    def texts(self, texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """[n, d], length 1."""
        rows = self.encoder.encode_text(self.tokenizer(texts).to(self.like.device))
        return np.asarray(torch.nn.functional.normalize(rows.float(), dim=1).cpu())
