"""The review pages inside Airflow: an entry in its navigation, and our application behind its login.

Airflow loads plugins in every process, tasks included. So nothing of ours is imported before the first page is asked
for, which only happens in the api-server.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from tasks.wiring.timetable import DaysOfFootage

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

PREFIX = "/anyanomaly"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ReviewPages:
    """The application, made when it is first asked for."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        async with self._making:
            if self._app is None:
                try:
                    self._app = await asyncio.to_thread(_make)
                except Exception:  # whatever it is, the rest of Airflow goes on, and the next request tries again
                    log.exception("The review pages cannot be shown")
                    return await _unavailable(send)
        await self._app(scope, receive, send)
        return None


class ReviewPlugin(AirflowPlugin):
    """What Airflow is told about it, and the timetable of `backfill_rule`, which it takes from plugins only."""

    name = "anyanomaly_review"
    timetables = [DaysOfFootage]  # noqa: RUF012
    fastapi_apps = [{"app": ReviewPages(), "url_prefix": PREFIX, "name": "AnyAnomaly review"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Review",
            # Without a slash in front: Airflow's page may lie below a path, and its base address says which.
            "href": f"{PREFIX.lstrip('/')}/queue",
            "destination": "nav",
            "url_route": "review",
            "nav_top_level": True,
            "icon": f"{PREFIX.lstrip('/')}/static/icon.svg",
            "icon_dark_mode": f"{PREFIX.lstrip('/')}/static/icon-dark.svg",
        }
    ]


async def _unavailable(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send(
        {"type": "http.response.body", "body": b"The review pages are not set up; the api-server's log says why."}
    )


def _make() -> "FastAPI":
    from anyanomaly_core.config import get_settings  # noqa: PLC0415  (see above)
    from anyanomaly_core.errors import ConfigurationError  # noqa: PLC0415
    from anyanomaly_core.results.migrate import open_database  # noqa: PLC0415
    from anyanomaly_core.review.app import create_app  # noqa: PLC0415
    from tasks.review_host import AirflowHost  # noqa: PLC0415

    settings = get_settings()
    if settings.review_database_url is None:
        raise ConfigurationError("The review pages need ANYANOMALY_REVIEW_DATABASE_URL; see docs/review.md.")
    engine = open_database(settings.review_database_url.get_secret_value(), pool_size=5)
    return create_app(AirflowHost(), engine, settings)
