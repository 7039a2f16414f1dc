"""All settings of one installation, read from the environment and checked at start.

The table in ``docs/configuration.md`` is generated from this class. Secrets (``database_url``,
``lvlm_api_key``) come from the environment or an Airflow connection, never from a file here.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PlainValidator, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.result_folder import ResultFolder, folder_or_bucket

FolderOrBucket = Annotated[ResultFolder, PlainValidator(folder_or_bucket)]
ParquetCodec = Literal["zstd", "snappy", "gzip", "brotli", "lz4", "none"]


class _Environment(BaseSettings):
    """Each setting is the environment variable ``ANYANOMALY_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="ANYANOMALY_", frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _no_url_for_a_folder(cls, value: object, info: ValidationInfo) -> object:
        """``Path("s3://bucket")`` would be a folder called ``s3:`` on this machine."""
        of_this_machine = {Path, Path | None}
        if (
            isinstance(value, str)
            and "://" in value
            and cls.model_fields[str(info.field_name)].annotation in of_this_machine
        ):
            raise ValueError(f"{value!r} is a URL, and this has to be a file or folder of this machine")
        return value


SomeSettings = TypeVar("SomeSettings", bound=_Environment)


class ModelSettings(_Environment):
    """Where models come from and what they run on."""

    state_dir: Path = Field(
        default_factory=lambda: Path.home() / ".cache" / "anyanomaly",
        description="Folder of caches, such as the hashes of model files.",
    )
    models_dir: Path | None = Field(default=None, description="Where profiles look for model directories by name.")
    device: str = Field(default="auto", description="torch device of the models: auto, cpu, cuda, cuda:1 ...")
    lvlm_base_url: str | None = Field(default=None, description="OpenAI-compatible server, before the profile's own.")
    lvlm_api_key: SecretStr | None = Field(default=None, description="Key for that server.")
    lvlm_patience_s: float = Field(
        default=300.0, ge=0, description="Seconds to wait for a model server that is away before a task fails."
    )


class DecodingSettings(_Environment):
    """What one decoding process may use."""

    decode_threads: int = Field(default=2, ge=1, description="Threads of one decoding process.")
    decode_memory_mb: int = Field(default=2048, ge=128, description="Address space of one decoding process.")
    decode_timeout_s: float = Field(
        default=120.0, gt=0, description="Seconds without a frame after which decoding is given up."
    )
    fps_without_clock: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Frames per second of files that state neither times nor a rate, such as bare MJPEG; none: 25 are "
        "assumed, and said.",
    )


class LibrarySettings(DecodingSettings, ModelSettings):
    """What scoring files takes; everything has a default."""


class DatabaseSettings(_Environment):
    """The results database, for the role the tasks use."""

    database_url: SecretStr = Field(description="SQLAlchemy URL of the results database, for the role the tasks use.")
    database_patience_s: float = Field(
        default=300.0, ge=0, description="Seconds to wait for a database that is away before a task fails."
    )


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone such as Europe/Berlin") from None


class LayoutSettings(_Environment):
    """How the names of footage are read: camera and recording time."""

    archive_layout: str = Field(
        default="{camera}/{date}/{time}.{ext}",
        description="How a path under the root states camera and recording time; see docs/footage.md.",
    )
    time_zone: str = Field(default="UTC", description="IANA time zone of times in paths and of new cameras.")
    camera_time_zones: dict[str, str] = Field(
        default={},
        description='Zones of cameras elsewhere, as JSON: `{"ny-*": "America/New_York"}`; the first that fits counts.',
    )
    repeated_hour: Literal["refuse", "earlier", "later", "modified"] = Field(
        default="refuse",
        description="A local time that comes twice when clocks are set back, where nothing says which it was: `refuse` "
        "it, take the `earlier` or `later`, or go by the file's time of change (`modified`).",
    )

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, value: str) -> str:
        _check_zone(value)
        return value

    @field_validator("camera_time_zones")
    @classmethod
    def _time_zones_exist(cls, value: dict[str, str]) -> dict[str, str]:
        for zone in value.values():
            _check_zone(zone)
        return value


