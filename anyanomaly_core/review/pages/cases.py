"""Cases: a list, one case, and what is done with it."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

import anyio
from fastapi import APIRouter, Form
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review import cases
from anyanomaly_core.review.access import Configuration, Database, Reviewer, Viewer
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.pages.media import send_bundle
from anyanomaly_core.review.queries.filters import Filters, Incident
from anyanomaly_core.review.queries.queue import member_ids
from anyanomaly_core.review.rendering import base_path, render_page

router = APIRouter()
NEW = "new"  # in place of a case's number


@router.get("/cases")
def all_cases(request: Request, visitor: Viewer, engine: Database) -> Response:
    """Every case, open ones first."""
    with engine.connect() as connection:
        found = cases.list_cases(connection)
    return render_page(request, "cases.jinja", visitor, cases=found)


@router.get("/cases/{case_id}")
def one_case(request: Request, visitor: Viewer, engine: Database, settings: Configuration, case_id: int) -> Response:
    """A case: its events, what was said and done."""
    with engine.connect() as connection:
        case = cases.load_case(connection, case_id)
        events = cases.load_events(connection, case_id)
        entries = cases.load_entries(connection, case_id)
    return render_page(
        request,
        "case.jinja",
        visitor,
        case=case,
        events=events,
        entries=entries,
        notices=sorted({event["notice"] for event in events if event["notice"]}),
        is_signed=settings.evidence_key is not None or settings.evidence_key_file is not None,
    )


@router.post("/cases")
def add(
    request: Request,
    visitor: Reviewer,
    engine: Database,
    event: Annotated[list[str] | None, Form()] = None,
    case: Annotated[str, Form()] = NEW,
    title: Annotated[str, Form()] = "",
    listed: Annotated[str, Form()] = "",
) -> Response:
    """Add the events of these incidents to a case, or open one with them."""
    events = _events(engine, [Incident.parse(stated) for stated in event or ()], listed)
    if case == NEW:
        case_id = cases.open_case(engine, title, events, author=visitor.name)
    else:
        case_id = _number(case)
        cases.add_events(engine, case_id, events, author=visitor.name)
    return _to_case(request, case_id)


@router.post("/cases/{case_id}/remove")
def remove(
    request: Request, visitor: Reviewer, engine: Database, case_id: int, event: Annotated[UUID, Form()]
) -> Response:
    """Take an event out."""
    cases.remove_event(engine, case_id, event, author=visitor.name)
    return _to_case(request, case_id)


@router.post("/cases/{case_id}/entry")
def write(
    request: Request,
    visitor: Reviewer,
    engine: Database,
    case_id: int,
    kind: Annotated[str, Form()],
    words: Annotated[str, Form()] = "",
) -> Response:
    """Comment, assign, hold, close or reopen."""
    if kind == "held":
        cases.hold_case(engine, case_id, words, author=visitor.name)
    elif kind in {"comment", "assigned", "closed", "reopened"}:
        cases.add_entry(engine, case_id, kind, words, author=visitor.name)  # type: ignore[arg-type]
    else:
        raise StorageError("A case can be commented on, assigned, held, closed or reopened.")
    return _to_case(request, case_id)


@router.post("/cases/{case_id}/evidence.zip")
async def evidence(
    visitor: Reviewer,
    case_id: int,
    engine: Database,
    settings: Configuration,
    blur: Annotated[list[BlurTarget] | None, Form()] = None,
    originals: Annotated[bool, Form()] = False,
) -> Response:
    """One signed bundle of all events of the case, which remembers its hash."""
    with engine.connect() as connection:
        cases.load_case(connection, case_id)
        events = [event["event_id"] for event in cases.load_events(connection, case_id)]
    if not events:
        raise StorageError("The case has no events; add some first.")

    def note(bundle: Path) -> None:
        with bundle.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        cases.add_entry(engine, case_id, "exported", f"SHA-256 {digest}", author=visitor.name)

    name = f"case-{case_id}.zip"
    return await send_bundle(
        engine,
        settings,
        events,
        name,
        exported_by=visitor.name,
        blur=blur or (),
        originals=originals,
        done=lambda bundle: anyio.to_thread.run_sync(partial(note, bundle)),
    )


def _events(engine: Engine, incidents: Sequence[Incident], listed: str) -> list[UUID]:
    filters = Filters.parse(dict(parse_qsl(listed)))
    with engine.connect() as connection:
        return list(dict.fromkeys(event for one in incidents for event in member_ids(connection, one, filters)))


def _number(stated: str) -> int:
    if not stated.isdecimal() or len(stated) > 18:  # noqa: PLR2004  (bigint)
        raise StorageError("There is no case of this number.")
    return int(stated)


def _to_case(request: Request, case_id: int) -> Response:
    return RedirectResponse(f"{base_path(request)}/cases/{case_id}", 303)
