"""What the images of one segment cost the language model of each built-in profile, in tokens.

    python -m tests.benchmarks.bench_visual_tokens [--save]

The image processors are the real classes with the settings of the published models as we know them; no hub was in
reach to compare them with each preprocessor_config.json. Tokens of text do not count. A profile whose segment costs
more than it allows (`lvlm.max_visual_tokens`) fails the command. The column *as published* is what the same images
cost with the processor left as it is.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import (
    AutoProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
)

import anyanomaly_core.demo
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.visual_tokens import check_budget, shapes_of_a_segment, show_images_whole, visual_tokens
from anyanomaly_core.profile import Profile, builtin_profiles, load_profile
from tests.benchmarks.figures import Figures, add_save_option

ABOUT = """\
The images of one segment for one text (key frame, position context, temporal context), as the processors of
transformers turn them into tokens, with the settings that the models are published with. The key frame is a square of
the largest side that the profile allows: other shapes cost less."""
QWEN = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
SMOL = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
SMOL += tuple(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7))


def qwen3_vl() -> Any:  # noqa: ANN401  (a processor of transformers)
    """Qwen3-VL-2B-Instruct."""
    half = [0.5] * 3
    size = {"shortest_edge": 256 * 256, "longest_edge": 4096 * 4096}
    images = Qwen2VLImageProcessor(size=size, patch_size=16, merge_size=2, image_mean=half, image_std=half)
    return Qwen3VLProcessor(
        images, _tokenizer(QWEN), Qwen3VLVideoProcessor(), _template(f"{QWEN[2]}{QWEN[0]}{QWEN[3]}")
    )


def qwen2_5_vl() -> Any:  # noqa: ANN401
    """Qwen2.5-VL-7B-Instruct."""
    images = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=12_845_056, patch_size=14, merge_size=2)
    template = _template(f"{QWEN[2]}{QWEN[0]}{QWEN[3]}")
    return Qwen2_5_VLProcessor(images, _tokenizer(QWEN), Qwen2VLVideoProcessor(), template)


def smolvlm2() -> Any:  # noqa: ANN401
    """SmolVLM2-500M-Video-Instruct."""
    images = SmolVLMImageProcessor(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
    return SmolVLMProcessor(
        images, _tokenizer(SMOL), SmolVLMVideoProcessor(), image_seq_len=64, chat_template=_template(SMOL[0])
    )


def demo() -> Any:  # noqa: ANN401
    """The model that is shipped."""
    folder = Path(anyanomaly_core.demo.__path__[0]) / "weights" / "lvlm"
    return AutoProcessor.from_pretrained(folder, local_files_only=True)


PROCESSORS: dict[str, Callable[[], Any]] = {
    "demo": demo,
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": smolvlm2,
    "Qwen/Qwen3-VL-2B-Instruct": qwen3_vl,
    "Qwen/Qwen2.5-VL-7B-Instruct": qwen2_5_vl,
}


def tokens(profile: Profile, *, as_published: bool = False) -> list[int]:
    """Of each image of a segment.

    Raises:
        ConfigurationError: they are more than the profile allows.
    """
    processor = PROCESSORS[profile.lvlm.model]()
    if not as_published:
        show_images_whole(processor.image_processor)
        check_budget(profile, processor)
    return visual_tokens(processor, shapes_of_a_segment(profile))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_save_option(parser, "visual-tokens")
    options = parser.parse_args()
    figures = Figures("Visual tokens of a segment", ABOUT)
    figures.table("profile", "model", "key frame + contexts", "a segment and text", "allowed", "as published")
    failed = False
    for name in builtin_profiles():
        profile = load_profile(name)
        if profile.lvlm.backend == "openai":
            figures.row(name, "the server's", "–", "the server's", "–", "–")
            continue
        try:
            found = tokens(profile)
        except ConfigurationError as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        parts = " + ".join(map(str, found))
        published = sum(tokens(profile, as_published=True))
        figures.row(name, profile.lvlm.model, parts, sum(found), profile.lvlm.max_visual_tokens, published)
    figures.save(options.save)
    sys.exit(failed)


def _tokenizer(special: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """Letters and the tokens of images: of text nothing is counted."""
    inner = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in ("?", *special)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="?", eos_token="?")
    tokenizer.image_token = special[0]
    tokenizer.video_token = special[1]
    tokenizer.image_token_id, tokenizer.video_token_id = tokenizer.convert_tokens_to_ids(list(special[:2]))
    if special is SMOL:
        tokenizer.fake_image_token, tokenizer.global_image_token = special[1:3]
        tokenizer.end_of_utterance_token = special[3]
    return tokenizer


def _template(image: str) -> str:
    return (
        "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}"
        + image
        + "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
    )


if __name__ == "__main__":
    main()
