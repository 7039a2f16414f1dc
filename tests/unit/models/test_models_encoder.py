# ruff: noqa: ANN401  # models and processors of transformers have no types
"""The encoder against open_clip called by hand."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from PIL import Image as PilImage

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, ModelError
from anyanomaly_core.models.device import resolve_device
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.models.revision import directory_revision, state_revision
from anyanomaly_core.models.squash import squash, squash_one
from anyanomaly_core.profile import EncoderSpec, LvlmSpec, Profile


def profile(**encoder: Any) -> Profile:
    return Profile(name="test", encoder=EncoderSpec(**({"model": "tiny"} | encoder)), lvlm=LvlmSpec(model="demo"))


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    where = tmp_path_factory.mktemp("state")
    installation = Settings(
        archive_root="x", database_url="postgresql://x/y", parquet_root=where, state_dir=where, device="cpu"
    )
    return load_encoder(profile(path=encoder_folder, batch_size=4), installation)


def pictures(count: int, sizes: list[tuple[int, int]], seed: int = 0) -> list[Any]:
    draw = np.random.default_rng(seed)
    return [draw.integers(0, 255, (*sizes[i % len(sizes)], 3), dtype=np.uint8) for i in range(count)]


def test_equals_open_clip_by_hand(encoder: Any, encoder_folder: Path) -> None:
    import open_clip  # noqa: PLC0415

    model = open_clip.create_model(f"local-dir:{encoder_folder}").eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{encoder_folder}")
    images = pictures(3, [(32, 32), (50, 90)])
    with torch.inference_mode():
        for image, mine in zip(images, encoder.encode_images(images), strict=True):
            seen = np.asarray(PilImage.fromarray(image).resize((32, 32), PilImage.Resampling.BILINEAR)) / 255.0
            pixels = (seen - [0.4, 0.5, 0.6]) / [0.2, 0.3, 0.4]
            slow = model.encode_image(torch.tensor(pixels).permute(2, 0, 1)[None].float())[0]
            np.testing.assert_allclose(mine, slow / slow.norm(), atol=3e-3)  # PIL rounds between its two passes
        texts = model.encode_text(tokenizer(["a car", "a red coat"]))
    np.testing.assert_allclose(
        encoder.encode_texts(["a car", "a red coat"]), texts / texts.norm(dim=1, keepdim=True), atol=1e-6
    )
    assert encoder.logit_scale == pytest.approx(float(model.logit_scale.exp()))
    assert encoder.image_size == 32


def test_plain_pixels_are_fed_as_they_are(encoder: Any, encoder_folder: Path) -> None:
    import open_clip  # noqa: PLC0415

    model = open_clip.create_model(f"local-dir:{encoder_folder}").eval()
    pixels = np.random.default_rng(1).random((6, 3, 32, 32), dtype=np.float32)
    with torch.inference_mode():
        slow = model.encode_image(torch.from_numpy(pixels), normalize=True)
    np.testing.assert_allclose(encoder.encode_pixels(pixels), slow, atol=1e-6)
    with pytest.raises(ModelError, match="32"):
        encoder.encode_pixels(np.zeros((1, 3, 16, 16), np.float32))
    assert encoder.encode_pixels(pixels[:0]).shape == (0, 16)


def test_an_embedding_does_not_depend_on_its_batch(encoder: Any) -> None:
    images = pictures(11, [(32, 32), (40, 60), (240, 240), (1, 7)])
    together = encoder.encode_images(images)
    alone = np.concatenate([encoder.encode_images([image]) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert together.dtype == np.float32
    texts = ["a car", "a person " * 40, "", "ünïcödé 車"]
    np.testing.assert_allclose(
        encoder.encode_texts(texts), np.concatenate([encoder.encode_texts([t]) for t in texts]), atol=1e-6
    )


def test_nothing_in_nothing_out(encoder: Any) -> None:
    assert encoder.encode_images([]).shape == (0, 16)
    assert encoder.encode_texts([]).shape == (0, 16)


def test_half_precision_points_the_same_way(encoder: Any, encoder_folder: Path, settings: Settings) -> None:
    images = pictures(4, [(32, 32)])
    half = load_encoder(profile(path=encoder_folder, precision="bf16"), settings)
    assert (np.sum(half.encode_images(images) * encoder.encode_images(images), axis=1) > 0.99).all()
    assert (np.sum(half.encode_texts(["a car"]) * encoder.encode_texts(["a car"]), axis=1) > 0.99).all()


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 0, 3), np.uint8)])
def test_what_is_no_image_is_refused(encoder: Any, image: Any) -> None:
    with pytest.raises(ModelError, match="Image 0 of 1"):
        encoder.encode_images([image])


@budget(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=6))
def test_squash_is_bilinear_with_antialiasing(sizes: list[tuple[int, int]]) -> None:
    images = pictures(len(sizes), sizes)
    squashed = squash(images, (24, 24))
    for image, mine in zip(images, squashed, strict=True):
        theirs = np.asarray(PilImage.fromarray(image).resize((24, 24), PilImage.Resampling.BILINEAR))
        assert np.abs(mine.permute(1, 2, 0).numpy().astype(int) - theirs).max() <= 2  # rounding
        assert (squash_one(image, 24) == mine.permute(1, 2, 0).numpy()).all()


def test_a_directory_under_models_dir_is_found_by_name(encoder_folder: Path, settings: Settings) -> None:
    assert settings.models_dir is not None
    settings.models_dir.mkdir()
    (settings.models_dir / "tiny").symlink_to(encoder_folder)
    by_name = load_encoder(profile(model="hf-hub:somebody/tiny"), settings)
    by_path = load_encoder(profile(path=encoder_folder), settings)
    assert by_name.revision == by_path.revision == directory_revision(encoder_folder)


def test_what_cannot_be_loaded_says_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"ANYANOMALY_MODELS_DIR/ViT-X"):
        load_encoder(profile(model="hf-hub:somebody/ViT-X"), settings)
    with pytest.raises(ConfigurationError, match="without weights"):
        load_encoder(profile(model="ViT-B-32"), settings)
    with pytest.raises(ModelError, match="ViT-B-32"):
        load_encoder(profile(model="ViT-B-32", pretrained="no-such-tag"), settings)
    with pytest.raises(ModelError, match="is not a directory"):
        load_encoder(profile(path=tmp_path / "nowhere"), settings)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "open_clip_config.json").write_text("{}")
    with pytest.raises(ModelError, match="no weights"):
        load_encoder(profile(path=tmp_path / "half"), settings)


def test_revision_follows_content_not_name(encoder_folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "hashes.json"
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in encoder_folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    first = directory_revision(copy, cache)
    assert first == directory_revision(encoder_folder, cache) == directory_revision(copy, cache)
    weights = copy / "open_clip_model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    os.utime(weights, ns=(1, 1))
    assert directory_revision(copy, cache) != first
    cache.write_text("{ cut off")
    assert directory_revision(encoder_folder, cache) == first


def test_state_revision_sees_every_weight() -> None:
    state = {"a": torch.zeros(3), "b": torch.zeros((), dtype=torch.bfloat16)}
    assert state_revision(state) == state_revision(dict(reversed(state.items())))
    assert state_revision(state) != state_revision(state | {"b": torch.ones((), dtype=torch.bfloat16)})


@pytest.mark.parametrize(
    ("name", "expected"), [("cpu", "cpu"), ("auto", "cuda" if torch.cuda.is_available() else "cpu")]
)
def test_device(name: str, expected: str) -> None:
    assert resolve_device(name).type == expected


@pytest.mark.parametrize("name", ["gpu", "cuda:99"])
def test_device_that_is_not_there(name: str) -> None:
    with pytest.raises(ConfigurationError, match="ANYANOMALY_DEVICE"):
        resolve_device(name)


def test_out_of_memory_halves_the_batch(encoder_folder: Path, encoder: Any, tmp_path: Path) -> None:
    """A CPU cannot run out of GPU memory, so a hook of the real model says it did when more than three images come."""
    images = pictures(10, [(32, 32), (50, 90)])
    expected = encoder.encode_images(images)
    installation = Settings(
        archive_root="x", database_url="postgresql://x/y", parquet_root=tmp_path, state_dir=tmp_path, device="cpu"
    )
    short = load_encoder(profile(path=encoder_folder, batch_size=8), installation)
    sizes: list[int] = []
    most = 3

    def refuse(_module: Any, given: Any) -> None:
        sizes.append(len(given[0]))
        if sizes[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory")

    short._model.visual.register_forward_pre_hook(refuse)  # type: ignore[attr-defined]
    np.testing.assert_allclose(short.encode_images(images), expected, atol=1e-5)
    assert max(sizes) > most
    sizes.clear()
    np.testing.assert_allclose(short.encode_images(images), expected, atol=1e-5)
    assert max(sizes) <= most  # it remembers
    most = 0
    with pytest.raises(ModelError, match="out of GPU memory on a single image"):
        short.encode_images(images[:2])
