"""Tokens that prove that a form came from our own page.

Airflow's cookie is ``SameSite=Lax``, so a browser does not send it with a form of another site. The token stands beside
that: a signature over the visitor's name and the day, which another site cannot read.
"""

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta

from starlette.requests import Request

FIELD = "csrf"


def make_token(key: bytes, name: str, day: date | None = None) -> str:
    """The token of a visitor on a day (UTC), 64 hex digits."""
    of = day or datetime.now(UTC).date()
    return hmac.new(key, f"anyanomaly review\0{name}\0{of}".encode(), hashlib.sha256).hexdigest()


def is_ours(request: Request, key: bytes, name: str, token: object) -> bool:
    """Whether a POST came from a page that this visitor was shown today or yesterday.

    ``Sec-Fetch-Site``, where the browser sends it, must not name another origin.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    today = datetime.now(UTC).date()
    days = (today, today - timedelta(days=1))
    given = token if isinstance(token, str) and token.isascii() else ""
    return any(hmac.compare_digest(make_token(key, name, day), given) for day in days)
