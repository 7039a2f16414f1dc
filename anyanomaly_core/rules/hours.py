"""Hours of the day in which a rule counts, in the camera's time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_PATTERN = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)$")
_DAY_S = 86400
_ZONE_STEP_S = 900  # every change of a zone's offset since 1972 happens at a quarter of an hour


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``start`` to before ``end``, minutes since local midnight; ``start > end`` goes over midnight."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Read ``"22:00-06:00"``; raises ValueError that says how hours are written."""
        match = _PATTERN.match(text)
        if match is None:
            raise ValueError(f'hours are written "HH:MM-HH:MM", for example "22:00-06:00", not {text!r}')
        hours = cls(int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
        if hours.end > _DAY_S // 60:
            raise ValueError(f"the day ends at 24:00, not at {match[3]}:{match[4]}")
        if hours.start == hours.end:
            raise ValueError(f"{text!r} is an empty range; leave hours out for the whole day")
        return hours

    def mask(self, start: datetime, offsets_s: NDArray[np.float64], time_zone: str) -> NDArray[np.bool_]:
        """Which moments lie inside, [F] for moments ``start + offsets_s[F]``; clock changes are followed.

        Args:
            start: aware.
            offsets_s: [F] seconds after ``start``.
            time_zone: IANA name of the camera's zone.
        """
        utc = start.timestamp() + offsets_s  # [F]
        steps, which = np.unique(np.floor_divide(utc, _ZONE_STEP_S).astype(np.int64), return_inverse=True)
        zone = ZoneInfo(time_zone)
        shifts = np.array([_utc_offset_s(zone, int(step) * _ZONE_STEP_S) for step in steps], dtype=np.float64)
        local = np.mod(utc + shifts[which.reshape(-1)], _DAY_S)  # [F] seconds since local midnight
        after, before = local >= self.start * 60, local < self.end * 60
        return after & before if self.start < self.end else after | before


def _utc_offset_s(zone: ZoneInfo, utc_s: int) -> float:
    offset = datetime.fromtimestamp(utc_s, UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
