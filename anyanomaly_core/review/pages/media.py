"""Clips and stills of events.

They are made a few at a time, so that a page of fifty thumbnails takes neither all cores nor all threads of the host.
Starlette answers ranges, which players ask for.
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
from anyanomaly_core.review.access import Configuration, Database, Judging
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.clips.clip import event_clip
from anyanomaly_core.review.clips.stills import StillKind, event_still
from anyanomaly_core.review.evidence.export import export_evidence

router = APIRouter()
AT_A_TIME = 2
_KEEP = {"Cache-Control": "private, max-age=3600"}
_STILLS = {"thumbnail.jpg": "image/jpeg", "key.png": "image/png", "grid.png": "image/png", "attention.png": "image/png"}


@cache
def _limit() -> CapacityLimiter:
    return CapacityLimiter(AT_A_TIME)


@router.get("/event/{event_id}/clip.mp4")
async def clip(event_id: UUID, engine: Database, settings: Configuration, download: bool = False) -> Response:
    """The event's clip."""
    path = await _made(partial(event_clip, engine, settings, event_id))
    return _sent(path, "video/mp4", f"event-{event_id}.mp4" if download else None)


@router.get("/event/{event_id}/{name}")
async def still(event_id: UUID, name: str, engine: Database, settings: Configuration) -> Response:
    """A picture of the event."""
    if name not in _STILLS:
        return Response("There is no such picture.", 404, media_type="text/plain")
    kind = cast("StillKind", name.partition(".")[0])
    return _sent(await _made(partial(event_still, engine, settings, event_id, kind)), _STILLS[name], None)


@router.post("/event/{event_id}/evidence.zip")
async def evidence(
    visitor: Judging,
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


async def _made(make: "partial[Path]") -> Path | str:
    """The file, or why there is none."""
    try:
        return await anyio.to_thread.run_sync(make, limiter=_limit())
    except (AnyAnomalyError, NotImplementedError) as error:
        return str(error) or "Clips and stills are not there yet."


def _sent(made: Path | str, media_type: str, name: str | None) -> Response:
    if isinstance(made, str):
        return Response(made, 404, media_type="text/plain", headers={"Cache-Control": "no-store"})
    return FileResponse(made, media_type=media_type, filename=name, headers=_KEEP)
