"""Errors a caller can catch, named after what went wrong.

A message says what happened, to which file or rule, and what to do next.
"""

import difflib
from collections.abc import Iterable

_MOST_NAMES = 20


class AnyAnomalyError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigurationError(AnyAnomalyError):
    """A setting, profile or camera plan is missing or contradicts another."""


class RuleError(AnyAnomalyError):
    """A rule file or rule definition is wrong; the message names file, line and fix."""


class FootageError(AnyAnomalyError):
    """Footage could not be used."""


class UnsafePathError(FootageError):
    """A path leaves the configured archive root."""


class BucketError(FootageError):
    """A bucket did not answer as it should, or its object does not fit into the cache."""


class UnreadableFootageError(FootageError):
    """No frame of the file can be decoded; ``str(error)`` is the reason kept in the ledger."""


class FrameIndexError(FootageError):
    """Decoding gave other frames than the packets of the file had stated, or with complaints; index it by decoding."""


class ModelError(AnyAnomalyError):
    """A model could not be loaded or did not answer."""


class ModelSetupError(ModelError):
    """A model is not where profile and settings say, or its server refuses address, key or model.

    It is so a minute later: trying again cannot help.
    """


class ModelServerError(ModelError):
    """The model server could not be reached or kept refusing after the configured retries."""


class ModelServerSetupError(ModelServerError, ModelSetupError):
    """The model server is there, and refuses address, key, model or readout."""


class StorageError(AnyAnomalyError):
    """Results could not be written or read."""


class NoSegmentsError(StorageError):
    """A video that is listed but was never split into segments: its ingest did not come to its end."""


class LeaseLostError(StorageError):
    """Another worker has taken over a video, because nothing was heard of this one for too long."""


class SearchRefusedError(AnyAnomalyError):
    """A search without the right to it, or without a case number where one is required; it was noted."""


class TimestampError(AnyAnomalyError):
    """A time stamp authority did not answer, or its reply does not prove what it should."""


class AlertError(AnyAnomalyError):
    """An alert could not be sent; later it may be."""


class AlertRefusedError(AlertError):
    """The target will not take this alert, however often it is tried."""


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one may have been meant to be; None: none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or, when none is near, which there are."""
    names = sorted(known)
    near = nearest_name(name, names)
    if near is not None:
        return f"did you mean {near!r}?"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"there are {', '.join(names[:_MOST_NAMES])}{more}." if names else "there are none yet."
