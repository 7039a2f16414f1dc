"""The ffmpeg command: one confined pass over the first video stream, filters inside ffmpeg, raw pictures on a pipe."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
from ffmpeg.nodes import FilterableStream

from anyanomaly_core.footage import allowed
from anyanomaly_core.footage.sandbox import Limits, confine_command


@lru_cache(maxsize=1)
def executable() -> str:
    """Absolute path of the bundled ffmpeg."""
    return str(Path(imageio_ffmpeg.get_ffmpeg_exe()).resolve())


def decoding(filters: Sequence[str], pixel_format: str, limits: Limits, *, most_frames: int | None = None) -> list[str]:
    """Command line that decodes descriptor ``{source}``, see :class:`anyanomaly_core.footage.sandbox.Child`.

    Pictures come on stdout without separators. On the pipe ``{side}`` comes one line for each of them:
    ``<number of the decoded frame> <presentation time> <its unit in seconds, as a fraction>``. Times are the file's own
    (``copyts``): ffmpeg would take what it holds for a broken clock out of them, a hole of 11 s in MPEG-TS for one.

    Two options keep the numbers exact: no frame is doubled or dropped to please a frame rate (``fps_mode``), and the
    filters are not restarted when the picture changes in the middle of a file (``reinit_filter``), which would let
    ``select`` count from 0 again. The second rules out ffmpeg's own rotation; callers put it behind the scaling.

    Args:
        filters: ffmpeg filters in order; they must end in pictures of one size.
        pixel_format: of the raw pictures, such as ``rgb24`` or ``gray``.
        limits: resources and threads of the child.
        most_frames: stop after so many pictures.
    """
    options = {} if most_frames is None else {"frames:v": most_frames}
    output = source(limits, copyts=None).output(
        "pipe:1",
        map="0:V:0",  # the first video stream that is no cover picture
        vf=",".join((*filters, f"format={pixel_format}")),
        format="rawvideo",
        fps_mode="passthrough",
        stats_enc_pre="pipe:{side}",
        stats_enc_pre_fmt="{ni} {pts} {tb}",
        enc_time_base="demux",  # times in the file's own unit: exact
        **options,
    )
    return confine_command(output.compile(cmd=executable()), limits)


def source(limits: Limits, **more: str | float | None) -> FilterableStream:
    """The one input: descriptor ``{source}``, with nothing but the allowed formats and decoders; ``more`` options."""
    return ffmpeg.input(
        "fd:",
        fd="{source}",
        protocol_whitelist=",".join(allowed.PROTOCOLS),
        format_whitelist=",".join(allowed.FORMATS),
        codec_whitelist=",".join(allowed.DECODERS),
        max_pixels=allowed.MAX_PIXELS,
        threads=limits.threads,
        noautorotate=None,
        reinit_filter=0,
        # Options of the whole program, accepted in any place.
        hide_banner=None,
        nostdin=None,
        nostats=None,
        loglevel="repeat+level+error",
        filter_threads=1,
        max_error_rate=1,
        **more,
    )
