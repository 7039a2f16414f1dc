"""Selection, attention maps and grids against the reference implementation's arithmetic, on a real (random) CLIP.

The reference is re-derived here with torch and torchvision from its published description; nothing is taken from it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before open_clip
from anyanomaly_core.models.open_clip_encoder import OpenClipEncoder
from anyanomaly_core.scoring.explain import explain
from anyanomaly_core.scoring.templates import PHOTO_TEMPLATES
from anyanomaly_core.scoring.types import RuleTexts

Clip = tuple[Any, Any]  # model, tokenizer
SIDE = 32
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
RULE = RuleTexts(1, "r", ("a bicycle",), ("a car", "running"))


@pytest.fixture(scope="module")
def clip() -> Clip:
    import open_clip  # noqa: PLC0415  # after torchvision_compat

    torch.manual_seed(0)
    model = open_clip.model.CLIP(
        embed_dim=16,
        vision_cfg={"image_size": SIDE, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        text_cfg={"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    ).eval()
    open_clip.model.set_model_preprocess_cfg(model, {"mean": MEAN, "std": STD, "size": SIDE})
    return model, open_clip.tokenizer.SimpleTokenizer(context_length=24)


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=-1, keepdim=True)


class Reference:
    """The reference's steps, one image after the other."""

    def __init__(self, model: Any, tokenizer: Any) -> None:  # noqa: ANN401
        self.model, self.tokenizer = model, tokenizer

    def text(self, *texts: str) -> torch.Tensor:
        return unit(self.model.encode_text(self.tokenizer(list(texts))))

    def frame(self, image: np.ndarray) -> torch.Tensor:
        """CLIP's own preprocessing of a whole frame: shorter side, middle square, mean and deviation."""
        height, width = image.shape[:2]
        pil = PilImage.fromarray(image)
        size = (SIDE, int(SIDE * height / width)) if width <= height else (int(SIDE * width / height), SIDE)
        pil = pil.resize(size, PilImage.Resampling.BICUBIC)
        left, top = round((size[0] - SIDE) / 2.0), round((size[1] - SIDE) / 2.0)
        pixels = torch.from_numpy(np.array(pil.crop((left, top, left + SIDE, top + SIDE)))).permute(2, 0, 1) / 255
        mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
        return unit(self.model.encode_image(((pixels - mean) / std)[None]))[0]

    def windows(self, image: np.ndarray, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Windows [k, 3, size, size] in 0..1 and their embeddings, without mean and deviation."""
        pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
        small = torch.nn.functional.interpolate(pixels, (240, 240), mode="bilinear") / 255
        columns = torch.nn.functional.unfold(small, size, stride=size)
        cut = columns.permute(0, 2, 1).reshape(-1, 3, size, size)
        grown = torch.nn.functional.interpolate(cut, (SIDE, SIDE), mode="bilinear")
        return cut, unit(self.model.encode_image(grown))

    def attention(self, image: np.ndarray, classes: list[str], sizes: tuple[int, ...]) -> np.ndarray:
        texts = torch.stack([unit(self.text(*[t.replace("{}", c) for t in PHOTO_TEMPLATES]).mean(0)) for c in classes])
        maps = []
        for size in sizes:
            similarity = (texts @ self.windows(image, size)[1].T).softmax(0)[0]
            side = 240 // size
            square = similarity.view(1, 1, side, side)
            maps.append(torch.nn.functional.interpolate(square, (224, 224), mode="bilinear")[0, 0])
        total = sum(maps) / len(maps)
        return ((total - total.min()) / (total.max() - total.min())).numpy()

    def grid(self, images: list[np.ndarray], text: str, sizes: tuple[int, ...]) -> tuple[int, np.ndarray]:
        x = self.text(text)[0]
        peaks: list[float] = []
        windows: list[list[torch.Tensor]] = []
        for size in sizes:
            per_frame = [self.windows(image, size) for image in images]
            for k in range((240 // size) ** 2):
                peaks.append(max(float(x @ embeddings[k]) for _, embeddings in per_frame))
                windows.append([cut[k : k + 1] for cut, _ in per_frame])
        best = int(np.argmax(peaks))
        cells = []
        for window in windows[best]:
            grown = torch.nn.functional.interpolate(window, (224, 224), mode="bilinear")
            cell = torch.nn.functional.interpolate(grown, (112, 112), mode="bilinear")[0]
            cells.append((cell.permute(1, 2, 0).numpy() * 255).astype(np.uint8))
        return best, np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])


@torch.inference_mode()
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(48, 80, 120), (48, 80, 240)])
def test_selection_maps_and_grids(
    seed: int, sizes: tuple[int, ...], clip: Clip, make_profile: Callable[..., Any], make_segments: Callable[..., Any]
) -> None:
    shape = [(180, 320), (240, 240), (300, 200), (90, 130)][seed]
    segment = make_segments(24, seed=seed, size=shape)[0]
    encoder = OpenClipEncoder(*clip, name="tiny", revision="0", device=torch.device("cpu"), batch_size=50)
    profile = make_profile(
        encoder={"reference_preprocessing": True}, contexts={"window_sizes": sizes, "neutral_texts": ("falling",)}
    )
    ours = explain(segment, RULE, profile=profile, encoder=encoder)

    reference = Reference(*clip)
    x = reference.text("a bicycle")[0]
    key = int(np.argmax([float(x @ reference.frame(image)) for image in segment.images]))
    grid = [key % 6, 6 + key % 6, 12 + key % 6, 18 + key % 6]
    assert ours.key_frame == key
    assert list(ours.grid_frames) == grid
    expected = reference.attention(segment.images[key], ["a bicycle", "a car", "running", "falling"], sizes)
    assert np.abs(ours.attention - expected).max() < 1e-3
    winner, grid_image = reference.grid([segment.images[p] for p in grid], "a bicycle", sizes)
    boxes = [(x0, y0, x0 + s, y0 + s) for s in sizes for y0 in range(0, 240, s) for x0 in range(0, 240, s)]
    assert ours.window == boxes[winner]
    assert np.abs(ours.grid_image.astype(int) - grid_image.astype(int)).max() <= 1
