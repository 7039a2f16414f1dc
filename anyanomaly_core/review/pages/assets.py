"""Our style sheet, script and sign."""

from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse

router = APIRouter()
STATIC = Path(__file__).parents[1] / "static"
_TYPES = {"review.css": "text/css", "review.js": "text/javascript", "icon.svg": "image/svg+xml"}


@router.get("/static/{name}")
def asset(name: str) -> FileResponse:
    """One of the three files."""
    if name not in _TYPES:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(STATIC / name, media_type=_TYPES[name], headers={"Cache-Control": "private, max-age=60"})
