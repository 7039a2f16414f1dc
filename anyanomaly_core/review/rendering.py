"""Templates and how values look in them. Everything in HTML is escaped; there is no exception."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from anyanomaly_core.display import display_text
from anyanomaly_core.review.access import form_token
from anyanomaly_core.review.host import Visitor

VERDICT_WORDS = {"real": "yes", "false_alarm": "no", "unsure": "unsure"}


@cache
def environment() -> Environment:
    """The templates of the package."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, disabled_extensions=("txt.jinja",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "display": display_text,
        "score": lambda value: "–" if value is None else f"{value:.2f}",
        "seconds": format_seconds,
        "percent": lambda value: "–" if value is None else f"{100 * value:.0f} %",
        "moment": lambda value: "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}",
        "day_clock": lambda value: "–" if value is None else f"{value:%a %d %b %H:%M:%S}",
        "clock": lambda value: "–" if value is None else f"{value:%H:%M:%S}",
        "ago": format_age,
        "at_zone": at_zone,
        "json": lambda value: json.dumps(value, allow_nan=False, separators=(",", ":")),
    }
    templates.globals |= {"verdict_words": VERDICT_WORDS}
    return templates


def render_page(
    request: Request,
    name: str,
    visitor: Visitor | None = None,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """A page, or a part of one, with what every template needs: where we are, who looks, the token for forms."""
    key: bytes = request.app.state.host.csrf_key
    values |= {
        "base": base_path(request),
        "visitor": visitor,
        "csrf": form_token(key, visitor.name) if visitor else "",
        "here": request.url.path,
        "logout": request.app.state.host.logout_path,
        "installation": request.app.state.host.installation or Path(request.app.state.settings.archive_root).name,
    }
    content = environment().get_template(name).render(values)
    return HTMLResponse(content, status_code=status, headers=headers)


def base_path(request: Request) -> str:
    """Where the application lies on its host, without a slash at the end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of a page, to put it in place without loading the page again."""
    return "hx-request" in request.headers


def format_seconds(value: float | None) -> str:
    """A length of time for people."""
    if value is None:
        return "–"
    if value < 60:  # noqa: PLR2004  (a minute)
        return f"{value:.1f}\u00a0s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}\u00a0h {minutes:02}\u00a0min" if hours else f"{minutes}\u00a0min {rest:02}\u00a0s"


def format_age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago a moment was, in the largest unit that fits."""
    if moment is None:
        return "–"
    passed = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if passed >= size:
            return f"{passed / size:.0f} {unit} ago"
    return "just now"


def at_zone(moment: str, zone: str) -> str:
    """An ISO 8601 moment on the clock of a time zone, to the millisecond."""
    return local_time(datetime.fromisoformat(moment), zone).isoformat(timespec="milliseconds")


def local_time(moment: datetime, zone: str) -> datetime:
    """A moment on the clock of a time zone."""
    return moment.astimezone(ZoneInfo(zone))
