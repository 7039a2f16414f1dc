"""Questions to the index: noted first, with who, what and why, then answered; refused and noted without the right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import SearchRefusedError, StorageError

_NOTE = text("""
SELECT search_id, refusal
FROM note_search(:question, CAST(:query AS halfvec), :encoder_id, CAST(:cameras AS text[]), CAST(:first_day AS date),
    CAST(:last_day AS date), CAST(:case_number AS text), :searched_by, CAST(:refused AS text))""")
_RESULTS = text("SELECT * FROM search_results(:search_id, :most)")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is looked for, where, by whom and why."""

    question: str  # the sentence; or which picture or event
    searched_by: str
    case_number: str | None = None
    cameras: tuple[str, ...] | None = None  # ids; None: all
    first_day: date | None = None  # in each camera's own time zone
    last_day: date | None = None  # inclusive


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A segment, by its part that is most similar."""

    video_id: int
    segment_index: int
    camera: str
    started_at: datetime
    ended_at: datetime
    uri: str
    frame: int  # source frame number
    x0: int  # the part in a 240x240 frame
    y0: int
    x1: int
    y1: int
    similarity: float  # cosine; comparable within one search only


def note_search(
    engine: Engine,
    question: SearchRequest,
    encoder_id: int | None,
    query: NDArray[np.float32] | None,
    refused: str | None,
) -> int:
    """Note a search, in a transaction of its own; returns its id.

    Args:
        engine: of a user who may read results. Only writers, reviewers and the owner may search.
        question: what, where, who and why.
        encoder_id: that made the vector; None: it is refused before there is one.
        query: [d].
        refused: why it must not be answered; None: nothing speaks against it.

    Raises:
        SearchRefusedError: when it is refused, by the caller or by the database. It is noted all the same.
        StorageError: when it cannot be noted; then it is not answered either.
    """
    values: dict[str, Any] = {name: getattr(question, name) for name in SearchRequest.__slots__}
    values["cameras"] = None if question.cameras is None else list(question.cameras)
    values |= {"encoder_id": encoder_id, "refused": refused, "query": None if query is None else vector_text(query)}
    try:
        with engine.begin() as connection:
            search_id, refusal = connection.execute(_NOTE, values).one()
    except DBAPIError as error:
        raise StorageError(
            f"The search could not be noted, so it is not answered: {_database_message(error)}"
        ) from None
    if refusal is not None:
        raise SearchRefusedError(f"The search was refused and noted as number {search_id}: {refusal}.")
    return int(search_id)


def search_results(connection: Connection, search_id: int, most: int) -> list[FoundSegment]:
    """The segments that are most similar to a noted search, the best first.

    Raises:
        SearchRefusedError: when it was noted by somebody else, or refused.
    """
    try:
        rows = connection.execute(_RESULTS, {"search_id": search_id, "most": most}).mappings()
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) == "42501":
            raise SearchRefusedError(f"{_database_message(error)}.") from None
        raise
    return [FoundSegment(**row) for row in rows]


def event_vector(connection: Connection, event_id: UUID, encoder_id: int) -> NDArray[np.float32] | None:
    """[d] what the encoder sees at the peak of an event; None: its footage is not in the index."""
    query = text("SELECT CAST(vector_of_event(:event_id, :encoder_id) AS text)")
    found = connection.execute(query, {"event_id": event_id, "encoder_id": encoder_id}).scalar()
    return None if found is None else np.array(found.strip("[]").split(","), np.float32)


def newest_encoder_of_event(connection: Connection, event_id: UUID) -> int | None:
    """The encoder whose index has an event's video, the newest if several have; None: its video is in none."""
    query = text("""
        SELECT max(i.encoder_id) FROM events e JOIN indexed_videos i USING (video_id) WHERE e.event_id = :event_id""")
    return connection.execute(query, {"event_id": event_id}).scalar()


def vector_text(vector: Sequence[float] | NDArray[np.float32]) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{float(value):.6g}" for value in vector) + "]"


def _database_message(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
