"""The outbox of alerts: queued in the transaction that writes the events, taken out one by one, settled once.

Who takes an alert out has it for a while (``next_try_at``). If he dies, it is taken out again afterwards, with the same
key: it is sent at least once, and who gets it twice can tell. Each target has one alert under way at a time, so several
processes may send at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from anyanomaly_core.rules.alerts import Target

LEASE_S = 120.0  # longer than making a picture and all tries take
_FIRST_REST_S, _LONGEST_REST_S = 30, 3600  # of a target that failed; doubles with every try

Settled = Literal["sent", "refused", "gone"]

_QUEUE = text("""
INSERT INTO alerts (target, event_id, rule, camera_id, started_at, ended_at)
SELECT :target, e.event_id, r.name, e.camera_id, e.started_at, e.ended_at
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r ON (r.rule_id, r.current_version) = (rv.rule_id, rv.version)
WHERE e.event_id IN (SELECT event_id FROM events WHERE video_id = :video
                     UNION SELECT event_id FROM event_parts WHERE video_id = :video)
  AND rv.scoring_id = ANY(:scorings)
  AND glob_matches(r.name, :rules) AND glob_matches(e.camera_id, :cameras) AND e.peak_score >= :min_score
  AND e.ended_at > now() - make_interval(secs => :age_s)
  AND NOT EXISTS (SELECT FROM alerts a
                  WHERE a.target = :target AND a.rule = r.name AND a.camera_id = e.camera_id
                    AND a.started_at < e.ended_at AND a.ended_at > e.started_at
                    AND (a.state <> 'waiting' OR EXISTS (SELECT FROM events w WHERE w.event_id = a.event_id))
                    AND a.state <> 'gone')
ORDER BY e.started_at, e.event_id
ON CONFLICT DO NOTHING""")
_EXPIRE = text("""
UPDATE alerts SET state = 'expired', settled_at = now(), problem = coalesce(problem, 'it waited too long')
WHERE target = :target AND state = 'waiting' AND queued_at < now() - make_interval(secs => :age_s)""")
_TAKE = text("""
UPDATE alerts SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => :lease_s)
WHERE next_try_at <= now()
  AND alert_id = (SELECT min(alert_id) FROM alerts WHERE target = :target AND state = 'waiting')
  AND state = 'waiting'
  AND (SELECT count(*) FROM alerts
       WHERE target = :target AND state = 'sent' AND settled_at > now() - interval '1 hour') < :per_hour
RETURNING alert_id, key, event_id, queued_at, attempts""")
_SETTLE = text("""
UPDATE alerts SET state = :state, settled_at = now(), problem = :problem
WHERE alert_id = :alert AND state = 'waiting'""")
_POSTPONE = text("""
UPDATE alerts SET problem = :problem,
       next_try_at = now() + make_interval(secs => least(:longest, :first * 2 ^ least(attempts - 1, 20)))
WHERE alert_id = :alert AND state = 'waiting'""")
_STATES = text("""
SELECT target, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'sent') AS sent,
       count(*) FILTER (WHERE state NOT IN ('waiting', 'sent')) AS not_sent,
       max(settled_at) FILTER (WHERE state = 'sent') AS last_sent_at,
       (array_agg(problem ORDER BY alert_id) FILTER (WHERE state = 'waiting' AND problem IS NOT NULL))[1] AS problem
FROM alerts GROUP BY target""")


@dataclass(frozen=True, slots=True)
class QueuedAlert:
    """An alert that was taken out to be sent."""

    alert_id: int
    key: UUID
    event_id: UUID
    queued_at: datetime
    attempts: int  # this one included


@dataclass(frozen=True, slots=True)
class TargetState:
    """What became of a target's alerts so far."""

    target: str
    waiting: int
    sent: int
    not_sent: int
    last_sent_at: datetime | None
    problem: str | None  # of the alert that is tried next


def queue_alerts(connection: Connection, targets: Sequence[Target], video_id: int, scoring_ids: Sequence[int]) -> None:
    """Queue what the targets want to be told of the events that were just written for a video.

    An event that was queued before is not queued again, nor is one in whose time another was told of: footage that is
    scored again finds the same under another id.

    Args:
        connection: in the transaction that wrote the events.
        targets: of the file of alerts.
        video_id: the video.
        scoring_ids: whose events were written.
    """
    for target in targets:
        wanted = {
            "target": target.name,
            "video": video_id,
            "scorings": list(scoring_ids),
            "rules": list(target.rules),
            "cameras": list(target.cameras),
            "min_score": target.min_score,
            "age_s": target.max_age_hours * 3600,
        }
        connection.execute(_QUEUE, wanted)


def take(engine: Engine, target: Target) -> QueuedAlert | None:
    """The target's next alert, for ``LEASE_S`` seconds; None: none waits, it rests, or it had enough for this hour.

    What waited too long is given up.
    """
    with engine.begin() as connection:
        connection.execute(_EXPIRE, {"target": target.name, "age_s": target.max_age_hours * 3600})
        wanted = {"target": target.name, "lease_s": LEASE_S, "per_hour": target.per_hour}
        row = connection.execute(_TAKE, wanted).mappings().first()
    return None if row is None else QueuedAlert(**row)


def settle(engine: Engine, alert: QueuedAlert, state: Settled, problem: str | None = None) -> None:
    """The alert is done with."""
    with engine.begin() as connection:
        connection.execute(_SETTLE, {"alert": alert.alert_id, "state": state, "problem": problem})


def postpone(engine: Engine, alert: QueuedAlert, problem: str) -> None:
    """The alert could not be sent; its target rests, longer with every try."""
    rest = {"first": _FIRST_REST_S, "longest": _LONGEST_REST_S}
    with engine.begin() as connection:
        connection.execute(_POSTPONE, {"alert": alert.alert_id, "problem": problem, **rest})


def target_states(connection: Connection) -> dict[str, TargetState]:
    """States by name, also of targets that are no longer in the file."""
    return {row["target"]: TargetState(**row) for row in connection.execute(_STATES).mappings()}
