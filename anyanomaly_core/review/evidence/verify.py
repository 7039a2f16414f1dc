"""Checks an evidence bundle: what was changed, added, removed or renamed in it, and whose signature it bears.

The file may come from anybody. Nothing is unpacked, names are checked before they are used or shown, and only stored
(uncompressed) contents are read, so that no entry can claim to be longer than the file.
"""

import hashlib
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import Certificate
from pydantic import ValidationError

from anyanomaly_core.display import display_text
from anyanomaly_core.errors import TimestampError
from anyanomaly_core.review.evidence import signing
from anyanomaly_core.review.evidence.manifest import (
    MANIFEST,
    NAME,
    PUBLIC_KEY,
    SIGNATURE,
    SUMS,
    TIMESTAMP,
    Manifest,
    order,
    sums,
    utc,
)
from anyanomaly_core.review.evidence.timestamps import Timestamp, read_timestamp
from anyanomaly_core.review.evidence.zip_format import Entry, has_no_other_bytes

_MAX_ENTRIES = 65_535
_MAX_READ = 64 << 20  # bytes
_SIGNATURE_BYTES = 64
_CHUNK = 1 << 20
_NAME_CHARACTERS = 120
_BROKEN = (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, struct.error)


@dataclass(slots=True)
class Verification:
    """The result of a check. The bundle is intact when ``problems`` is empty."""

    problems: list[str] = field(default_factory=list)
    manifest: Manifest | None = None
    fingerprint: str | None = None  # of the key whose signature is valid; None: not signed, or not valid
    key_is_trusted: bool = False  # that key was given to the check, so it is known whose it is
    time_stamp: Timestamp | None = None  # over everything in the bundle
    authority_is_trusted: bool = False  # its certificates were given to the check


def verify(path: Path, *, key: Ed25519PublicKey | None = None, authority: Sequence[Certificate] = ()) -> Verification:
    """Check a bundle.

    Args:
        path: of the file.
        key: of whoever is said to have exported it, from a source one trusts. The bundle must be signed with it.
            None: the signature is checked with the key in the bundle, which shows that the bundle is complete and
            unchanged but not who made it.
        authority: certificates of the time stamp authority, from a source one trusts. The bundle must bear its time
            stamp. None: what a time stamp states is reported but not checked.
    """
    result = Verification()
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        result.problems.append(f"The file is no ZIP, or its directory is damaged: {error}.")
        return result
    with archive:
        infos = archive.infolist()
        result.problems += _refusals(path, infos)
        if result.problems:
            return result
        contents = {info.filename: info for info in infos}
        if MANIFEST not in contents:
            result.problems.append(f"Removed: {MANIFEST}. Without it nothing can be checked.")
            return result
        encoded = _read(archive, contents[MANIFEST])
        result.manifest = _manifest(encoded, result.problems)
        if result.manifest is not None:
            result.problems += _signature_problems(archive, contents, encoded, result, key)
            result.problems += _file_problems(archive, contents, result.manifest)
            result.problems += _time_stamp_problems(archive, contents, result, authority)
            if not result.problems and list(contents) != order(contents):
                result.problems.append(
                    "The files are in another order than they were exported in; the bundle was packed anew."
                )
    entries = [Entry(info.filename, info.file_size, info.CRC) for info in infos]
    if not has_no_other_bytes(path, entries):
        result.problems.append(
            "Bytes outside the files were changed, or the bundle was packed anew by another program."
        )
    return result


