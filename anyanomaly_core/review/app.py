"""The review pages as a FastAPI application that a host mounts; ``tasks/review_plugin.py`` mounts it in Airflow.

Nothing is loaded from another host, and no script runs but the files in ``static``. No route answers without a login:
the whole application depends on it, whatever a route itself asks for.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import AnyAnomalyError, StorageError
from anyanomaly_core.review.access import require_viewer
from anyanomaly_core.review.host import Host
from anyanomaly_core.review.pages import (
    alerts,
    cases,
    drafts,
    event,
    guide,
    media,
    queue,
    rules,
    runs,
    similar,
    timeline,
)
from anyanomaly_core.review.rendering import is_partial, render_page

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATIC_FILES = {
    path.relative_to(_STATIC).as_posix(): path for path in _STATIC.rglob("*") if path.suffix in _STATIC_TYPES
}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def create_app(host: Host, engine: Engine, settings: Settings) -> FastAPI:
    """The application.

    Args:
        host: knows who looks, and starts runs.
        engine: of a user with the reviewer's rights.
        settings: of the installation; clips and stills need them.
    """
    app = FastAPI(
        title="AnyAnomaly review",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(require_viewer)],
    )
    app.state.host, app.state.engine, app.state.settings = host, engine, settings
    for module in (queue, event, similar, media, timeline, cases, drafts, alerts, rules, runs, guide):
        app.include_router(module.router)
    app.get("/static/{name:path}")(static_file)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(HTTPException, _refusal_page)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(AnyAnomalyError, _known_error)
    app.add_exception_handler(OperationalError, _no_database)
    return app


def static_file(name: str) -> FileResponse:
    """A style sheet, script or icon: ours, or one of the vendored libraries."""
    if (path := _STATIC_FILES.get(name)) is None:
        raise HTTPException(404, "There is no such file.")
    keep = {"Cache-Control": "private, max-age=60"}
    return FileResponse(path, media_type=_STATIC_TYPES[path.suffix], headers=keep)


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refusal_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    if error.status_code == 401:  # noqa: PLR2004
        after = quote(str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""), safe="")
        login = f"{request.app.state.host.login_path}?next={after}"
        return _error_page(request, 401, "Log in first", "", login)
    title = "Not allowed" if error.status_code == 403 else "Not found"  # noqa: PLR2004
    return _error_page(request, error.status_code, title, str(error.detail))


def _not_understood(request: Request, _error: Exception) -> Response:
    return _error_page(request, 400, "Not understood", "The address or form is not one of ours.")


def _known_error(request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, StorageError) and str(error).startswith("There is no") else 400
    return _error_page(request, status, "That did not work", str(error))


def _no_database(request: Request, error: Exception) -> Response:
    log.error("The results database does not answer: %s", type(error).__name__)
    message = "The results database does not answer. Nothing was changed; try again in a minute."
    return _error_page(request, 503, "No database", message)


def _error_page(request: Request, status: int, title: str, message: str, login: str = "") -> Response:
    """A page, or where only a part of one was asked for, a message in the status bar of the page there is."""
    if is_partial(request):
        in_status_bar = {"HX-Retarget": "#status", "HX-Reswap": "outerHTML", "HX-Reselect": "#status"}
        values: dict[str, Any] = {"title": title, "message": message, "login": login}
        return render_page(request, "error_status.jinja", status=status, headers=in_status_bar, **values)
    return render_page(request, "error.jinja", status=status, title=title, message=message, login=login)
