"""When a backfill's runs are due: never by themselves, and one for each day of footage that somebody asks for."""

from typing import Any

from airflow.timetables.base import DagRunInfo, TimeRestriction, Timetable
from airflow.timetables.trigger import CronPartitionTimetable


class DaysOfFootage(CronPartitionTimetable):
    """A partition for each calendar day, its key the date.

    Airflow makes backfills only for a DAG whose timetable has days, and only partitions let two rules have a run for
    the same day. None of its own timetables has days without also starting a run on each.
    """

    can_be_scheduled = False

    def __init__(self) -> None:
        super().__init__("0 0 * * *", timezone="UTC", key_format="%Y-%m-%d")  # dates only; no hour is ever meant
        self.description = "Never by itself; a backfill has a run for each day of footage"

    @property
    def summary(self) -> str:
        """What Airflow's page shows as the schedule."""
        return "by hand or backfill"

    def next_dagrun_info_v2(
        self,
        *,
        last_dagrun_info: DagRunInfo | None,  # noqa: ARG002  (Airflow's signature)
        restriction: TimeRestriction,  # noqa: ARG002
    ) -> DagRunInfo | None:
        """No run is ever next."""
        return None

    def serialize(self) -> dict[str, Any]:
        """Nothing of it varies."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:  # noqa: ARG003  (Airflow's signature)
        """The timetable, which has no parameters."""
        return cls()
