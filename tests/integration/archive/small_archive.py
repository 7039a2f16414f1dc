"""Small videos, random models of real architectures, and the environment that tasks and commands read."""

import os
import subprocess
import sys
import time
from pathlib import Path

import imageio_ffmpeg
import yaml

MODELS = Path(__file__).parents[2] / "unit" / "models"
DAY = "2026-03-01"


def film(path: Path, frames: int, *, pattern: str = "testsrc2", fps: int = 10) -> Path:
    """An H.264 file of 64x48 with so many frames, five minutes old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"{pattern}=size=64x48:rate={fps}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-frames:v", str(frames), "-pix_fmt", "yuv420p", str(path)], check=True)
    return aged(path)


def aged(path: Path) -> Path:
    """Files that changed a moment ago may still be being written and are left out."""
    minutes_ago = time.time() - 300
    os.utime(path, (minutes_ago, minutes_ago))
    return path


def make_models(folder: Path, *, scorer: str = "anyanomaly") -> Path:
    """Random encoder and, unless the scorer is ``clip``, language model; returns a profile that uses them."""
    builder = f"import sys; sys.path.insert(0, {str(MODELS)!r})\n" + _BUILD
    subprocess.run([sys.executable, "-c", builder, str(folder), scorer], check=True, timeout=600, capture_output=True)
    profile = {
        "name": "tiny",
        "encoder": {"model": "tiny-encoder", "path": str(folder / "encoder")},
        "lvlm": {"model": "tiny-lvlm", "path": str(folder / "lvlm"), "max_new_tokens": 4, "batch_size": 8},
        "sampling": {"segment_frames": 8},
        "contexts": {"window_sizes": [120]},
        # static_level 0: test patterns stand still, and these tests count what was judged
        "scoring": {"scorer": scorer, "smoothing_sigma": 2, "rationale_threshold": 1.0, "static_level": 0},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(profile))
    return path


_BUILD = """
from anyanomaly_core.models import torchvision_compat
import json
from pathlib import Path
import open_clip, torch
from safetensors.torch import save_file
out, scorer = Path(sys.argv[1]), sys.argv[2]
folder = out / "encoder"
folder.mkdir(parents=True)
torch.manual_seed(3)
config = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
preprocess = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4], "size": 32}
(folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
weights = open_clip.model.CLIP(**config).state_dict()
save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / "open_clip_model.safetensors")
if scorer != "clip":
    from tiny_vlms import build_vlm
    build_vlm("qwen2_5_vl", out / "lvlm")
"""
