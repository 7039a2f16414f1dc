"""Another threshold or duration tried on stored scores: which events it would find, lose and move. Writes nothing."""

from collections import Counter
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Engine, text

from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.catalog import load_videos
from anyanomaly_core.results.rehearsal import Difference, rehearse
from anyanomaly_core.results.rule_store import load_rule
from anyanomaly_core.rules.definition import RuleDefinition

MOST_VIDEOS = 200
_NEWEST = text("""
    SELECT v.video_id FROM videos v JOIN units u USING (video_id)
    WHERE u.scoring_id = :scoring AND u.is_current AND u.state <> 'failed'
    ORDER BY v.recorded_at DESC LIMIT :most""")


@dataclass(frozen=True, slots=True)
class Tried:
    """What a draft would change on the newest scored videos."""

    draft: RuleDefinition
    videos: int
    counts: Counter[str]
    changes: tuple[Difference, ...]  # found, lost and moved


def try_draft(engine: Engine, name: str, *, threshold: str, min_duration_s: str) -> Tried:
    """Compare the rule with a draft of it on up to 200 of its newest scored videos.

    Raises:
        RuleError: there is no such rule, or the numbers are none that a rule may have.
    """
    with engine.connect() as connection:
        rule = load_rule(connection, name)
        changes = {"threshold": threshold, "min_duration_s": min_duration_s}
        stated = rule.definition.model_dump() | {key: value for key, value in changes.items() if value}
        release = stated["release_threshold"]
        try:
            if release is not None and release > float(stated["threshold"]):
                stated["release_threshold"] = None  # it may not lie above the threshold
            draft = RuleDefinition.model_validate(stated)
        except (ValidationError, ValueError):
            raise RuleError("A threshold is a number from 0 to 1, a duration one from 0 to 86,400 seconds.") from None
        newest = connection.execute(_NEWEST, {"scoring": rule.scoring_id, "most": MOST_VIDEOS}).scalars().all()
        videos = load_videos(connection, newest) if newest else []
        result = rehearse(connection, draft, videos)
    counts = Counter(difference.kind for difference in result.differences)
    shown = tuple(difference for difference in result.differences if difference.kind != "same")
    return Tried(draft, len(result.videos), Counter(counts), shown)
