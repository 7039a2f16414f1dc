"""Watching the training: frame-level AUC on clips of cameras and people never trained on.

`python -m anyanomaly_core.demo.training.evaluate --encoder DIR --lvlm DIR --clips 20`. Clips are rendered at two
frames a second, so four frames stand for a segment of 24 at 12 frames a second: exactly its grid frames.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import roc_auc_score
from torch.nn.functional import normalize
from transformers import AutoModelForImageTextToText, AutoProcessor

from anyanomaly_core.demo import vocabulary as words
from anyanomaly_core.demo.world import EVENT_NAMES, EventSpan, RenderedFrame, make_clip
from anyanomaly_core.engine.progress import iterate
from anyanomaly_core.scoring.prompts import build_prompt

from .attention_probe import CONTEXT_SIZE, class_probabilities, grid_of, position_map, squash_frames, windows
from .readout import likelihood_scores
from .sampling import ENCODER_SIZE
from .trunk import as_input

FPS, DURATION_S, SMOOTHING = 2.0, 20.0, 15 / 6  # sigma of 15 frames at 12 a second
WEIGHTS = {"key": 0.6, "position": 0.3, "temporal": 0.1}
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Models:
    """Both models with their tokenizers."""

    encoder: torch.nn.Module
    encoder_tokenizer: open_clip.HFTokenizer
    lvlm: torch.nn.Module
    processor: object

    def embed_images(self, images: torch.Tensor) -> torch.Tensor:
        """Unit vectors of uint8 images."""
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return normalize(self.encoder.encode_image(as_input(images)).float(), dim=-1)  # type: ignore[operator]

    def embed_texts(self, texts: list[str]) -> torch.Tensor:
        """Unit vectors of texts, each the mean over a few photo templates."""
        with torch.inference_mode():
            rows = [
                self.encoder.encode_text(self.encoder_tokenizer([t, *(p.format(t) for p in words.PHOTO_TEMPLATES[:6])]))  # type: ignore[operator]
                for t in texts
            ]
        return normalize(torch.stack([normalize(row.float(), dim=-1).mean(0) for row in rows]), dim=-1)


def load_demo_models(encoder: Path, lvlm: Path) -> Models:
    """Both models as any program would load them."""
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{encoder}")
    language = AutoModelForImageTextToText.from_pretrained(lvlm, local_files_only=True, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(lvlm, local_files_only=True)  # type: ignore[no-untyped-call]
    return Models(model.eval(), open_clip.get_tokenizer(f"local-dir:{encoder}"), language.eval(), processor)  # type: ignore[no-untyped-call]


def clip_plan(number: int, seed: int) -> tuple[int, list[EventSpan]]:
    """Camera and events of one held-out clip: its own event for a third of the time, often another one elsewhere."""
    rng = np.random.default_rng((seed, number, 43))
    own = EVENT_NAMES[number % len(EVENT_NAMES)]
    start = float(rng.uniform(2, 11))
    events = [EventSpan(own, start, start + float(rng.uniform(4, 8)))]
    if rng.random() < 0.7:
        other = str(rng.choice([name for name in EVENT_NAMES if name != own]))
        begin = float(rng.uniform(0, 14))
        events.append(EventSpan(other, begin, begin + 5))
    return 2 * (seed + number) + 1, events


def segment_scores(
    models: Models, frames: list[RenderedFrame], rules: list[str], texts: torch.Tensor
) -> dict[str, Scores]:
    """Scores of one segment of four frames: one for every rule, for each context and the encoder alone."""
    pictures = torch.from_numpy(np.stack([f.image for f in frames])).permute(0, 3, 1, 2).contiguous()
    near = models.embed_images(squash_frames(pictures, ENCODER_SIZE)) @ texts.T  # [4, texts]
    key = near[:, : len(rules)].argmax(0)
    parts = windows(pictures, ENCODER_SIZE)  # [4, 38, 3, s, s]
    embedded = models.embed_images(parts.flatten(0, 1)).view(4, parts.shape[1], -1)
    whole = squash_frames(pictures, CONTEXT_SIZE)
    keys, positions, grids = [], [], []
    for rule in range(len(rules)):
        frame = int(key[rule])
        field = position_map(class_probabilities(embedded[frame], texts)[:, rule])
        best = int((embedded @ texts[rule]).amax(0).argmax())
        keys.append(whole[frame])
        positions.append((whole[frame].float() * field).round().to(torch.uint8))
        grids.append(grid_of(parts[:, best]))
    plain = [[build_prompt(rule, variant=3, temporal=False)] for rule in rules]
    sequence = [[build_prompt(rule, variant=3, temporal=True)] for rule in rules]
    asked = ((keys, plain), (positions, plain), (grids, sequence))
    tokenizer = models.processor.tokenizer  # type: ignore[attr-defined]
    found = [likelihood_scores(models.lvlm, tokenizer, torch.stack(images), prompts)[:, 0] for images, prompts in asked]  # type: ignore[arg-type]
    result = {name: scores.double().numpy() for name, scores in zip(WEIGHTS, found, strict=True)}
    return {**result, "encoder": near[:, : len(rules)].amax(0).double().numpy()}


def evaluate_models(models: Models, clips: int, seed: int, rules: list[str]) -> dict[str, dict[str, float]]:
    """AUC of every class, for each context and their combinations."""
    texts = models.embed_texts([*rules, "a normal scene", "people walking", "an empty street"])
    names = (*WEIGHTS, "encoder")
    scores: dict[str, list[Scores]] = {name: [] for name in names}
    truth: list[npt.NDArray[np.bool_]] = []
    for number in iterate(range(clips), "held-out clips", "clips"):
        camera, events = clip_plan(number, seed)
        clip = list(make_clip(seed + number, camera_seed=camera, duration_s=DURATION_S, fps=FPS, events=events))
        per_segment = [segment_scores(models, clip[at : at + 4], rules, texts) for at in range(0, len(clip) - 3, 4)]
        for name in names:
            rows = np.repeat(np.stack([found[name] for found in per_segment]), 4, axis=0)  # [frames, rules]
            scores[name].append(gaussian_filter1d(rows, SMOOTHING, axis=0))
        truth += [np.array([event in frame.events for event in EVENT_NAMES]) for frame in clip[: len(rows)]]
    together = {name: np.concatenate(parts) for name, parts in scores.items()}
    together["all"] = sum(weight * together[name] for name, weight in WEIGHTS.items())  # type: ignore[assignment]
    labels = np.stack(truth)
    return {name: _auc(found, labels) for name, found in together.items()}


def _auc(scores: Scores, labels: npt.NDArray[np.bool_]) -> dict[str, float]:
    per_class = {n: float(roc_auc_score(labels[:, k], scores[:, k])) for k, n in enumerate(EVENT_NAMES)}
    return {**per_class, "mean": float(np.mean(list(per_class.values())))}


def results_table(results: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown."""
    columns = list(results)
    lines = ["| class | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(f"{results[column][name]:.3f}" for column in columns) + " |"
        for name in (*EVENT_NAMES, "mean")
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--lvlm", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=90_000)
    parser.add_argument("--held-out-texts", action="store_true", help="phrasings never used in training")
    given = parser.parse_args()
    source = words.HELD_OUT_TEXTS if given.held_out_texts else words.EVENT_TEXTS
    results = evaluate_models(
        load_demo_models(given.encoder, given.lvlm), given.clips, given.seed, [source[e][0] for e in EVENT_NAMES]
    )
    print(results_table(results))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
