"""The index and the questions to it, with a real encoder: what is found, who may ask, what is noted, what goes."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.archive.footage_index import load_index_encoder
from anyanomaly_core.archive.search import ArchiveSearch
from anyanomaly_core.archive.unit import profile_segments
from anyanomaly_core.config import get_settings
from anyanomaly_core.engine.batches import segment_batches
from anyanomaly_core.errors import ConfigurationError, FootageError, SearchRefusedError, StorageError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.catalog import load_video
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.searches import search_results
from tasks import index, ingest
from tests.conftest import TestDatabase
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY

GATE = f"gate/{DAY}/10-00-00.mp4"


@pytest.fixture
def indexed(world: World) -> World:
    for chunk in ingest.discover_files():
        ingest.register_files(chunk)
    parts = index.plan_index()
    summary = index.summarize_index(parts, [index.index_part(part) for part in parts])
    assert (summary["videos"], summary["segments"]) == (3, 16)  # of 8 frames: 5 + 4 + 7
    return world


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def stills(world: World, uri: str) -> list[Any]:
    """The middle frame of each segment of 8, as the encoder got it."""
    settings = get_settings()
    with world.engine.connect() as connection:
        query = text("SELECT video_id FROM videos WHERE uri = :uri")
        video = load_video(connection, connection.execute(query, {"uri": uri}).scalar_one())
    segments = profile_segments(world.engine, video, load_profile(settings.profile)).segments
    batches = segment_batches(world.archive / uri, segments, size=None, limits=Limits.of(settings))
    return [segment.images[len(segment.images) // 2] for batch in batches for segment in batch]


def test_a_picture_finds_its_frame_as_an_exact_comparison_with_every_frame_does(
    indexed: World, tmp_path: Path, owner_engine: Engine
) -> None:
    pictures = stills(indexed, GATE)
    Image.fromarray(pictures[3]).save(tmp_path / "crop.png")
    search = ArchiveSearch(indexed.engine, get_settings())
    answer = search.ask(image=tmp_path / "crop.png", person="ada", case_number="7/26")
    assert (answer.segments[0].uri, answer.segments[0].camera) == (GATE, "gate")
    assert answer.segments[0].similarity == pytest.approx(1, abs=2e-3)
    everything = rows(indexed.engine, "SELECT uri, segment_index FROM segments JOIN videos USING (video_id)")
    # These pictures move all the time: every segment is in the index, and found once.
    assert sorted((s.uri, s.segment_index) for s in answer.segments) == sorted(everything)
    similarities = [segment.similarity for segment in answer.segments]
    assert similarities == sorted(similarities, reverse=True)

    # By hand: the best of the vectors of each segment, in double precision.
    settings = get_settings()
    encoder = load_index_encoder(indexed.engine, load_profile(settings.profile), settings)
    query = encoder.model.encode_images([pictures[3]])[0]
    stored = rows(owner_engine, "SELECT video_id, segment_index, CAST(embedding AS text) FROM footage_vectors")
    best: dict[tuple[int, int], float] = {}
    for video, segment, vector in stored:
        alike = float(np.array(vector.strip("[]").split(","), np.float64) @ query.astype(np.float64))
        best[video, segment] = max(best.get((video, segment), -1), alike)
    found = {(s.video_id, s.segment_index): s.similarity for s in answer.segments}
    assert found == pytest.approx(best, abs=2e-3)
    noted = rows(owner_engine, "SELECT question, case_number, searched_by, database_user, refused FROM searches")
    assert [row[1:] for row in noted] == [("7/26", "ada", "scanner", None)]
    assert noted[0][0].startswith("picture crop.png, SHA-256 ")


def test_cameras_and_days_narrow_it_and_what_is_there_is_not_indexed_again(indexed: World) -> None:
    search = ArchiveSearch(indexed.engine, get_settings())
    day = date.fromisoformat(DAY)
    found = search.ask("a red suitcase", person="ada", cameras=["hall"], first_day=day, last_day=day).segments
    assert {segment.camera for segment in found} == {"hall"}
    assert len(found) == 9
    assert search.ask("a red suitcase", person="ada", last_day=date(2026, 2, 28)).segments == []
    assert len(search.ask("a red suitcase", person="ada", most=2).segments) == 2
    with pytest.raises(ConfigurationError, match="No camera is called 'hal'; did you mean 'hall'"):
        search.ask("a red suitcase", person="ada", cameras=["hal"])
    with pytest.raises(ConfigurationError, match="one thing"):
        search.ask(person="ada")
    assert index.plan_index() == []


def test_without_the_right_a_search_is_refused_and_noted_and_nobody_takes_answers_without_a_note(
    indexed: World, database: TestDatabase, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, reviewer = make_engine(database.url("reader")), make_engine(database.url("reviewer"))
    with pytest.raises(SearchRefusedError, match="reader may not search footage"):
        ArchiveSearch(reader, get_settings()).ask("a child", person="eve")
    with reader.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text("SELECT embedding FROM footage_vectors"))

    answer = ArchiveSearch(reviewer, get_settings()).ask("a red suitcase", person="bo")
    assert len(answer.segments) == 16
    with indexed.engine.connect() as connection, pytest.raises(SearchRefusedError, match="was not noted by scanner"):
        search_results(connection, answer.search_id, 10)
    with reviewer.connect() as connection:
        note = "SELECT search_id FROM note_search('q', '[1,0]', 1, NULL, NULL, NULL, NULL, 'bo')"
        noted = {"search": connection.execute(text(note)).scalar_one()}
        with pytest.raises(DBAPIError, match="commit the note"):
            connection.execute(text("SELECT * FROM search_results(:search)"), noted)

    monkeypatch.setenv("ANYANOMALY_SEARCH_NEEDS_CASE", "true")
    get_settings.cache_clear()
    with pytest.raises(SearchRefusedError, match="without a case number"):
        ArchiveSearch(reviewer, get_settings()).ask("a red suitcase", person="bo")
    told = rows(owner_engine, "SELECT searched_by, database_user, refused IS NOT NULL FROM searches ORDER BY search_id")
    assert told == [("eve", "reader", True), ("bo", "reviewer", False), ("bo", "reviewer", True)]
    with owner_engine.connect() as connection, pytest.raises(DBAPIError, match="never change"):
        connection.execute(text("DELETE FROM searches"))
    for engine in (reader, reviewer):
        engine.dispose()


def test_expired_footage_leaves_the_index_and_a_corrected_clock_or_another_mask_makes_it_wanted_again(
    indexed: World, owner_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE videos SET expired_at = now() WHERE uri = :uri"), {"uri": GATE})
    left = rows(owner_engine, "SELECT DISTINCT uri FROM footage_vectors JOIN videos USING (video_id)")
    assert {uri for (uri,) in left} == {f"hall/{DAY}/10-00-00.mp4", f"hall/{DAY}/11-00-00.mp4"}
    assert ArchiveSearch(indexed.engine, get_settings()).ask("x", person="ada", cameras=["gate"]).segments == []
    with owner_engine.begin() as connection:
        moved = "UPDATE videos SET recorded_at = recorded_at + interval '1 hour' WHERE uri LIKE '%10-00-00.mp4'"
        connection.execute(text(moved))
    [part] = index.plan_index()
    index.index_part(part)
    assert index.plan_index() == []
    masks = tmp_path / "masks.yaml"
    masks.write_text("cameras:\n  hall:\n    - rectangle: [0, 0, 0.5, 0.5]\n")
    monkeypatch.setenv("ANYANOMALY_PRIVACY_MASKS", str(masks))
    get_settings.cache_clear()
    assert [len(part["videos"]) for part in index.plan_index()] == [2]


def test_a_file_that_is_gone_a_picture_that_is_none_and_a_note_without_a_name_are_said(
    indexed: World, owner_engine: Engine, tmp_path: Path
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("DELETE FROM indexed_videos"))
    (indexed.archive / GATE).unlink()
    said = ""
    for part in index.plan_index():
        try:
            index.index_part(part)
        except FootageError as error:
            said += str(error)
    assert said.startswith(f"1 of 1 videos are not wholly indexed: {GATE}")
    (tmp_path / "no.png").write_bytes(b"no picture")
    search = ArchiveSearch(indexed.engine, get_settings())
    with pytest.raises(FootageError, match="is not a picture"):
        search.ask(image=tmp_path / "no.png", person="ada")
    with pytest.raises(StorageError, match="could not be noted, so it is not answered"):
        search.ask("a red suitcase", person=" ")
