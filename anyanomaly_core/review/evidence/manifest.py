"""The manifest of an evidence bundle: its contents, their source, who exported them, and the hash of every file."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from anyanomaly_core.review.blurring.detector import BlurTarget

MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public-key.pem"
README, SUMS, TIMESTAMP = "README.txt", "SHA256SUMS", "SHA256SUMS.tsr"
# One folder level deep and plain characters: a name can neither leave a folder nor look like another.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,3}$"
Revealed = Literal["blurred areas", "masked areas"]
_Hash = Field(pattern="^[0-9a-f]{64}$")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ListedFile(_Strict):
    """A file of the bundle."""

    name: str = Field(pattern=NAME)
    size: int = Field(ge=0)
    sha256: str = _Hash


BLUR_LIMITS: Mapping[BlurTarget, str] = {
    "faces": (
        "It misses faces, above all small, turned, dark and hidden ones. Persons can also be recognised by other "
        "features."
    ),
    "plates": (
        "It looks for text, so that signs and the recorder's clock are blurred too. It misses number plates, above "
        "all small, blurred and slanted ones."
    ),
}
CHECK_EVERY_FRAME = "The blurred places were found by a program. Look at every frame before you hand this on."


class BlurReport(_Strict):
    """How faces or number plates in an event's clip and stills were blurred."""

    targets: tuple[BlurTarget, ...] = Field(strict=False, min_length=1)
    detector: str
    frames: int  # of the clip
    frames_examined: int  # boxes in the others are interpolated
    frames_with_detections: int  # of those examined
    frames_blurred: int
    hold_s: float  # that a blur begins before the first detection and stays after the last one
    warning: str


class OriginalPackets(_Strict):
    """The camera's own packets of an event, from key frame to key frame, neither decoded nor encoded."""

    file: str = Field(pattern=NAME)  # in the event's folder
    container: str
    packets: int
    key_frames: int
    begin_at: str | None  # UTC; None: a bare stream states no times
    end_at: str | None
    reveals: tuple[Revealed, ...] = Field(strict=False)  # that the clip hides


class TimestampEntry(_Strict):
    """A time stamp over SHA256SUMS."""

    moment: str
    authority: str


class ListedEvent(_Strict):
    """An event of the bundle, and the original file it was filmed in."""

    event_id: str
    folder: str = Field(pattern=NAME)
    rule: str
    version: int
    camera: str
    time_zone: str
    started_at: str
    ended_at: str
    source_file: str
    source_sha256: str = _Hash
    blurred: BlurReport | None = None
    original_packets: OriginalPackets | None = None


class Manifest(_Strict):
    """As ``manifest.json``."""

    format: Literal["anyanomaly-evidence/1"] = "anyanomaly-evidence/1"
    made_with: str
    exported_by: str
    exported_at: str
    signed_with: str | None  # fingerprint of the key; None: the bundle is not signed
    time_stamp: TimestampEntry | None = None
    events: tuple[ListedEvent, ...] = Field(strict=False)
    files: tuple[ListedFile, ...] = Field(strict=False)

    def encoded(self) -> bytes:
        """The bytes that are signed."""
        return (json.dumps(self.model_dump(), indent=1, ensure_ascii=False) + "\n").encode()


def sums(files: Iterable[ListedFile]) -> bytes:
    """SHA256SUMS of these files but itself and its time stamp, as ``sha256sum --check`` reads it."""
    listed = sorted((file for file in files if file.name not in {SUMS, TIMESTAMP}), key=lambda file: file.name)
    return "".join(f"{file.sha256}  {file.name}\n" for file in listed).encode()


def order(names: Iterable[str]) -> list[str]:
    """The files of a bundle in the order in which they follow each other."""
    first = (MANIFEST, SIGNATURE)
    return sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name))


def utc(moment: datetime) -> str:
    """An aware UTC moment as text, to the microsecond."""
    return moment.isoformat(timespec="microseconds")
