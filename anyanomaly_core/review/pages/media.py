"""Clips, stills and evidence bundles of events.

They are made two at a time, so that a page of fifty thumbnails takes neither all cores nor all threads of the host.
Starlette answers range requests, which players send.
"""

import shutil
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Annotated, cast
from uuid import UUID

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter, Form
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.review.access import Configuration, Database, Reviewer
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.clips.clip import event_clip
from anyanomaly_core.review.clips.stills import StillKind, event_still
from anyanomaly_core.review.evidence.export import export_evidence

router = APIRouter()
_AT_ONCE = 2
_CACHED = {"Cache-Control": "private, max-age=3600"}
_STILLS = {"thumbnail.jpg": "image/jpeg", "key.png": "image/png", "grid.png": "image/png", "attention.png": "image/png"}


@cache
def _limit() -> CapacityLimiter:
    return CapacityLimiter(_AT_ONCE)


@router.get("/event/{event_id}/clip.mp4")
async def clip(event_id: UUID, engine: Database, settings: Configuration, download: bool = False) -> Response:
    """The event's clip."""
    path = await _produce(partial(event_clip, engine, settings, event_id))
    return _file_response(path, "video/mp4", f"event-{event_id}.mp4" if download else None)


@router.get("/event/{event_id}/{name}")
async def still(event_id: UUID, name: str, engine: Database, settings: Configuration) -> Response:
    """A picture of the event."""
    if name not in _STILLS:
        return Response("There is no such picture.", 404, media_type="text/plain")
    kind = cast("StillKind", name.partition(".")[0])
    return _file_response(await _produce(partial(event_still, engine, settings, event_id, kind)), _STILLS[name], None)


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
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-evidence-"))
    out = folder / f"evidence-{event_id}.zip"
    export = partial(
        export_evidence,
        engine,
        settings,
        [event_id],
        out,
        exported_by=visitor.name,
        load_models=False,
        blur=blur or (),
        originals=originals,
    )
    try:
        await anyio.to_thread.run_sync(export, limiter=_limit())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    remove = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(out, media_type="application/zip", filename=out.name, background=remove)


async def _produce(make: "partial[Path]") -> Path | str:
    """The file, or why there is none."""
    try:
        return await anyio.to_thread.run_sync(make, limiter=_limit())
    except (AnyAnomalyError, NotImplementedError) as error:
        return str(error) or "Clips and stills are not there yet."


def _file_response(produced: Path | str, media_type: str, name: str | None) -> Response:
    if isinstance(produced, str):
        return Response(produced, 404, media_type="text/plain", headers={"Cache-Control": "no-store"})
    return FileResponse(produced, media_type=media_type, filename=name, headers=_CACHED)
