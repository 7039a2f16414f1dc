"""Clips, stills and evidence bundles of events.

They are made two at a time, so that a page of fifty thumbnails takes neither all cores nor all threads of the host.
Starlette answers range requests, which players send.
"""

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, cast
from uuid import UUID

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter, Form
from sqlalchemy import Engine
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.review.access import Configuration, Database, FormSender, Reviewer
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.clips.clip import event_clip, event_preview
from anyanomaly_core.review.clips.moments import moment_still, stretch_clip
from anyanomaly_core.review.clips.on_demand import make_attention
from anyanomaly_core.review.clips.stills import StillKind, event_still
from anyanomaly_core.review.evidence.export import export_evidence
from anyanomaly_core.review.rendering import base_path, is_partial, render_page

router = APIRouter()
_AT_ONCE = 2
_CACHED = {"Cache-Control": "private, max-age=3600"}
_STILLS = {
    "thumbnail.jpg": "image/jpeg", "card.jpg": "image/jpeg",
    "key.png": "image/png", "outline.png": "image/png", "grid.png": "image/png", "attention.png": "image/png",
}  # fmt: skip


@cache
def _limit() -> CapacityLimiter:
    return CapacityLimiter(_AT_ONCE)


@cache
def _model_limit() -> CapacityLimiter:
    return CapacityLimiter(1)  # models in memory at once


@router.get("/event/{event_id}/clip.mp4")
async def clip(event_id: UUID, engine: Database, settings: Configuration, download: bool = False) -> Response:
    """The event's clip."""
    path = await produce(partial(event_clip, engine, settings, event_id))
    return file_response(path, "video/mp4", f"event-{event_id}.mp4" if download else None)


@router.get("/event/{event_id}/preview.mp4")
async def preview(event_id: UUID, engine: Database, settings: Configuration) -> Response:
    """Some seconds around the event's peak."""
    return file_response(await produce(partial(event_preview, engine, settings, event_id)), "video/mp4", None)


@router.get("/event/{event_id}/{name}")
async def still(event_id: UUID, name: str, engine: Database, settings: Configuration) -> Response:
    """A picture of the event."""
    if name not in _STILLS:
        return Response("There is no such picture.", 404, media_type="text/plain")
    kind = cast("StillKind", name.partition(".")[0])
    return file_response(await produce(partial(event_still, engine, settings, event_id, kind)), _STILLS[name], None)


@router.post("/event/{event_id}/attention")
async def attention(
    request: Request, visitor: FormSender, event_id: UUID, engine: Database, settings: Configuration
) -> Response:
    """Make the attention image; the answer is the figure that shows it, or says why there is none."""
    problem = ""
    try:
        await anyio.to_thread.run_sync(partial(make_attention, engine, settings, event_id), limiter=_model_limit())
    except AnyAnomalyError as error:
        problem = str(error)
    if not is_partial(request):
        return RedirectResponse(f"{base_path(request)}/event/{event_id}", 303)
    return render_page(
        request, "attention.jinja", visitor, event_id=event_id, problem=problem, has_attention=not problem
    )


@router.get("/video/{video_id}/{second}.jpg")
async def moment(video_id: int, second: float, engine: Database, settings: Configuration) -> Response:
    """A picture of any moment of a video."""
    return file_response(await produce(partial(moment_still, engine, settings, video_id, second)), "image/jpeg", None)


@router.get("/video/{video_id}/stretch-{number}.mp4")
async def video_stretch(video_id: int, number: int, engine: Database, settings: Configuration) -> Response:
    """Some seconds of a video, to be played."""
    return file_response(await produce(partial(stretch_clip, engine, settings, video_id, number)), "video/mp4", None)


@router.post("/event/{event_id}/evidence.zip")
async def evidence(
    visitor: Reviewer,
    event_id: UUID,
    engine: Database,
    settings: Configuration,
    blur: Annotated[list[BlurTarget] | None, Form()] = None,
    originals: Annotated[bool, Form()] = False,
) -> Response:
    """The event's evidence bundle, exported in the visitor's name."""
    name = f"evidence-{event_id}.zip"
    return await send_bundle(
        engine, settings, [event_id], name, exported_by=visitor.name, blur=blur or (), originals=originals
    )


async def send_bundle(
    engine: Engine,
    settings: Settings,
    event_ids: Sequence[UUID],
    name: str,
    *,
    exported_by: str,
    blur: Sequence[BlurTarget],
    originals: bool,
    done: Callable[[Path], Awaitable[None]] | None = None,
) -> Response:
    """A bundle of some events to be downloaded as ``name``; nothing of it stays. ``done`` is called with it first."""
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-evidence-"))
    out = folder / name
    export = partial(
        export_evidence,
        engine,
        settings,
        event_ids,
        out,
        exported_by=exported_by,
        load_models=False,
        blur=blur,
        originals=originals,
    )
    try:
        await anyio.to_thread.run_sync(export, limiter=_limit())
        if done is not None:
            await done(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    remove = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(out, media_type="application/zip", filename=name, background=remove)


async def produce(make: "partial[Path]") -> Path | str:
    """The file, or why there is none."""
    try:
        return await anyio.to_thread.run_sync(make, limiter=_limit())
    except (AnyAnomalyError, NotImplementedError) as error:
        return str(error) or "Clips and stills are not there yet."


def file_response(produced: Path | str, media_type: str, name: str | None) -> Response:
    """The file, or the reason why there is none with status 404."""
    if isinstance(produced, str):
        return Response(produced, 404, media_type="text/plain", headers={"Cache-Control": "no-store"})
    return FileResponse(produced, media_type=media_type, filename=name, headers=_CACHED)
