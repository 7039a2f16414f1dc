"""A small rendered world: CCTV-like frames with known contents, drawn with numpy and Pillow only."""

from anyanomaly_core.demo.world.clip import Clip, make_clip
from anyanomaly_core.demo.world.episode import render_moments, render_still
from anyanomaly_core.demo.world.light import CONDITIONS
from anyanomaly_core.demo.world.types import EVENT_NAMES, FRAME_SIZE, EventSpan, PixelBox, RenderedFrame

__all__ = [
    "CONDITIONS",
    "EVENT_NAMES",
    "FRAME_SIZE",
    "Clip",
    "EventSpan",
    "PixelBox",
    "RenderedFrame",
    "make_clip",
    "render_moments",
    "render_still",
]
