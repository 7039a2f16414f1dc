"""What every route depends on: a visitor who may look, one who may judge, and forms that are our own."""

from typing import Annotated

from fastapi import Depends, Form, HTTPException
from sqlalchemy import Engine
from starlette.requests import Request

from anyanomaly_core.config import Settings
from anyanomaly_core.review.csrf import is_ours
from anyanomaly_core.review.host import Host, Visitor


async def looking(request: Request) -> Visitor:
    """The visitor, who may look; 401 without a login, 403 otherwise."""
    host: Host = request.app.state.host
    visitor = await host.visitor(request)
    if not visitor.may_look:
        raise HTTPException(403, "Your account may not see footage. Ask your administrator for a role that may.")
    return visitor


Looking = Annotated[Visitor, Depends(looking)]


async def posting(request: Request, visitor: Looking, csrf: Annotated[str, Form()] = "") -> Visitor:
    """The visitor who sent one of our forms."""
    if not is_ours(request, request.app.state.host.csrf_key, visitor.name, csrf):
        raise HTTPException(403, "This form is too old or not ours. Go back, load the page again and repeat.")
    return visitor


Posting = Annotated[Visitor, Depends(posting)]


async def judging(visitor: Posting) -> Visitor:
    """The visitor, who may give verdicts."""
    if not visitor.may_judge:
        raise HTTPException(403, "Your account may look but not give verdicts.")
    return visitor


Judging = Annotated[Visitor, Depends(judging)]


def database(request: Request) -> Engine:
    """Engine of the results database, with the reviewer's rights."""
    engine: Engine = request.app.state.engine
    return engine


def configuration(request: Request) -> Settings:
    """Settings of the installation."""
    settings: Settings = request.app.state.settings
    return settings


Database = Annotated[Engine, Depends(database)]
Configuration = Annotated[Settings, Depends(configuration)]
