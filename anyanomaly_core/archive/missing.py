"""What is missing of some footage: the videos that rules lack scores for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.names import require_cameras
from anyanomaly_core.results.planning import Unit, missing_units
from anyanomaly_core.results.rule_store import StoredRule


@dataclass(frozen=True, slots=True)
class FootageSelection:
    """Cameras and days of footage. Days are those of each camera's own time zone, both ends inclusive."""

    cameras: tuple[str, ...] = ()  # ids or patterns; none: all
    first_day: date | None = None
    last_day: date | None = None
    newest_first: bool = False

    @classmethod
    def parse(
        cls,
        *,
        cameras: Sequence[str] = (),
        first_day: str | None = None,
        last_day: str | None = None,
        newest_first: bool = False,
    ) -> "FootageSelection":
        """Parse what a person wrote; days are yyyy-mm-dd.

        Raises:
            RuleError: when a day is none, or the days are the wrong way round.
        """
        try:
            first, last = (date.fromisoformat(day) if day else None for day in (first_day, last_day))
        except ValueError as error:
            raise RuleError(f"A day is written yyyy-mm-dd: {error}.") from None
        if first is not None and last is not None and first > last:
            raise RuleError(f"The first day, {first}, is after the last, {last}.")
        return cls(tuple(cameras), first, last, newest_first)

    def has_day(self, video: StoredVideo) -> bool:
        """Whether the video's day is one of these."""
        first, last = self.first_day or date.min, self.last_day or date.max
        return first <= date.fromisoformat(video.local_date) <= last


def missing_work(
    connection: Connection,
    rules: Sequence[StoredRule],
    scorer_id: int | None,
    selection: FootageSelection,
    *,
    certified_too: bool = False,
) -> list[Unit]:
    """Videos of a selection with the rules they lack, by time of recording.

    Args:
        connection: a read is enough.
        rules: versions to score, all of one profile.
        scorer_id: that of the profile; None: it never scored anything, so everything is missing.
        selection: cameras and days.
        certified_too: also videos of which a certificate left segments out.

    Raises:
        ConfigurationError: when the archive has no camera of the selection.
    """
    day = timedelta(days=1)  # recordings are stored in UTC: of a camera's day, some lie a day before or after
    first, last = selection.first_day, selection.last_day
    found = missing_units(
        connection,
        rules,
        scorer_id,
        camera_ids=require_cameras(connection, selection.cameras) if selection.cameras else None,
        recorded_from=None if first is None else _midnight(first - day),
        recorded_before=None if last is None else _midnight(last + 2 * day),
        newest_first=selection.newest_first,
        certified_too=certified_too,
    )
    return [unit for unit in found if selection.has_day(unit.video)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
