"""Checking an evidence bundle: what was changed, added, removed or renamed in it, and whose signature it bears.

The file may come from anybody. Nothing is unpacked; names are checked before they are used or shown; only stored
(uncompressed) contents are read, so that no file says more than it is long.
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
from pydantic import ValidationError

from anyanomaly_core.display import display_text
from anyanomaly_core.review.evidence import signing
from anyanomaly_core.review.evidence.manifest import MANIFEST, NAME, PUBLIC_KEY, SIGNATURE, Manifest, order
from anyanomaly_core.review.evidence.zip_format import Entry, has_no_other_bytes

_MOST_ENTRIES = 65_535
_MOST_MANIFEST = 64 << 20  # bytes
_SIGNATURE_BYTES = 64
_CHUNK = 1 << 20
_SHOWN = 120  # characters of a name
_BROKEN = (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, struct.error)


@dataclass(slots=True)
class Verification:
    """What is to be said of a bundle. It is intact when ``problems`` is empty."""

    problems: list[str] = field(default_factory=list)
    manifest: Manifest | None = None
    fingerprint: str | None = None  # of the key whose signature fits; None: not signed, or it does not fit
    trusted: bool = False  # that key was given to the check, so it is known whose it is


def verify(path: Path, *, key: Ed25519PublicKey | None = None) -> Verification:
    """Check a bundle.

    Args:
        path: of the file.
        key: of whoever is said to have exported it, from a source one trusts; the bundle must bear its signature.
            None: the signature is checked with the key in the bundle, which shows that the bundle is of one piece
            but not who made it.
    """
    found = Verification()
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        found.problems.append(f"The file is no ZIP, or its directory is damaged: {error}.")
        return found
    with archive:
        infos = archive.infolist()
        found.problems += _refusals(path, infos)
        if found.problems:
            return found
        contents = {info.filename: info for info in infos}
        if MANIFEST not in contents:
            found.problems.append(f"Removed: {MANIFEST}. Without it nothing can be checked.")
            return found
        encoded = _read(archive, contents[MANIFEST])
        found.manifest = _manifest(encoded, found.problems)
        if found.manifest is not None:
            found.problems += _signature(archive, contents, encoded, found, key)
            found.problems += _files(archive, contents, found.manifest)
            if not found.problems and list(contents) != order(contents):
                found.problems.append(
                    "The files are in another order than they were exported in; the bundle was packed anew."
                )
    entries = [Entry(info.filename, info.file_size, info.CRC) for info in infos]
    if not has_no_other_bytes(path, entries):
        found.problems.append("Bytes outside the files were changed, or the bundle was packed anew by another program.")
    return found


def _refusals(path: Path, infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Why the file is not looked into at all."""
    if len(infos) > _MOST_ENTRIES:
        return [f"It has {len(infos):,} entries, more than any bundle."]
    said = []
    for info in infos:
        name = _shown(info.filename)
        if re.fullmatch(NAME, info.filename) is None or info.filename != info.orig_filename:
            said.append(f"Refused: the entry {name} has a name that no bundle uses; it could lead out of a folder.")
        elif info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
            said.append(f"Refused: the entry {name} is compressed or locked; no bundle has such entries.")
    if sum(info.file_size for info in infos) > path.stat().st_size:
        said.append("Refused: its files are together longer than the file itself.")
    twice = [name for name, count in Counter(info.filename for info in infos).items() if count > 1]
    return said[:20] + [f"Refused: {_shown(name)} is there more than once." for name in twice[:20]]


def _manifest(encoded: bytes | None, problems: list[str]) -> Manifest | None:
    if encoded is None:
        problems.append(f"Changed: {MANIFEST} cannot be read.")
        return None
    try:
        return Manifest.model_validate_json(encoded)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "as a whole"
        problems.append(f"Changed: {MANIFEST} is not as it is written: {display_text(where, _SHOWN)}: {first['msg']}.")
        return None


def _signature(
    archive: zipfile.ZipFile,
    contents: dict[str, zipfile.ZipInfo],
    encoded: bytes | None,
    found: Verification,
    key: Ed25519PublicKey | None,
) -> list[str]:
    stated = None if found.manifest is None else found.manifest.signed_with
    if stated is None:
        return [] if key is None else ["The bundle is not signed, so not by the key given either."]
    signature = _read(archive, contents[SIGNATURE]) if SIGNATURE in contents else None
    if signature is None or len(signature) != _SIGNATURE_BYTES:
        return [f"{SIGNATURE} was removed or damaged; the manifest says that the bundle was signed with {stated}."]
    public = key or _public(archive, contents)
    if public is None:
        return [f"Changed: {PUBLIC_KEY} holds no key; give the exporter's with --key."]
    if not signing.fits(public, signature, encoded or b""):
        why = f"{MANIFEST} or {SIGNATURE} was changed, or another key than {signing.fingerprint(public)} signed it"
        return [f"The signature does not fit: {why}."]
    if signing.fingerprint(public) != stated:
        return [f"The signature is of {signing.fingerprint(public)}, the manifest says {stated}."]
    found.fingerprint, found.trusted = stated, key is not None
    return []


def _files(archive: zipfile.ZipFile, contents: dict[str, zipfile.ZipInfo], manifest: Manifest) -> list[str]:
    listed = {file.name: file for file in manifest.files}
    signature = {SIGNATURE} if manifest.signed_with is not None else set()
    added = [name for name in contents if name not in listed and name not in {MANIFEST} | signature]
    removed = {name for name in listed if name not in contents}
    said = []
    for name in added:
        digest, _ = _digest(archive, contents[name])
        before = next((old for old in sorted(removed) if listed[old].sha256 == digest), None)
        removed.discard(before or "")
        said.append(f"Renamed: {before} is now {name}." if before else f"Added: {name}.")
    said += [f"Removed: {name}." for name in sorted(removed)]
    for name, file in listed.items():
        if name in contents:
            digest, size = _digest(archive, contents[name])
            if digest != file.sha256:
                now = f"{size} bytes, SHA-256 {digest}" if digest else "something that its own check sum does not fit"
                said.append(f"Changed: {name} holds {now}; exported were {file.size} bytes, SHA-256 {file.sha256}.")
    return said


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
    if info.file_size > _MOST_MANIFEST:
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


def _shown(name: str) -> str:
    return repr(display_text(name, _SHOWN))
