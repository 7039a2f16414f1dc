"""What the pages are for, and their keys."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.review.access import Viewer
from anyanomaly_core.review.rendering import render_page

router = APIRouter()


@router.get("/help")
def explain(request: Request, visitor: Viewer) -> Response:
    """One page for everything."""
    return render_page(request, "help.jinja", visitor)
