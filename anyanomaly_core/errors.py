"""Errors a caller can catch, named after what went wrong.

A message says what happened, to which file or rule, and what to do next.
"""


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


class ModelError(AnyAnomalyError):
    """A model could not be loaded or did not answer."""


class ModelServerError(ModelError):
    """The model server could not be reached or kept refusing after the configured retries."""


class StorageError(AnyAnomalyError):
    """Results could not be written or read."""
