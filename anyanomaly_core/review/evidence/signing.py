"""Ed25519 signatures (RFC 8032) over evidence: keys from configuration, as PEM that OpenSSL understands."""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError

PrivateKey = Ed25519PrivateKey
_HOW = "`anyanomaly evidence key FILE` makes one"
_OTHERS = 0o077  # permissions of group and everybody


def signing_key(settings: Settings) -> Ed25519PrivateKey | None:
    """The installation's key; None: none is configured, evidence is unsigned.

    Raises:
        ConfigurationError: two are configured, the file cannot be read, others may read it, or it holds no such key.
    """
    if settings.evidence_key is not None and settings.evidence_key_file is not None:
        raise ConfigurationError("Set ANYANOMALY_EVIDENCE_KEY or ANYANOMALY_EVIDENCE_KEY_FILE, not both.")
    if settings.evidence_key is not None:
        return _private(settings.evidence_key.get_secret_value().encode(), "ANYANOMALY_EVIDENCE_KEY")
    if settings.evidence_key_file is None:
        return None
    path = settings.evidence_key_file
    content = _content(path)
    if path.stat().st_mode & _OTHERS:
        raise ConfigurationError(f"Others may read the signing key {path}; make it yours alone: chmod 600.")
    return _private(content, str(path))


def make_key(path: Path) -> str:
    """Write a new private key, readable by its owner alone, and return its public key as PEM.

    Raises:
        ConfigurationError: the file exists or cannot be written; a key is never replaced.
    """
    key = Ed25519PrivateKey.generate()
    unlocked = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
    except OSError as error:
        raise ConfigurationError(f"The key {path} cannot be written: {error.strerror}.") from None
    return public_pem(key.public_key())


def load_public(path: Path) -> Ed25519PublicKey:
    """A public key from a PEM file; raises ConfigurationError."""
    try:
        key = serialization.load_pem_public_key(_content(path))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} holds no Ed25519 public key in PEM form.")
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    """As ``openssl pkey -pubin`` reads it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes of the key, 64 hex digits: what one reads out over the telephone."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def is_valid(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    """Whether the signature was made of this content with this key."""
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The key {path} cannot be read: {error.strerror}.") from None


def _private(content: bytes, where: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is locked by a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{where} holds no unlocked Ed25519 private key in PEM form; {_HOW}.")
    return key
