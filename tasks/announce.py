"""What Airflow's asset events carry: the footage that arrived, the videos that a run scored, the events in them."""

from collections.abc import Iterable, Sequence
from typing import Any

from anyanomaly_core.results.arrivals import events_of_run, scores_of_run
from tasks.context import database


def arrived_footage(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The footage of all chunks together, by camera: how many videos, on how many days, which first and last."""
    videos: dict[str, int] = {}
    days: dict[str, set[str]] = {}
    for result in results:
        for camera, found in result["footage"].items():
            videos[camera] = videos.get(camera, 0) + found["videos"]
            days.setdefault(camera, set()).update(found["days"])
    cameras = {
        camera: {"videos": videos[camera], "days": len(of), "first_day": min(of), "last_day": max(of)}
        for camera, of in sorted(days.items())
    }
    return {"videos": sum(videos.values()), "camera_days": sum(map(len, days.values())), "cameras": cameras}


def scan_news(units: Sequence[dict[str, Any]] | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What a run of these units scored, and the events in it; none: it committed nothing."""
    if not units:
        return None
    engine = database()
    with engine.connect() as connection:
        scores = scores_of_run(connection, units[0]["run_id"])
        events = events_of_run(connection, units[0]["run_id"])
    engine.dispose()
    return (scores, events) if scores["videos"] else None
