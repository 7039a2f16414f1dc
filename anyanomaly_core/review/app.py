"""The review pages as a FastAPI application that a host mounts; ``tasks/review_plugin.py`` mounts it in Airflow.

Nothing is fetched from another host, nothing runs but our own script file, and no route answers without a login: the
whole application depends on it, whatever a route itself asks for.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
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
from anyanomaly_core.review.access import looking
from anyanomaly_core.review.host import Host
from anyanomaly_core.review.pages import day, event, media, queue, rules, runs
from anyanomaly_core.review.rendering import page

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_STATIC_TYPES = {"review.css": "text/css", "review.js": "text/javascript", "icon.svg": "image/svg+xml"}

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
        host: who looks, and how runs are started.
        engine: of a user with the reviewer's rights.
        settings: of the installation; clips and stills need them.
    """
    app = FastAPI(
        title="AnyAnomaly review", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(looking)]
    )
    app.state.host, app.state.engine, app.state.settings = host, engine, settings
    for module in (queue, event, media, day, rules, runs):
        app.include_router(module.router)
    app.get("/static/{name}")(static_file)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(AnyAnomalyError, _known_error)
    app.add_exception_handler(OperationalError, _no_database)
    return app


def static_file(name: str) -> FileResponse:
    """Our style sheet, script or icon."""
    if name not in _STATIC_TYPES:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(
        _STATIC / name, media_type=_STATIC_TYPES[name], headers={"Cache-Control": "private, max-age=60"}
    )


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    if error.status_code == 401:  # noqa: PLR2004
        after = quote(str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""), safe="")
        login = f"{request.app.state.host.login_path}?next={after}"
        return page(request, "error.jinja", status=401, title="Log in first", message="", login=login)
    title = "Not allowed" if error.status_code == 403 else "Not found"  # noqa: PLR2004
    return page(request, "error.jinja", status=error.status_code, title=title, message=str(error.detail), login="")


def _not_understood(request: Request, _error: Exception) -> Response:
    message = "The address or form is not one of ours."
    return page(request, "error.jinja", status=400, title="Not understood", message=message, login="")


def _known_error(request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, StorageError) and str(error).startswith("There is no") else 400
    return page(request, "error.jinja", status=status, title="That did not work", message=str(error), login="")


def _no_database(request: Request, error: Exception) -> Response:
    log.error("The results database does not answer: %s", type(error).__name__)
    message = "The results database does not answer. Nothing was changed; try again in a minute."
    return page(request, "error.jinja", status=503, title="No database", message=message, login="")
