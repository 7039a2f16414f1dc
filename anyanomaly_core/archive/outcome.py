"""What a scan came to, from the ledger: what is scored by the scorers that were asked for, what failed and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from anyanomaly_core.config import Settings
from anyanomaly_core.models.local_revisions import known_revisions
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.rule_store import StoredRule, list_rules
from anyanomaly_core.results.scorer_store import latest_scorer

NO_SCORER = 0  # as the id of a scorer that never scored anything

_LEDGER = text("""
WITH asked AS (
    SELECT * FROM unnest(CAST(:versions AS integer[]), CAST(:scorers AS integer[])) AS a(rule_version_id, scorer_id)
), wanted AS (
    SELECT DISTINCT a.scorer_id, rv.scoring_id, r.name AS rule, v.video_id, v.uri, coalesce(v.duration_s, 0) AS seconds
    FROM asked a JOIN rule_versions rv USING (rule_version_id) JOIN rules r USING (rule_id)
    JOIN video_cameras p ON glob_matches(p.camera_id, rv.cameras) JOIN videos v USING (video_id)
    WHERE v.state IN ('ready', 'damaged') AND v.expired_at IS NULL
      AND v.video_id NOT IN (SELECT video_id FROM retention_due)
)
SELECT w.rule, coalesce(u.state::text, 'not_yet') AS state, u.last_error AS reason, count(*) AS videos,
       sum(w.seconds) AS seconds, sum(coalesce(u.segments_failed, 0)) AS segments_failed, min(w.uri) AS example
FROM wanted w LEFT JOIN units u
    ON (u.video_id, u.scoring_id, u.scorer_id) = (w.video_id, w.scoring_id, w.scorer_id)
GROUP BY w.rule, u.state, u.last_error ORDER BY w.rule, u.state, videos DESC""")
_UNUSABLE = text("""
SELECT coalesce(problem, 'unreadable') AS reason, count(*) AS files, min(uri) AS example FROM footage_problems
WHERE state IN ('not registered', 'unreadable') AND missing_since IS NULL
GROUP BY problem ORDER BY files DESC, reason""")

_SINCE = text("SELECT count(DISTINCT video_id) FROM units WHERE finished_at >= :since AND state <> 'failed'")


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """How far one rule is with the scorer that was asked for."""

    rule: str
    profile: str
    scored: int  # videos, wholly
    partly: int  # videos of which some segments could not be scored
    failed: int  # videos of which no segment could be scored
    waiting: int  # videos that were not tried
    segments_failed: int  # of the videos that were
    seconds: float  # of footage, of the videos with scores


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason, said once."""

    reason: str
    what: str  # how many of what: "12 segments of 3 videos", "1 file"
    example: str  # a file, or a unit of work


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What is there after a scan, whoever scored it."""

    rules: tuple[RuleOutcome, ...]
    failures: tuple[Failure, ...]
    scorer_ids: tuple[int, ...]  # that the rules were to be scored by; of these the results are
    videos_now: int  # scored, at least in part, since the scan began

    @property
    def videos_waiting(self) -> int:
        """Videos and rules that nobody tried to score."""
        return sum(rule.waiting for rule in self.rules)

    @property
    def complete(self) -> bool:
        """Whether everything is scored that an active rule wants."""
        return not self.failures and not self.videos_waiting


def scan_outcome(connection: Connection, settings: Settings, *, since: datetime) -> ScanOutcome:
    """Compare the active rules with what their scorers have done; files that are no use count as failed.

    Args:
        connection: a read is enough.
        settings: say which profile rules without one are scored by.
        since: when the scan began.

    Raises:
        ConfigurationError: when a rule's profile cannot be read.
    """
    rules = list_rules(connection, state="active")
    scorers = _scorers(connection, rules, settings)
    asked = {rule.name: scorers[rule.definition.profile or settings.profile] for rule in rules}
    versions = [rule.rule_version_id for rule in rules]
    rows = connection.execute(_LEDGER, {"versions": versions, "scorers": [asked[rule.name][1] for rule in rules]}).all()
    failures = [
        Failure(row.reason or "no reason was noted", _segments(row.segments_failed, row.videos), row.example)
        for row in rows
        if row.state in {"failed", "partial"}
    ]
    failures += [
        Failure(row.reason, _count(row.files, "file"), row.example) for row in connection.execute(_UNUSABLE).all()
    ]
    outcomes = []
    for rule in rules:
        by_state = {state: [row for row in rows if (row.rule, row.state) == (rule.name, state)] for state in _STATES}
        videos = {state: sum(row.videos for row in of_state) for state, of_state in by_state.items()}
        with_scores = [*by_state["done"], *by_state["partial"]]
        outcomes.append(
            RuleOutcome(
                rule=rule.name,
                profile=asked[rule.name][0],
                scored=videos["done"],
                partly=videos["partial"],
                failed=videos["failed"],
                waiting=videos["not_yet"],
                segments_failed=sum(int(row.segments_failed) for of_state in by_state.values() for row in of_state),
                seconds=sum(float(row.seconds) for row in with_scores),
            )
        )
    ids = {scorer_id for _, scorer_id in asked.values()} - {NO_SCORER}
    videos_now = connection.execute(_SINCE, {"since": since}).scalar_one()
    return ScanOutcome(tuple(outcomes), tuple(_distinct_reasons(failures)), tuple(sorted(ids)), int(videos_now))


_STATES = ("done", "partial", "failed", "not_yet")


def _scorers(connection: Connection, rules: Sequence[StoredRule], settings: Settings) -> Mapping[str, tuple[str, int]]:
    """Map what a rule calls its profile to the profile's own name and the scorer it is with today's models."""
    found: dict[str, tuple[str, int]] = {}
    for name in {rule.definition.profile or settings.profile for rule in rules}:
        profile = load_profile(name)
        stored = latest_scorer(connection, profile, known_revisions(profile, settings))
        found[name] = (profile.name, NO_SCORER if stored is None else stored.scorer_id)
    return found


def _distinct_reasons(failures: Sequence[Failure]) -> list[Failure]:
    """A reason that several rules met is said once, with what it hit most."""
    return list({failure.reason: failure for failure in reversed(failures)}.values())[::-1]


def _segments(segments: int, videos: int) -> str:
    counted = _count(videos, "video")
    return f"{_count(int(segments), 'segment')} of {counted}" if segments else counted


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
