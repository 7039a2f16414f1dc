"""What every route depends on: a visitor who may look, one who may judge, and forms that are our own."""

from typing import Annotated

from fastapi import Depends, Form, HTTPException
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import Engine
from starlette.requests import Request

from anyanomaly_core.config import Settings
from anyanomaly_core.review.host import Host, Visitor

FORM_HOURS = 36  # that a page's forms may be sent: until the evening after
_SALT = "anyanomaly review form"


def form_token(key: bytes, visitor_name: str) -> str:
    """A token that proves that a form came from a page which this visitor was shown.

    Airflow's cookie is ``SameSite=Lax``, so a browser does not send it with a form of another site. The token stands
    beside that: another site cannot read it.
    """
    return str(URLSafeTimedSerializer(key, salt=_SALT).dumps(visitor_name))


def is_own_form(request: Request, key: bytes, visitor_name: str, token: str) -> bool:
    """Whether the token is this visitor's and recent, and no other site sent the form, as far as the browser says."""
    if not is_same_site(request):
        return False
    try:
        name = URLSafeTimedSerializer(key, salt=_SALT).loads(token, max_age=FORM_HOURS * 3600)
    except BadData:
        return False
    return bool(name == visitor_name)


def is_same_site(request: Request) -> bool:
    """Whether no other site sent the visitor here, as far as the browser says."""
    return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


async def require_viewer(request: Request) -> Visitor:
    """The visitor, who may look; 401 without a login, 403 otherwise."""
    host: Host = request.app.state.host
    visitor = await host.visitor(request)
    if not visitor.may_look:
        raise HTTPException(403, "Your account may not see footage. Ask your administrator for a role that may.")
    return visitor


Viewer = Annotated[Visitor, Depends(require_viewer)]


async def require_own_form(request: Request, visitor: Viewer, csrf: Annotated[str, Form()] = "") -> Visitor:
    """The visitor who sent one of our forms."""
    if not is_own_form(request, request.app.state.host.csrf_key, visitor.name, csrf):
        raise HTTPException(403, "This form is too old or not ours. Go back, load the page again and repeat.")
    return visitor


FormSender = Annotated[Visitor, Depends(require_own_form)]


async def require_reviewer(visitor: FormSender) -> Visitor:
    """The visitor, who may give verdicts."""
    if not visitor.may_judge:
        raise HTTPException(403, "Your account may look but not give verdicts.")
    return visitor


Reviewer = Annotated[Visitor, Depends(require_reviewer)]


async def require_rule_writer(visitor: FormSender) -> Visitor:
    """The visitor, who may write rules and send test alerts."""
    if not visitor.may_write_rules:
        raise HTTPException(403, "Your account may not write rules or send test alerts. A role such as op may.")
    return visitor


RuleWriter = Annotated[Visitor, Depends(require_rule_writer)]


def results_engine(request: Request) -> Engine:
    """Engine of the results database, with the reviewer's rights."""
    engine: Engine = request.app.state.engine
    return engine


def installation_settings(request: Request) -> Settings:
    """Settings of the installation."""
    settings: Settings = request.app.state.settings
    return settings


Database = Annotated[Engine, Depends(results_engine)]
Configuration = Annotated[Settings, Depends(installation_settings)]
