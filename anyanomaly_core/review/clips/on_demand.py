"""Attention images made because somebody asks for one, in a process of its own.

The web server loads no models: they take gigabytes and never go away again. The process ends with the image. It is a
plain child, not one of `multiprocessing`, which would import the server's own main module again.
"""

import logging
import pickle
import subprocess
import sys
from uuid import UUID

from sqlalchemy import Engine

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import AnyAnomalyError, ModelError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review.clips.stills import event_still

log = logging.getLogger(__name__)

_TIMEOUT_S = 600.0
_REFUSED = 3  # exit status: the reason is on the standard output


def make_attention(engine: Engine, settings: Settings, event_id: UUID) -> None:
    """Make the attention image of an event, which ``event_still`` then finds. With large models it takes a minute.

    Raises:
        ModelError: it cannot be made; says why. The process may also have died, as when there is too little memory.
    """
    asked = pickle.dumps((engine.url.render_as_string(hide_password=False), settings, event_id))
    command = [sys.executable, "-m", "anyanomaly_core.review.clips.on_demand"]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(f"The attention image of event {event_id} took more than {_TIMEOUT_S:.0f} s.") from None
    if done.returncode == _REFUSED:
        raise ModelError(done.stdout.decode(errors="replace").strip())
    if done.returncode != 0:
        log.error("No attention image of event %s: %s", event_id, done.stderr.decode(errors="replace")[-4000:])
        raise ModelError(
            f"The attention image of event {event_id} was not made: the process with the encoder died. The server's "
            "log says more. Is there enough memory for it beside the web server?"
        )


def _main() -> int:
    url, settings, event_id = pickle.load(sys.stdin.buffer)  # noqa: S301  (written by make_attention)
    engine = make_engine(url)
    try:
        event_still(engine, settings, event_id, "attention", load_models=True)
    except AnyAnomalyError as error:
        sys.stdout.write(str(error))
        return _REFUSED
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
