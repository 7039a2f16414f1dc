"""From settings to what one decoding child may use."""

from anyanomaly_core.config import Settings
from anyanomaly_core.footage.sandbox import Limits


def decoding_limits(settings: Settings) -> Limits:
    """Limits of the sandbox, as the installation is configured."""
    return Limits(
        memory_mb=settings.decode_memory_mb, stall_s=settings.decode_timeout_s, threads=settings.decode_threads
    )
