"""Results without a shared disk: Parquet files and embeddings in a bucket, once each, whatever happens."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
import s3fs
from upath import UPath

from anyanomaly_core.archive.clocks import correct_clocks
from anyanomaly_core.archive.maintenance import maintain
from anyanomaly_core.config import get_settings
from anyanomaly_core.embedded.distributed import examine_fleet
from anyanomaly_core.embedded.machine import MachinePart
from anyanomaly_core.errors import StorageError
from anyanomaly_core.result_folder import get, put
from tasks import scan
from tests.distributed.s3 import S3Server
from tests.integration.archive.conftest import World, profile, world
from tests.integration.archive.test_scan import FRAMES, as_xcom, ingest_all, rows, scan_all

__all__ = ["profile", "world"]  # fixtures


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server().running() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The world's results in a bucket of their own; its state folder stays on this machine."""
    del world  # its settings are changed here
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    name = f"results-{time.time_ns()}"
    s3.client().create_bucket(Bucket=name)
    monkeypatch.setenv("ANYANOMALY_PARQUET_ROOT", f"s3://{name}/parquet")
    monkeypatch.setenv("ANYANOMALY_JOURNAL", "database")
    s3fs.S3FileSystem.clear_instance_cache()
    fsspec.config.conf.clear()
    get_settings.cache_clear()
    yield name
    get_settings.cache_clear()


def noted(world: World) -> list[str]:
    files = "SELECT 'parquet/' || name FROM units, unnest(parquet_files) name ORDER BY 1"
    return [name for (name,) in rows(world.engine, files)]


def test_scan_rescan_clocks_retention(
    bucket: str, s3: S3Server, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(world)
    assert scan_all(as_xcom(scan.plan_units()))["rows_scored"] == 32
    files = [name for name in s3.names(bucket) if name.startswith("parquet/")]
    assert len(files) == 3 * 2 * 2
    assert files == noted(world), "each once, and the ledger knows its name"
    frames = 0
    for name in files:
        if "/frame_scores/" in name:
            with UPath(f"s3://{bucket}/{name}").open("rb") as file:
                frames += pq.ParquetFile(file).metadata.num_rows
    assert frames == 2 * sum(FRAMES.values())
    assert any(name.startswith("embeddings/") for name in s3.names(bucket))
    assert not list(get_settings().state_dir.glob(".embeddings-*"))
    assert maintain(world.engine, get_settings(), apply=True, min_age_s=0).files == [], "all of it is wanted"

    # A late try put its file and was refused by the commit; another left a part of kept embeddings.
    orphan = files[0].replace(".parquet", "")[:-16] + "0123456789abcdef.parquet"
    s3.client().put_object(Bucket=bucket, Key=orphan, Body=b"late")
    assert maintain(world.engine, get_settings(), apply=True, min_age_s=3600).files == [], "a commit may be under way"
    gone = maintain(world.engine, get_settings(), apply=True, min_age_s=0).files
    assert [str(file.path) for file in gone] == [f"s3://{bucket}/{orphan}"]
    assert [name for name in s3.names(bucket) if name.startswith("parquet/")] == files

    clocks = tmp_path / "clocks.yaml"
    clocks.write_text("clocks:\n  - {camera: hall, add: -11 h}\n")
    monkeypatch.setenv("ANYANOMALY_CLOCKS", str(clocks))
    get_settings.cache_clear()
    assert len(correct_clocks(world.engine, get_settings())) == 2
    moved = [name for name in s3.names(bucket) if name.startswith("parquet/")]
    assert moved == noted(world)
    assert sum("camera=hall" in name for name in moved) == 8
    assert not {name for name in moved if "camera=hall" in name} & set(files), "the old objects are gone"


def test_a_bucket_that_refuses_for_a_while_is_waited_for(
    bucket: str, s3: S3Server, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ingest_all(world)
    unit = next(unit for unit in as_xcom(scan.plan_units()) if unit["name"].startswith("gate"))
    s3.refusing, s3.refused = True, 0
    back = threading.Timer(8, setattr, (s3, "refusing", False))
    back.start()
    try:
        assert scan.scan_unit(unit)["counts"]["videos"] == 1
    finally:
        s3.refusing = False
        back.cancel()
    assert s3.refused > 1
    assert [name for name in s3.names(bucket) if name.startswith("parquet/")] == noted(world)
    assert rows(world.engine, "SELECT DISTINCT attempts FROM units") == [(1,)]
    assert "test" not in {record.getMessage() for record in caplog.records}


def test_no_bucket_is_said_at_once(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").write_bytes(b"1")
    began = time.monotonic()
    with pytest.raises(StorageError, match=r"s3://nowhere/x could not be written: .*Check address"):
        put(tmp_path / "here", UPath("s3://nowhere/x"))
    with pytest.raises(StorageError, match="could not be read"):
        get(UPath("s3://nowhere/x"), tmp_path / "there")
    assert time.monotonic() - began < 20


def test_doctor_says_what_hosts_do_not_share(bucket: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "planted-4a1f"
    variables = {
        "AIRFLOW__API_AUTH__JWT_SECRET": secret,
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "3600",
    }
    found = {part.what: part for part in examine_fleet(get_settings(), world.engine, variables)}
    assert found["results"] == MachinePart("results", f"s3://{bucket}/parquet: written, read, removed")
    assert {what for what, part in found.items() if part.problem} == {
        "key of stored connections",
        "Airflow's database",
        "visibility of tasks",
    }
    assert found["celery"].found == "5.6.3"
    assert secret not in str(found)
    monkeypatch.setenv("ANYANOMALY_PARQUET_ROOT", "s3://nowhere/parquet")
    monkeypatch.setenv("ANYANOMALY_JOURNAL", "folder")
    get_settings.cache_clear()
    worse = {part.what: part.problem for part in examine_fleet(get_settings(), world.engine, variables)}
    assert "s3://nowhere/parquet" in str(worse["results"])
    assert "ANYANOMALY_JOURNAL=database" in str(worse["journal"])
