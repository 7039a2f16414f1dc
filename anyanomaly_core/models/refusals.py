"""Noticing that a model server refuses every request, so that an archive is not asked for in vain."""

import threading

from anyanomaly_core.errors import ModelServerError

_FIRST = 5  # refusals of a server that has answered nothing yet
_LATER = 32  # in a row, of one that has
_FIRST_OF_MODEL = 24  # where nothing was answered yet: a model may have its reasons to refuse some pictures


class RefusalCounter:
    """Counts requests that failed one after the other; for several threads at once."""

    def __init__(self, server: str) -> None:
        """Count for ``server``, a URL that may be shown."""
        self._server, self._lock = server, threading.Lock()
        self._by_server = self._by_model = 0
        self.has_answered = False

    def clear(self) -> None:
        """A request was answered."""
        with self._lock:
            self.has_answered, self._by_server, self._by_model = True, 0, 0

    def count(self, said: str, *, is_models: bool) -> None:
        """A request failed.

        Args:
            said: why, in the server's words.
            is_models: the server works, and the model gave no answer; that may be this picture's fault.

        Raises:
            ModelServerError: when so many failed that the next will fail too.
        """
        with self._lock:
            self._by_model += is_models
            self._by_server += not is_models
            is_hopeless = self._by_server >= (_LATER if self.has_answered else _FIRST)
            is_hopeless |= not self.has_answered and self._by_model >= _FIRST_OF_MODEL
            if is_hopeless:
                failed = self._by_server + self._by_model
                raise ModelServerError(
                    f"The model server {self._server} answered none of {failed} requests in a row, and is asked no "
                    f"further. Check that it serves a model that sees pictures, and the profile's readout. "
                    f"The last one failed with: {said}"
                )
