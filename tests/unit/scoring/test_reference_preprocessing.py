"""Selection, attention maps and grids against the reference implementation's arithmetic, on a real (random) CLIP.

The reference is re-derived here, one image at a time, with torch and OpenCV from its published description; nothing is
taken from it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before open_clip
from anyanomaly_core.models.open_clip_encoder import OpenClipEncoder
from anyanomaly_core.scoring.explain import explain
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames
from tests.steady import steady_segments

Clip = tuple[Any, Any]  # model, tokenizer
SIDE = 32
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
RULE = RuleTexts(1, "r", ("a bicycle",), ("a car", "running"))
SAMPLES = Path(os.environ.get("ANYANOMALY_SAMPLES", Path(__file__).parents[4] / "shared")) / "footage"
AVENUE = ["too_close", "bicycle", "throwing", "running", "dancing"]
STARTS = ["a close-up photo of", "a bright photo of", "a dark photo of", "a blurry photo of"]
ENDS = ["{}", "small {}", "large {}", "{} for visual inspection", "{} for anomaly detection"]
# Their 21 descriptions: of most kinds of photo one with each article.
DESCRIBED = [
    *(f"{start} {article} {{}}." for start in STARTS for article in ("a", "the")),
    *(f"a photo of {article} {what}." for what in ENDS for article in ("a", "the")),
    *("a cropped photo of the {}.", "a jpeg corrupted photo of the {}.", "a jpeg corrupted photo of the {}."),
]
assert len(DESCRIBED) == 21


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
        whole = cv2.resize(image, (240, 240))  # whole grey levels
        small = torch.from_numpy(whole).permute(2, 0, 1)[None].float() / 255
        columns = torch.nn.functional.unfold(small, size, stride=size)
        cut = columns.permute(0, 2, 1).reshape(-1, 3, size, size)
        grown = torch.nn.functional.interpolate(cut, (SIDE, SIDE), mode="bilinear")
        return cut, unit(self.model.encode_image(grown))

    def attention(self, image: np.ndarray, classes: list[str], sizes: tuple[int, ...]) -> np.ndarray:
        tokens = [self.tokenizer([t.replace("{}", c) for t in DESCRIBED]) for c in classes]
        texts = torch.stack([unit(self.model.encode_text(own).mean(0)) for own in tokens])
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


def agrees(
    segment: SegmentFrames,
    rule: RuleTexts,
    text: str,
    classes: list[str],
    *,
    clip: Clip,
    profile: Any,  # noqa: ANN401
) -> None:
    """Key frame, grid, map and window of a segment for a text of a rule, ours beside theirs."""
    sizes, n = profile.contexts.window_sizes, len(segment.images)
    encoder = OpenClipEncoder(*clip, name="tiny", revision="0", device=torch.device("cpu"), batch_size=50)
    ours = explain(segment, rule, profile=profile, encoder=encoder, text=text)
    reference = Reference(*clip)
    x = reference.text(text)[0]
    key = int(np.argmax([float(x @ reference.frame(image)) for image in segment.images]))
    grid = [slot * (n // 4) + key % (n // 4) for slot in range(4)]
    first = segment.segment.sampled[0]
    assert ours.key_frame == first + key
    assert list(ours.grid_frames) == [first + place for place in grid]
    expected = reference.attention(segment.images[key], classes, sizes)
    assert np.abs(ours.attention - expected).max() < 1e-3
    darkened = (cv2.resize(segment.images[key], (224, 224)) * expected[:, :, None]).astype(np.uint8)
    assert np.abs(ours.position_image.astype(int) - darkened).max() <= 1
    winner, grid_image = reference.grid([segment.images[p] for p in grid], text, sizes)
    boxes = [(x0, y0, x0 + s, y0 + s) for s in sizes for y0 in range(0, 240, s) for x0 in range(0, 240, s)]
    assert ours.window == boxes[winner]
    assert np.abs(ours.grid_image.astype(int) - grid_image.astype(int)).max() <= 1


@torch.inference_mode()
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(48, 80, 120), (48, 80, 240)])
def test_selection_maps_and_grids(
    seed: int, sizes: tuple[int, ...], clip: Clip, make_profile: Callable[..., Any], make_segments: Callable[..., Any]
) -> None:
    shape = [(180, 320), (240, 240), (300, 200), (90, 130)][seed]
    n = [24, 16, 26, 31][seed]  # with 26 and 31 frames, the key frame may lie behind the last group
    profile = make_profile(
        encoder={"reference_preprocessing": True},
        contexts={"window_sizes": sizes, "neutral_texts": ("falling",), "templates": "published"},
    )
    segment = make_segments(n, n, seed=seed, size=shape)[0]
    agrees(segment, RULE, "a bicycle", ["a bicycle", "a car", "running", "falling"], clip=clip, profile=profile)


@torch.inference_mode()
@pytest.mark.footage
@pytest.mark.parametrize("name", ["avenue_20.avi", "shanghaitech_01_0014.mp4"])
def test_a_benchmarks_classes_on_real_clips(name: str, clip: Clip, make_profile: Callable[..., Any]) -> None:
    """A rule of several texts has them all among the classes, raw names included."""
    if not (SAMPLES / name).exists():
        pytest.skip(f"no footage in {SAMPLES}")
    with av.open(str(SAMPLES / name)) as video:
        images = [frame.to_ndarray(format="rgb24") for _, frame in zip(range(48), video.decode(video=0), strict=False)]
    rule = RuleTexts(1, "throwing-too_close-stroller", ("throwing", "too_close", "stroller"))
    profile = make_profile(
        encoder={"reference_preprocessing": True},
        contexts={"window_sizes": (48, 80, 240), "class_list": "c-avenue", "templates": "published"},
    )
    for segment in steady_segments(48, 24):
        shown = SegmentFrames(segment, tuple(images[number] for number in segment.sampled))
        for text in rule.texts:
            classes = [text, *(other for other in [*AVENUE, "stroller"] if other != text)]
            agrees(shown, rule, text, classes, clip=clip, profile=profile)
