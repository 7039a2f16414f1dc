"""The image-text encoder through open_clip: it ranks frames and windows against texts (paper sections 3.2 and 3.3)."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.device import DTYPES
from anyanomaly_core.models.images import image_problem
from anyanomaly_core.models.inference_speed import optimize_for_inference
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.models.squash import squash
from anyanomaly_core.models.torchvision_compat import ensure_torchvision

ensure_torchvision()

import open_clip  # noqa: E402  # needs torchvision


class OpenClipEncoder:
    """One loaded open_clip model; see ``loading.load_encoder``."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: open_clip.tokenizer.SimpleTokenizer,
        *,
        name: str,
        revision: str,
        device: torch.device,
        precision: str = "fp32",
        batch_size: int = 64,
    ) -> None:
        seen_by_model = open_clip.model.get_model_preprocess_cfg(model)
        self._model = optimize_for_inference(model.eval())
        self._tokenizer = tokenizer
        self._name, self._revision = name, revision
        self._device, self._dtype = device, DTYPES[precision]
        self._batch_size = batch_size
        self._size = _square(seen_by_model["size"])
        self._mean = torch.tensor(seen_by_model["mean"], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(seen_by_model["std"], device=device).view(1, 3, 1, 1)

    @property
    def name(self) -> str:
        """The model as the profile calls it."""
        return self._name

    @property
    def revision(self) -> str:
        """Hub commit, or a hash of the weights."""
        return self._revision

    @property
    def logit_scale(self) -> float:
        """Factor the model was trained to multiply cosines with before a softmax."""
        return float(self._model.logit_scale.detach().exp())  # type: ignore[operator]

    @property
    def image_size(self) -> int:
        """S, side of the model's square input in pixels."""
        return self._size[0]

    @torch.inference_mode()
    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        """[n, d], rows of length 1, for n uint8 images [H, W, 3] of any sizes.

        Each image is squashed (bilinear) to the model's input and normalised with the model's mean and deviation.
        Its embedding does not depend on the others.

        Raises:
            ModelError: when an image is no image, or the model gives something that is not a direction.
        """
        for index, image in enumerate(images):
            if (problem := image_problem(image)) is not None:
                raise ModelError(f"Image {index} of {len(images)} cannot be encoded: {problem}.")
        order = sorted(range(len(images)), key=lambda i: images[i].shape)  # equal sizes are resized together
        batches = []
        for part in _parts(order, self._batch_size):
            pixels = squash([images[i] for i in part], self._size).to(self._device)  # [b, 3, S, S]
            batches.append(self._encode_what_fits((pixels - 255 * self._mean).div_(255 * self._std)))
        return self._as_embeddings(batches, order)

    @torch.inference_mode()
    def encode_pixels(self, pixels: NDArray[np.float32]) -> Embeddings:
        """[n, d], rows of length 1, for float32 [n, 3, S, S] in 0..1 as they are: no resizing, no mean and deviation.

        That is how the reference implementation feeds its windows (``reference_preprocessing``).

        Raises:
            ModelError: when the shape is not [n, 3, S, S].
        """
        if pixels.ndim != 4 or pixels.shape[1:] != (3, *self._size):  # noqa: PLR2004
            raise ModelError(
                f"{self._name} reads pixels of shape [n, 3, {self._size[0]}, {self._size[1]}], not {pixels.shape}."
            )
        order = list(range(len(pixels)))
        parts = [torch.from_numpy(pixels[part[0] : part[-1] + 1]) for part in _parts(order, self._batch_size)]
        return self._as_embeddings([self._encode_what_fits(part.to(self._device).float()) for part in parts], order)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """[n, d], rows of length 1, for n texts; what exceeds the model's context is cut off, as in training."""
        return self._as_embeddings(self._encode_texts(texts), list(range(len(texts))))

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[n, d] for n texts, as the model gives them."""
        return np.concatenate([batch.float().cpu().numpy() for batch in self._encode_texts(texts)])

    @torch.inference_mode()
    def _encode_texts(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """Batches [b, d]."""
        batches = []
        for part in _parts(list(range(len(texts))), self._batch_size):
            tokens = self._tokenizer([texts[i] for i in part]).to(self._device)  # int [b, context]
            batches.append(self._model.encode_text(tokens))  # type: ignore[operator]
        return batches

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        pixels = pixels.to(self._dtype).contiguous(memory_format=torch.channels_last)
        encoded: torch.Tensor = self._model.encode_image(pixels)  # type: ignore[operator]
        return encoded

    def _as_embeddings(self, batches: list[torch.Tensor], order: list[int]) -> Embeddings:
        if not batches:
            return np.zeros((0, self._dimension()), np.float32)
        rows = torch.cat([batch.float() for batch in batches])  # [n, d], in processing order
        rows = nn.functional.normalize(rows, dim=1)
        result = np.empty(rows.shape, np.float32)
        result[order] = rows.cpu().numpy()
        if not np.isfinite(result).all():
            raise ModelError(f"{self._name} gives embeddings that are not finite. Use precision fp32 or bf16.")
        return result

    def _encode_what_fits(self, pixels: torch.Tensor) -> torch.Tensor:
        """[b, d] for [b, 3, S, S]; a batch too big for the GPU is halved, and so are all after it."""
        try:
            return self._encode(pixels)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(pixels) == 1:
                raise ModelError(
                    f"{self._name} ran out of GPU memory on a single image. Free the GPU, or take a smaller encoder."
                ) from None
        half = len(pixels) // 2
        self._batch_size = max(1, min(self._batch_size, half))
        return torch.cat([self._encode_what_fits(pixels[:half]), self._encode_what_fits(pixels[half:])])

    def _dimension(self) -> int:
        tokens = self._tokenizer(["a"]).to(self._device)
        return int(self._model.encode_text(tokens).shape[1])  # type: ignore[operator]


def _parts(order: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _square(size: int | Sequence[int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else (size[0], size[1])
    if height != width:
        raise ModelError(
            f"The encoder reads images of {height}x{width}; only models with a square input can rank windows."
        )
    return height, width
