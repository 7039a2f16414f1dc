"""RFC 3161 time stamps: an authority's signed statement that some content existed at a moment."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, TimestampError

_ATTEMPTS = 3
_TIMEOUT_S = 10.0
_MAX_REPLY = 256 << 10  # bytes; a reply with a chain of certificates has some 6,000
_TYPE = "application/timestamp-query"
_CERTIFICATES = 0xA0  # DER tag in SignedData


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What an authority states of some content."""

    moment: datetime  # aware, UTC
    authority: str  # its name, as it calls itself


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """Where time stamps come from, and the certificates that they are checked with."""

    url: str
    certificates: tuple[Certificate, ...]

    @classmethod
    def of(cls, settings: Settings) -> "TimestampAuthority | None":
        """The authority of the installation; None: none is configured. Raises ConfigurationError."""
        if settings.evidence_tsa_url is None and settings.evidence_tsa_ca_file is None:
            return None
        if settings.evidence_tsa_url is None or settings.evidence_tsa_ca_file is None:
            raise ConfigurationError(
                "Set ANYANOMALY_EVIDENCE_TSA_URL and ANYANOMALY_EVIDENCE_TSA_CA_FILE, or neither: without the "
                "authority's certificates its time stamps cannot be checked."
            )
        return cls(settings.evidence_tsa_url, load_certificates(settings.evidence_tsa_ca_file))

    def stamp(self, content: bytes) -> tuple[bytes, Timestamp]:
        """A reply (DER) over the SHA-256 of ``content``, and what it states.

        Raises:
            TimestampError: the authority does not answer, refuses, or its reply does not fit.
        """
        builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
        request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
        try:
            reply = _post(self.url, request.as_bytes())
        except httpx.HTTPError as error:
            raise TimestampError(f"The time stamp authority {self.url} does not answer: {error}.") from None
        return reply, read_timestamp(reply, content, self.certificates, nonce=request.nonce)


def read_timestamp(
    reply: bytes, content: bytes, certificates: Sequence[Certificate], *, nonce: int | None = None
) -> Timestamp:
    """What a reply states of ``content``.

    Args:
        reply: DER, from anybody.
        content: what was stamped.
        certificates: the authority's root and intermediate ones. Without any its signature is not checked.
        nonce: of the request, if it is known.

    Raises:
        TimestampError: it cannot be read, is of other content, or is not signed by this authority.
    """
    response = _decode(reply)
    if response.status != PKIStatus.GRANTED:
        why = "; ".join(response.status_string) or "it gives no reason"
        raise TimestampError(f"The time stamp authority refused (status {response.status}): {why}.")
    info = response.tst_info
    if info.message_imprint.message != hashlib.sha256(content).digest():
        raise TimestampError("The time stamp is of other content.")
    if certificates:
        verifier = VerifierBuilder(roots=list(certificates), nonce=nonce).build()
        try:
            verifier.verify_message(response, content)
        except (VerificationError, ValueError) as error:
            why = str(error).partition(": ErrorStack")[0]
            raise TimestampError(
                f"The time stamp is not one of the authority whose certificates were given: {why}."
            ) from None
    return Timestamp(info.gen_time, _name(response))


def load_certificates(path: Path) -> tuple[Certificate, ...]:
    """Certificates of a PEM file; raises ConfigurationError."""
    try:
        return tuple(load_pem_x509_certificates(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"The certificates {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigurationError(f"{path} holds no certificates in PEM form.") from None


@retry(
    retry=retry_if_exception_type(httpx.HTTPError),
    stop=stop_after_attempt(_ATTEMPTS),
    wait=wait_exponential(max=5),
    reraise=True,
)
def _post(url: str, request: bytes) -> bytes:
    with httpx.stream("POST", url, content=request, headers={"Content-Type": _TYPE}, timeout=_TIMEOUT_S) as response:
        response.raise_for_status()
        reply = bytearray()
        for chunk in response.iter_bytes():
            reply += chunk
            if len(reply) > _MAX_REPLY:
                raise TimestampError(f"The reply of {url} is longer than any time stamp.")
        return bytes(reply)


def _decode(reply: bytes) -> TimeStampResponse:
    for candidate in (reply, _with_sorted_certificates(reply)):
        try:
            return decode_timestamp_response(candidate)
        except ValueError as error:
            problem = str(error)
    raise TimestampError(f"The time stamp cannot be read: {problem[:200]}.")


def _name(response: TimeStampResponse) -> str:
    name = response.tst_info.name
    if name is None:
        return "unnamed"
    value = getattr(name, "value", name)
    return str(value.rfc4514_string() if hasattr(value, "rfc4514_string") else value)


def _with_sorted_certificates(reply: bytes) -> bytes:
    """The reply with its certificates in the order that DER prescribes for a SET.

    OpenSSL's authority sends them in the order of the chain, which the library refuses. No signature covers them.
    """
    try:
        [response] = _elements(reply, 0, len(reply))
        _, token = _elements(reply, response.content, response.end)
        _, explicit = _elements(reply, token.content, token.end)
        [signed_data] = _elements(reply, explicit.content, explicit.end)
        parts = _elements(reply, signed_data.content, signed_data.end)
        certificates = next(part for part in parts if part.tag == _CERTIFICATES)
        each = _elements(reply, certificates.content, certificates.end)
    except (ValueError, IndexError, StopIteration):
        return reply  # it is not built like a reply; the library says what is wrong with it
    in_order = sorted(reply[one.begin : one.end] for one in each)
    return reply[: certificates.content] + b"".join(in_order) + reply[certificates.end :]


class _Element(NamedTuple):
    """Places of a DER element in the bytes around it."""

    tag: int
    begin: int
    content: int
    end: int


def _elements(data: bytes, begin: int, end: int) -> list[_Element]:
    """The elements between two places (X.690, 8.1); raises ValueError or IndexError."""
    elements: list[_Element] = []
    while begin < end:
        content, length = begin + 2, data[begin + 1]
        if length >= 0x80:  # noqa: PLR2004  (the long form: so many bytes of length follow)
            content += length & 0x7F
            length = int.from_bytes(data[begin + 2 : content])
        if content + length > end:
            raise ValueError("an element is longer than the one around it")
        elements.append(_Element(data[begin], begin, content, content + length))
        begin = content + length
    return elements
