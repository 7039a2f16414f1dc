"""What an alert says: the facts of an event, a link, a picture where it is wanted."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from anyanomaly_core.config import Settings
from anyanomaly_core.display import display_text
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.results.alert_outbox import QueuedAlert
from anyanomaly_core.review.clips.stills import event_still
from anyanomaly_core.rules.alerts import AlertFile, Target

_FACTS = text("""
SELECT event_id, rule, version, camera, camera_name, started_at, ended_at, started_local, duration_s,
       peak_score::double precision AS peak_score, peak_at, winning_text, rationale, profile, notice
FROM event_list WHERE event_id = :event AND is_current_version""")
_MOST_WORDS = 500  # of what a model wrote


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """An alert, whatever carries it."""

    key: UUID  # the same in every try
    at: datetime  # when the event was committed
    facts: Mapping[str, Any]
    link: str | None = None
    picture: bytes | None = None  # JPEG
    no_picture: str | None = None  # why there is none, where one is wanted
    test: bool = False

    @property
    def headline(self) -> str:
        """One line without anything that acts."""
        facts = self.facts
        place = display_text(facts["camera_name"] or facts["camera"], 100)
        test = "Test: " if self.test else ""
        return (
            f"{test}{facts['rule']} at {place}, {facts['started_local']:%Y-%m-%d %H:%M:%S}, {facts['peak_score']:.2f}"
        )

    @property
    def lines(self) -> list[str]:
        """What there is to say beside the headline, for people."""
        facts = self.facts
        said = [f"{facts['duration_s']:.0f} s"]
        if facts["winning_text"]:
            said.append(f"Looked for: {display_text(facts['winning_text'], _MOST_WORDS)}")
        if facts["rationale"]:
            said.append(f"The model's words: {display_text(facts['rationale'], _MOST_WORDS)}")
        said += [display_text(words) for words in (facts["notice"], self.no_picture, self.link) if words]
        return said

    def document(self) -> bytes:
        """JSON, as webhooks and brokers get it."""
        facts = {name: _plain(value) for name, value in self.facts.items()}
        data: dict[str, Any] = {**facts, "link": self.link, "test": self.test}
        if self.picture is not None:
            data["picture"] = {"media_type": "image/jpeg", "base64": base64.b64encode(self.picture).decode()}
        if self.no_picture is not None:
            data["no_picture"] = self.no_picture
        document = {"type": "event.found", "timestamp": self.at.isoformat(), "key": str(self.key), "data": data}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def alert_message(
    engine: Engine, settings: Settings, alerts: AlertFile, target: Target, alert: QueuedAlert
) -> AlertMessage | None:
    """What is to be said of an alert's event, as it is now; None: it is no longer there."""
    with engine.connect() as connection:
        row = connection.execute(_FACTS, {"event": alert.event_id}).mappings().first()
    if row is None:
        return None
    facts = {str(name): value for name, value in row.items()}
    picture, no_picture = None, None
    if target.picture:
        try:
            picture = event_still(engine, settings, alert.event_id, "thumbnail").read_bytes()
        except AnyAnomalyError as error:  # the event is worth telling without it
            no_picture = f"No picture: {error}"
    link = alerts.link(alert.event_id)
    return AlertMessage(alert.key, alert.queued_at, facts, link, picture, no_picture)


def example_message(alerts: AlertFile) -> AlertMessage:
    """A made-up alert that says so."""
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "event_id": UUID(int=0),
        "rule": "test",
        "version": 1,
        "camera": "test",
        "camera_name": "no camera",
        "started_at": now,
        "ended_at": now + timedelta(seconds=3),
        "started_local": now.replace(tzinfo=None),
        "duration_s": 3.0,
        "peak_score": 1.0,
        "peak_at": now,
        "winning_text": "nothing: this is a test",
        "rationale": None,
        "profile": "none",
        "notice": "Sent by `anyanomaly alerts test`; there is no such event.",
    }
    return AlertMessage(uuid4(), now, facts, alerts.review_url, test=True)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
