"""Folders of single images, as UCSD and ShanghaiTech come: joined into a lossless video, once.

The images are data of a benchmark somebody chose, decoded here by Pillow; what is scored is the video, which goes the
way of all footage.
"""

import hashlib
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import numpy as np
from PIL import Image, UnidentifiedImageError

from anyanomaly_core.errors import FootageError

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
FPS = 25.0  # folders state none; only `sampling.fps` and times depend on it


def frame_files(folder: Path) -> list[Path]:
    """The images of a folder by name, numbers in it by value: ``9.jpg`` comes before ``10.jpg``."""
    images = (file for file in folder.iterdir() if file.suffix.lower() in IMAGES and not file.name.startswith("."))
    return sorted(images, key=lambda file: natural_sort_key(file.name))


def natural_sort_key(name: str) -> tuple[list[str | int], str]:
    """Sort key; names with equally many digits come in the order of their text."""
    parts = re.split(r"([0-9]+)", name)  # text and digits take turns, so that like is compared with like
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def frame_numbers(files: list[Path]) -> list[int] | None:
    """The last number in each name; None where a name has none, or they do not rise with the order of the files."""
    found = [re.findall(r"[0-9]+", file.stem) for file in files]
    numbers = [int(own[-1]) for own in found if own]
    rising = all(first < second for first, second in pairwise(numbers))
    return numbers if numbers and rising and len(numbers) == len(files) else None


def frames_to_video(path: Path, cache: Path) -> Path:
    """``path`` itself when it is a file; else a lossless video (FFV1) of the folder's images under ``cache``.

    Raises:
        FootageError: when the folder holds no image, one cannot be read, or they differ in size.
    """
    if not path.is_dir():
        return path
    files = frame_files(path)
    if not files:
        raise FootageError(f"{path} holds no image; a folder of frames holds one image file per frame.")
    state = "\n".join(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
    name = hashlib.sha256(f"{path.resolve()}\n{state}".encode()).hexdigest()[:24]
    video = cache / f"{name}.mkv"
    if not video.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _write(files, video)
    return video


def _write(files: list[Path], video: Path) -> None:
    height, width = image_pixels(files[0]).shape[:2]
    part = video.with_suffix(".part")
    source = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", framerate=FPS)
    output = source.output(str(part), format="matroska", vcodec="ffv1", pix_fmt="bgr0", threads=1)
    command = output.global_args("-v", "error").overwrite_output()
    encoder = command.run_async(cmd=imageio_ffmpeg.get_ffmpeg_exe(), pipe_stdin=True)
    try:
        with suppress(BrokenPipeError):  # ffmpeg went away: its exit status tells
            for file in files:
                pixels = image_pixels(file)
                if pixels.shape != (height, width, 3):
                    raise FootageError(
                        f"{file} is {pixels.shape[1]}x{pixels.shape[0]}, the first image {width}x{height}."
                    )
                encoder.stdin.write(pixels.tobytes())
    finally:
        with suppress(BrokenPipeError):
            encoder.stdin.close()
        status = encoder.wait()
    if status != 0:
        raise FootageError(f"ffmpeg could not join the images of {files[0].parent} (exit status {status}).")
    part.replace(video)


def image_pixels(file: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """RGB [H, W, 3]; raises FootageError when the file is no image."""
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise FootageError(f"{file} cannot be read as an image: {error}.") from None
