"""A question to the whole archive: a sentence, a picture or an event, compared with what the encoder saw everywhere.

The encoder ranks; whether a segment shows what was asked for, a person or the language model says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import UnidentifiedImageError
from sqlalchemy import Engine

from anyanomaly_core.archive.missing import FootageSelection
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.models.protocols import Image
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.names import require_cameras
from anyanomaly_core.results.searches import (
    FoundSegment,
    SearchRequest,
    event_vector,
    newest_encoder_of_event,
    note_search,
    search_results,
)
from anyanomaly_core.results.vector_store import find_encoder
from anyanomaly_core.scoring.encoding import round_to_stored
from anyanomaly_core.scoring.prompts import clean_text

_MOST_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What a search found; its number is that of the note in the table ``searches``."""

    search_id: int
    segments: list[FoundSegment]


class ArchiveSearch:
    """Searches an archive; the encoder is loaded once.

    Example:
        search = ArchiveSearch(engine, settings)
        answer = search.ask("a red suitcase", person="ada", case_number="2026/114", cameras=["hall-*"])
        for segment in answer.segments:
            print(segment.camera, segment.started_at, segment.similarity)

    Args:
        engine: of a user who may search: of the tasks, of the review pages, or the owner.
        settings: of the installation.
        profile: whose encoder made the index; empty: the installation's.

    Raises:
        ModelError: when the encoder is not to be had.
        FootageError: when nothing was indexed with it.
    """

    def __init__(self, engine: Engine, settings: Settings, profile: str = "") -> None:
        self._engine, self._settings = engine, settings
        chosen = load_profile(profile or settings.profile)
        self._model = load_encoder(chosen, settings)
        with engine.connect() as connection:
            stored = find_encoder(connection, chosen, self._model.revision)
        if stored is None:
            raise FootageError(
                f"The index holds nothing that the encoder of {chosen.name} has seen. `anyanomaly index`, or the DAG "
                "index_archive, puts footage into it."
            )
        self._encoder_id = stored.encoder_id

    def ask(
        self,
        sentence: str | None = None,
        *,
        image: Path | None = None,
        like_event: UUID | None = None,
        cameras: Sequence[str] = (),
        first_day: date | None = None,
        last_day: date | None = None,
        person: str,
        case_number: str | None = None,
        most: int = 100,
    ) -> SearchAnswer:
        """The segments most similar to a sentence, a picture or an event, the best first; noted before it is answered.

        Args:
            sentence: in the language that the encoder was trained on.
            image: a picture file, such as a crop of a still.
            like_event: an event of the archive; what is there at its peak is looked for.
            cameras: ids or patterns; none: all.
            first_day: of footage, in each camera's time zone.
            last_day: likewise, inclusive.
            person: who searches; kept on record.
            case_number: why; kept on record.
            most: so many segments.

        Raises:
            SearchRefusedError: without the right, or without a case number where one is required. It is noted.
            ConfigurationError: when not exactly one of sentence, image and event is given, or there is no such camera.
            FootageError: when the picture cannot be read, or the event's footage is not in the index.
            RuleError: when the sentence is empty or too long, or the days are the wrong way round.
        """
        if sum(given is not None for given in (sentence, image, like_event)) != 1:
            raise ConfigurationError("Search for one thing: a sentence, a picture or an event.")
        FootageSelection.parse(first_day=_day(first_day), last_day=_day(last_day))
        with self._engine.connect() as connection:
            ids = tuple(require_cameras(connection, cameras)) if cameras else None
        asked, query = self._vector(sentence, image, like_event)
        question = SearchRequest(asked, person, case_number or None, ids, first_day, last_day)
        return _answer(self._engine, self._settings, question, encoder_id=self._encoder_id, query=query, most=most)

    def _vector(
        self, sentence: str | None, image: Path | None, like_event: UUID | None
    ) -> tuple[str, NDArray[np.float32]]:
        """The question in words, for the note, and [d]."""
        if sentence is not None:
            text = clean_text(sentence)
            return text, self._model.encode_texts([text])[0]
        if image is not None:
            picture = read_picture(image)
            row = round_to_stored(self._model.encode_images([picture]))[0]
            return f"picture {image.name}, SHA-256 {sha256(image)}", row
        if like_event is None:
            raise ConfigurationError("Search for one thing: a sentence, a picture or an event.")
        with self._engine.connect() as connection:
            found = event_vector(connection, like_event, self._encoder_id)
        if found is None:
            raise _not_indexed(like_event)
        return f"like event {like_event}", found


def search_like_event(
    engine: Engine, settings: Settings, event_id: UUID, *, person: str, case_number: str | None = None, most: int = 100
) -> SearchAnswer:
    """As :meth:`ArchiveSearch.ask` with ``like_event``, over the index that holds the event; no model is loaded.

    Raises:
        SearchRefusedError: as ``ask``.
        FootageError: the event's footage is not in an index.
    """
    with engine.connect() as connection:
        encoder_id = newest_encoder_of_event(connection, event_id)
        query = None if encoder_id is None else event_vector(connection, event_id, encoder_id)
    if encoder_id is None or query is None:
        raise _not_indexed(event_id)
    question = SearchRequest(f"like event {event_id}", person, case_number or None)
    return _answer(engine, settings, question, encoder_id=encoder_id, query=query, most=most)


def _answer(
    engine: Engine,
    settings: Settings,
    request: SearchRequest,
    *,
    encoder_id: int,
    query: NDArray[np.float32],
    most: int,
) -> SearchAnswer:
    """The answer to a question, which is noted first."""
    refused = None
    if settings.search_needs_case and request.case_number is None:
        refused = "this installation answers no search without a case number"
    search_id = note_search(engine, request, encoder_id, query, refused)
    with engine.connect() as connection:
        return SearchAnswer(search_id, search_results(connection, search_id, most))


def _not_indexed(event_id: UUID) -> FootageError:
    return FootageError(f"The footage of event {event_id} is not in the index; `anyanomaly index` puts it there.")


def read_picture(path: Path) -> Image:
    """A picture file as RGB.

    Raises:
        FootageError: when it is none, or larger than 50 megapixels.
    """
    try:
        with PilImage.open(path, formats=("PNG", "JPEG", "WEBP", "BMP")) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise FootageError(f"{path} has more than 50 megapixels; crop it to what you look for.")
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, ValueError, PilImage.DecompressionBombError) as error:
        raise FootageError(f"{path} is not a picture (PNG, JPEG, WebP or BMP) that can be read: {error}") from None


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