def _refusals(path: Path, infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Why the contents are not read at all."""
    if len(infos) > _MAX_ENTRIES:
        return [f"It has {len(infos):,} entries, more than any bundle."]
    problems = []
    for info in infos:
        name = _quote(info.filename)
        if re.fullmatch(NAME, info.filename) is None or info.filename != info.orig_filename:
            problems.append(f"Refused: the entry {name} has a name that no bundle uses; it could lead out of a folder.")
        elif info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
            problems.append(f"Refused: the entry {name} is compressed or locked; no bundle has such entries.")
    if sum(info.file_size for info in infos) > path.stat().st_size:
        problems.append("Refused: its files are together longer than the file itself.")
    twice = [name for name, count in Counter(info.filename for info in infos).items() if count > 1]
    return problems[:20] + [f"Refused: {_quote(name)} is there more than once." for name in twice[:20]]


def _manifest(encoded: bytes | None, problems: list[str]) -> Manifest | None:
    if encoded is None:
        problems.append(f"Changed: {MANIFEST} cannot be read.")
        return None
    try:
        return Manifest.model_validate_json(encoded)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "as a whole"
        problems.append(
            f"Changed: {MANIFEST} is not as it is written: {display_text(where, _NAME_CHARACTERS)}: {first['msg']}."
        )
        return None


def _signature_problems(
    archive: zipfile.ZipFile,
    contents: dict[str, zipfile.ZipInfo],
    encoded: bytes | None,
    result: Verification,
    key: Ed25519PublicKey | None,
) -> list[str]:
    stated = None if result.manifest is None else result.manifest.signed_with
    if stated is None:
        return [] if key is None else ["The bundle is not signed, so it is not signed with the key given either."]
    signature = _read(archive, contents[SIGNATURE]) if SIGNATURE in contents else None
    if signature is None or len(signature) != _SIGNATURE_BYTES:
        return [f"{SIGNATURE} was removed or damaged; the manifest says that the bundle was signed with {stated}."]
    public = key or _public(archive, contents)
    if public is None:
        return [f"Changed: {PUBLIC_KEY} holds no key; give the exporter's with --key."]
    if not signing.is_valid(public, signature, encoded or b""):
        why = f"{MANIFEST} or {SIGNATURE} was changed, or another key than {signing.fingerprint(public)} signed it"
        return [f"The signature is not valid: {why}."]
    if signing.fingerprint(public) != stated:
        return [f"The signature is of {signing.fingerprint(public)}, the manifest says {stated}."]
    result.fingerprint, result.key_is_trusted = stated, key is not None
    return []


def _time_stamp_problems(
    archive: zipfile.ZipFile,
    contents: dict[str, zipfile.ZipInfo],
    result: Verification,
    authority: Sequence[Certificate],
) -> list[str]:
    """A time stamp speaks of SHA256SUMS, so that must list what the manifest lists."""
    manifest = result.manifest
    if manifest is None or manifest.time_stamp is None:
        return ["The bundle bears no time stamp, so none of the authority given either."] if authority else []
    listed = _read(archive, contents[SUMS]) if SUMS in contents else None
    reply = _read(archive, contents[TIMESTAMP]) if TIMESTAMP in contents else None
    if listed is None or reply is None:
        return [f"{SUMS} or {TIMESTAMP} was removed or damaged; the manifest says that the bundle bears a time stamp."]
    if listed != sums(manifest.files):
        return [f"{SUMS} does not list the files of the manifest, so the time stamp says nothing of them."]
    try:
        stamp = read_timestamp(reply, listed, authority)
    except TimestampError as error:
        return [display_text(error, 400)]
    stated = manifest.time_stamp
    if (utc(stamp.moment), stamp.authority) != (stated.moment, stated.authority):
        return [f"{TIMESTAMP} and {MANIFEST} state different moments or authorities."]
    result.time_stamp, result.authority_is_trusted = stamp, bool(authority)
    return []


def _file_problems(archive: zipfile.ZipFile, contents: dict[str, zipfile.ZipInfo], manifest: Manifest) -> list[str]:
    listed = {file.name: file for file in manifest.files}
    signature = {SIGNATURE} if manifest.signed_with is not None else set()
    added = [name for name in contents if name not in listed and name not in {MANIFEST} | signature]
    removed = {name for name in listed if name not in contents}
    problems = []
    for name in added:
        digest, _ = _digest(archive, contents[name])
        before = next((old for old in sorted(removed) if listed[old].sha256 == digest), None)
        removed.discard(before or "")
        problems.append(f"Renamed: {before} is now {name}." if before else f"Added: {name}.")
    problems += [f"Removed: {name}." for name in sorted(removed)]
    for name, file in listed.items():
        if name in contents:
            digest, size = _digest(archive, contents[name])
            if digest != file.sha256:
                now = f"{size} bytes, SHA-256 {digest}" if digest else "something that its own check sum does not fit"
                problems.append(f"Changed: {name} holds {now}; exported were {file.size} bytes, SHA-256 {file.sha256}.")
    return problems


def _digest(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[str | None, int]:
    """SHA-256 and length of an entry; None where its check sum or its headers do not let it be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(info) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except _BROKEN:
        return None, size
    return digest.hexdigest(), size


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    if info.file_size > _MAX_READ:
        return None
    try:
        return archive.read(info)
    except _BROKEN:
        return None


def _public(archive: zipfile.ZipFile, contents: dict[str, zipfile.ZipInfo]) -> Ed25519PublicKey | None:
    pem = _read(archive, contents[PUBLIC_KEY]) if PUBLIC_KEY in contents else None
    try:
        key = serialization.load_pem_public_key(pem or b"")
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _quote(name: str) -> str:
    return repr(display_text(name, _NAME_CHARACTERS))
