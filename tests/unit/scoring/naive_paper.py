"""The paper as a plain loop: segment by segment, text by text, one image per call. Slow, and independent of the scorer.

It shares with the code under test only the prompts and templates (wording) and PIL's resizing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image as PilImage

from anyanomaly_core.models.protocols import AnswerKind, ImageTextEncoder, Request, VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.prompts import build_prompt
from anyanomaly_core.scoring.templates import PHOTO_TEMPLATES
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames


def resized(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(PilImage.fromarray(image).resize((side, side), PilImage.Resampling.BILINEAR))


@dataclass
class NaiveResult:
    score: float
    key: float
    position: float
    temporal: float
    key_frame: int
    grid: list[int]
    window: tuple[int, int, int, int]
    position_image: np.ndarray
    temporal_image: np.ndarray


def windows_of(size: int) -> list[tuple[int, int, int, int]]:
    return [(x, y, x + size, y + size) for y in range(0, 240, size) for x in range(0, 240, size)]


class NaivePaper:
    def __init__(self, profile: Profile, encoder: ImageTextEncoder, lvlm: VisionLanguageModel) -> None:
        self.profile, self.encoder, self.lvlm = profile, encoder, lvlm
        self.texts: dict[str, np.ndarray] = {}

    def image(self, image: np.ndarray) -> np.ndarray:
        return self.encoder.encode_images([image])[0]

    def text(self, text: str) -> np.ndarray:
        if text not in self.texts:
            self.texts[text] = self.encoder.encode_texts([text])[0]
        return self.texts[text]

    def templated(self, text: str) -> np.ndarray:
        mean = np.mean([self.text(t.replace("{}", text)) for t in PHOTO_TEMPLATES], axis=0)
        return mean / np.linalg.norm(mean)

    def ask(self, image: np.ndarray, text: str, excluded: tuple[str, ...], *, temporal: bool) -> float:
        spec = self.profile.scoring
        prompt = build_prompt(text, variant=spec.prompt_variant, temporal=temporal, excluded=excluded)
        if spec.readout == "generate":
            answer = self.lvlm.answer([Request(image, prompt, AnswerKind.TEXT)])[0]
            return float(answer.text[:3])
        answer = self.lvlm.answer([Request(image, prompt, AnswerKind.SCORE)])[0]
        return sum(p * tenth / 10 for tenth, p in enumerate(answer.distribution))

    def one_text(self, segment: SegmentFrames, text: str, rule: RuleTexts) -> NaiveResult:
        x = self.text(text)
        similarity = [float(self.image(image) @ x) for image in segment.images]
        best = similarity.index(max(similarity))
        n = len(segment.images)
        if n < 4:
            grid = {1: [0, 0, 0, 0], 2: [0, 0, 1, 1], 3: [0, 0, 1, 2]}[n]
        else:
            g = n // 4
            grid = [best % g, g + best % g, 2 * g + best % g, 3 * g + best % g]
            if best not in grid:
                grid[3] = best
        key = segment.images[best]

        neutral = [c for c in rule.excluded + self.profile.contexts.neutral_texts if c not in rule.texts]
        classes = [self.templated(c) for c in dict.fromkeys([text, *neutral])]
        maps = []
        for size in self.profile.contexts.window_sizes:
            values = []
            for x0, y0, x1, y1 in windows_of(size):
                e = self.image(resized(key, 240)[y0:y1, x0:x1])
                logits = torch.tensor([self.encoder.logit_scale * float(c @ e) for c in classes], dtype=torch.float64)
                values.append(float(torch.softmax(logits, 0)[0]))
            side = 240 // size
            square = torch.tensor(values, dtype=torch.float64).reshape(1, 1, side, side)
            maps.append(torch.nn.functional.interpolate(square, (224, 224), mode="bilinear")[0, 0])
        total = sum(maps) / len(maps)
        spread = total.max() - total.min()
        bright = ((total - total.min()) / spread if spread > 1e-6 else torch.ones_like(total)).numpy()
        position_image = np.rint(resized(key, 224) * bright[:, :, None].astype(np.float32)).astype(np.uint8)

        frames = [resized(segment.images[p], 240) for p in grid]
        boxes = [box for size in self.profile.contexts.window_sizes for box in windows_of(size)]
        peaks = [max(float(self.image(f[y0:y1, x0:x1]) @ x) for f in frames) for x0, y0, x1, y1 in boxes]
        window = boxes[peaks.index(max(peaks))]
        x0, y0, x1, y1 = window
        cells = [resized(np.ascontiguousarray(f[y0:y1, x0:x1]), 112) for f in frames]
        temporal_image = np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])
        return NaiveResult(
            0.0,
            self.ask(key, text, rule.excluded, temporal=False),
            self.ask(position_image, text, rule.excluded, temporal=False),
            self.ask(temporal_image, text, rule.excluded, temporal=True),
            segment.segment.sampled[best],
            [segment.segment.sampled[p] for p in grid],
            window,
            position_image,
            temporal_image,
        )

    def score(self, segment: SegmentFrames, rule: RuleTexts) -> NaiveResult:
        """Best of the texts per image, then the weighted sum; the frames are those of the best text."""
        a, b, c = self.profile.scoring.weights
        results = [self.one_text(segment, text, rule) for text in rule.texts]
        winner = max(results, key=lambda r: a * r.key + b * r.position + c * r.temporal)
        winner.key = max(r.key for r in results)
        winner.position = max(r.position for r in results)
        winner.temporal = max(r.temporal for r in results)
        winner.score = a * winner.key + b * winner.position + c * winner.temporal
        return winner
