"""The letter in a bundle: what it holds and how anybody checks it, without this product."""

from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import wrap
from zoneinfo import ZoneInfo

from anyanomaly_core.display import display_text
from anyanomaly_core.review.evidence.manifest import BlurReport, ListedEvent

_FILES = """In each event's folder:

  clip.mp4            the event with seconds before and after it, H.264, without sound
  key.png             the frame that was decisive, as it was filmed
  grid.png            four moments of the decisive place, as the language model was shown them
  attention.png       the same frame, bright where it fits the rule's words, as the model was shown it
  rationale.txt       what the model said it saw, word for word: a machine's words, no finding
  frame_scores.csv    the score of every frame of the clip; an empty score means not scored, never normal
  segment_scores.csv  scores, frames and answers of every segment that the clip touches
  event.json          all that is recorded: exact times, time zone, original file and its SHA-256, rule version,
                      models and their revisions, privacy masks, verdicts with their history

A picture that is missing is missing for a reason; event.json states it under "stills".
"""

_CHECK = """To check that nothing was changed, unpack and run

  sha256sum --check SHA256SUMS

or, to check the bundle as a whole, `anyanomaly evidence verify BUNDLE.zip --key PUBLIC.pem`.
"""

_SIGNED = """This bundle is signed (Ed25519). With OpenSSL 3:

  openssl pkeyutl -verify -rawin -pubin -inkey PUBLIC.pem -in manifest.json -sigfile manifest.sig

Take PUBLIC.pem from whoever exported the bundle, not from the bundle: a forger would put his own key in it. The SHA-256
of the key's 32 bytes must be

  {fingerprint}
"""

_UNSIGNED = """This bundle is NOT signed. It can be checked for damage, but anybody could have made it.
"""


def read_me(events: Sequence[ListedEvent], by: str, at: datetime, fingerprint: str | None) -> str:
    """The text of README.txt."""
    lines = [f"Evidence of {len(events)} event{'s' if len(events) != 1 else ''}, exported by {display_text(by)}"]
    lines += [f"at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.", ""]
    for event in events:
        zone = ZoneInfo(event.time_zone)
        began, ended = (datetime.fromisoformat(text).astimezone(zone) for text in (event.started_at, event.ended_at))
        lines += [
            f"{event.folder}",
            f"  camera   {display_text(event.camera)}",
            f"  rule     {event.rule}, version {event.version}",
            f"  began    {began.isoformat(timespec='milliseconds')} ({event.time_zone})",
            f"  ended    {ended.isoformat(timespec='milliseconds')}",
            f"  original {display_text(event.source_file)}",
            f"  SHA-256  {event.source_sha256}",
            *_blurred(event.blurred),
            "",
        ]
    signed = _UNSIGNED if fingerprint is None else _SIGNED.format(fingerprint=fingerprint)
    return "\n".join([*lines, _FILES, _CHECK, signed])


def _blurred(how: BlurReport | None) -> list[str]:
    if how is None:
        return []
    blurred = f"blurred in {how.frames_blurred} of {how.frames} frames; found by {how.detector}"
    return [f"  {', '.join(how.targets):8} {blurred}", *(f"           {line}" for line in wrap(how.warning, 100))]
