from collections.abc import Iterator
from pathlib import Path

import pytest

from anyanomaly_core.results.engine import make_engine
from tests.conftest import TestDatabase
from tests.integration.review.kept_footage import Kept, keep


@pytest.fixture(scope="module")
def kept(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One archive with one event for the tests of a file."""
    engine = make_engine(module_database.url(), pool_size=8)
    yield keep(engine, tmp_path_factory.mktemp("kept"))
    engine.dispose()


@pytest.fixture
def own(database: TestDatabase, tmp_path: Path) -> Iterator[Kept]:
    """An archive of the test's own, to be changed."""
    engine = make_engine(database.url(), pool_size=8)
    yield keep(engine, tmp_path)
    engine.dispose()