class ArchiveSettings(LayoutSettings):
    """Where footage and results lie, and how they are read, kept and cleared away."""

    archive_root: str = Field(description="Where footage lies: a folder, or an fsspec URL such as s3://bucket/path.")
    clocks: Path | None = Field(
        default=None, description="YAML file of camera clocks that were wrong, and by how much; docs/footage.md."
    )
    recorded_at_default: Literal["refuse", "modified"] = Field(
        default="refuse",
        description="Footage whose recording time is stated nowhere: `refuse` it, or go by the file's time of change.",
    )
    settle_s: float = Field(
        default=5.0, ge=0, description="Files changed within so many seconds are still being written: next time."
    )
    footage_cache_mb: int = Field(default=20480, ge=1, description="Copies of footage from a bucket, in all.")
    parquet_root: FolderOrBucket = Field(
        description="Where Parquet files go: a folder, or the URL of a bucket; see docs/distributed.md."
    )
    parquet_compression: ParquetCodec = Field(default="zstd", description="Codec of the Parquet files.")
    state_dir: Path = Field(description="Folder for journals of unfinished units of work and for caches.")
    journal: Literal["folder", "database"] = Field(
        default="folder",
        description="Where unfinished units of work keep what is scored: in `state_dir`, or in the results `database`, "
        "where any host goes on with them; see docs/distributed.md.",
    )
    lease_s: float = Field(
        default=60.0,
        ge=1,
        description="Seconds without a sign of life after which another worker may take over a video.",
    )
    privacy_masks: Path | None = Field(
        default=None, description="YAML file of privacy masks by camera, black for models and people; docs/evidence.md."
    )
    alerts: Path | None = Field(
        default=None, description="YAML file of who is told of new events, and how; docs/alerts.md."
    )
    keep_embeddings: bool = Field(
        default=True, description="Keep what the encoder saw, so that a new rule on known footage encodes nothing."
    )
    embeddings_root: FolderOrBucket | None = Field(
        default=None,
        description="Where kept embeddings go: a folder, or the URL of a bucket; none: `embeddings` beside the folder "
        "of the Parquet files.",
    )
    maintenance_removes: bool = Field(
        default=False,
        description="Whether the weekly `maintain_archive` removes what is past its retention, or only lists it.",
    )

    @property
    def embeddings_folder(self) -> ResultFolder:
        """The folder in which embeddings are kept."""
        return self.embeddings_root or self.parquet_root.absolute().parent / "embeddings"


class ReviewSettings(_Environment):
    """What the review pages, evidence bundles and the morning report need."""

    review_database_url: SecretStr | None = Field(
        default=None, description="The same database as the user of the review pages; only the api-server needs it."
    )
    review_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Where browsers find the review pages, for links in the morning report, such as "
        "`https://airflow.example/anyanomaly`; none: as the file of alerts says.",
    )
    review_cache_mb: int = Field(
        default=4096, ge=1, description="Clips in all, and stills in all; also the longest clip."
    )
    clip_seconds: float = Field(
        default=600.0, ge=10, description="Longest clip of an event that is cut for looking at."
    )
    evidence_key: SecretStr | None = Field(
        default=None,
        description="Ed25519 private key (PEM) that signs evidence bundles; without one they are unsigned.",
    )
    evidence_key_file: Path | None = Field(default=None, description="The same key in a file; see docs/evidence.md.")
    evidence_tsa_url: str | None = Field(
        default=None, description="Address of an RFC 3161 time stamp authority; without one bundles bear no time stamp."
    )
    evidence_tsa_ca_file: Path | None = Field(
        default=None, description="PEM file of the authority's root and intermediate certificates."
    )
    report_to: str | None = Field(
        default=None,
        description="Addresses that get the morning report by mail, with commas; none: it is only written.",
    )
    report_from: str | None = Field(default=None, description="Sender of these mails; none: the connection's own.")
    report_connection: str = Field(
        default="smtp_default", description="Airflow connection of the mail server, for reports and failures."
    )
    failure_mail_to: str | None = Field(
        default=None,
        description="Addresses that get a mail when a run of one of the DAGs fails, with commas; none: nobody does.",
    )


class Settings(ReviewSettings, ArchiveSettings, DatabaseSettings, LibrarySettings):
    """Settings of one installation: all of the above, and what its runs go by.

    A function asks for the narrowest class that holds what it needs: scoring a file takes neither database nor archive.
    """

    rules_dir: Path | None = Field(
        default=None, description="Folder of rule files that `anyanomaly rules apply` takes when none is named."
    )
    evaluation_root: Path | None = Field(
        default=None, description="Folder that holds the labelled archives of the DAG `evaluate_scorer`."
    )
    profile: str = Field(default="demo", description="Profile of rules that name none: a built-in name or a YAML file.")
    search_needs_case: bool = Field(
        default=False, description="Whether a search of footage is refused without a case number."
    )
    unit_seconds: float = Field(
        default=600.0, gt=0, description="Seconds of footage in one scan task; short files share one."
    )
    stall_timeout_s: float = Field(
        default=7200.0,
        gt=0,
        description="Seconds without progress after which a task of Airflow ends itself and is tried again; waiting "
        "for a database or model server that is away does not count.",
    )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Settings of this process; raises ConfigurationError naming every variable that is wrong."""
    return read_settings(Settings)


def read_settings(kind: type[SomeSettings]) -> SomeSettings:
    """Settings of one kind from the environment; raises ConfigurationError naming every variable that is wrong."""
    try:
        return kind()
    except ValidationError as error:
        wrong = "; ".join(f"ANYANOMALY_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
    except SettingsError as error:  # such as JSON that is none
        wrong = f"{error}; it must be JSON"
    raise ConfigurationError(f"Configuration is not usable: {wrong}. See docs/configuration.md.")
