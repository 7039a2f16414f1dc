"""Tasks of the DAG ``index_archive``."""

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from anyanomaly_core import __version__
from anyanomaly_core.archive.footage_index import index_videos, load_index_encoder, missing_from_index
from anyanomaly_core.archive.missing import FootageSelection
from anyanomaly_core.archive.scan import segment_progress
from anyanomaly_core.config import get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.catalog import load_videos
from tasks.context import database, stall_watchdog

log = logging.getLogger(__name__)

MAX_TASKS = 1000  # Airflow maps at most 1024

Work = dict[str, Any]


def plan_index(
    *,
    cameras: Sequence[str] = (),
    first_day: str | None = None,
    last_day: str | None = None,
    profile: str | None = None,
    external_id: str | None = None,
) -> list[Work]:
    """What the index lacks, packed by camera and up to ten times ``unit_seconds`` of footage.

    Args:
        cameras: ids or patterns; none: all.
        first_day: of footage, yyyy-mm-dd in the camera's time zone, inclusive.
        last_day: likewise.
        profile: whose encoder; none: the installation's.
        external_id: Airflow's run id.
    """
    settings = get_settings()
    engine = database(settings)
    name = profile or settings.profile
    selection = FootageSelection.parse(cameras=cameras, first_day=first_day, last_day=last_day)
    with engine.begin() as connection:
        videos = missing_from_index(connection, settings, load_profile(name), selection)
        total = sum(video.duration_s or 0.0 for video in videos)
        most_s = max(10 * settings.unit_seconds, 2 * total / MAX_TASKS)
        work: list[Work] = []
        for camera, group in groupby(sorted(videos, key=lambda video: video.camera_id), lambda video: video.camera_id):
            seconds = 0.0
            for video in group:
                if not seconds or seconds + (video.duration_s or 0.0) > most_s:
                    work.append({"name": f"{camera} from {video.local_date}", "profile": name, "videos": []})
                    seconds = 0.0
                work[-1]["videos"].append(video.video_id)
                seconds += video.duration_s or 0.0
        if work:  # a run that writes nothing is not noted
            params = {"cameras": [*cameras], "from": first_day, "to": last_day, "profile": profile}
            run_id = scorer_store.start_run(
                connection, "index", code_version=__version__, external_id=external_id, params=params
            )
            work = [{**item, "run_id": run_id} for item in work]
    engine.dispose()
    log.info("%d videos with %.0f s of footage are not in the index", len(videos), total)
    return work[:MAX_TASKS]


def index_part(part: Work) -> dict[str, Any]:
    """Put the videos of a part into the index, each committed before the next begins.

    Raises:
        ModelError: when the encoder is not to be had or breaks.
        FootageError: at the end, when a video could not be decoded to its end.
    """
    settings = get_settings()
    engine = database(settings)
    profile = load_profile(part["profile"])
    with stall_watchdog(settings), LoggedProgress(part["name"]) as progress:
        encoder = load_index_encoder(engine, profile, settings)
        with engine.connect() as connection:
            videos = load_videos(connection, part["videos"])
        advance = segment_progress(videos, profile, progress)
        result = index_videos(engine, videos, encoder, settings=settings, run_id=part["run_id"], progress=advance)
    engine.dispose()
    result.raise_failures()
    return {"name": part["name"], "counts": dict(result.counts)}


def summarize_index(parts: Sequence[Work] | None, results: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Say what was indexed and close the run; raises AnyAnomalyError when a part failed."""
    if parts is None:
        raise AnyAnomalyError("The index was not planned; the log of plan_index says why.")
    finished = [result for result in results if result is not None]
    counts: Counter[str] = Counter()
    for result in finished:
        counts.update(result["counts"])
    failed = len(parts) - len(finished)
    summary = {"parts": len(parts), "parts_failed": failed, **counts}
    log.info("%s", summary if parts else "The index lacked nothing.")
    if parts:
        engine = database()
        with engine.begin() as connection:
            scorer_store.finish_run(connection, parts[0]["run_id"], "failed" if failed else "success", summary)
        engine.dispose()
    if failed:
        raise AnyAnomalyError(f"{failed} of {len(parts)} parts failed; their logs say which videos, and why.")
    return summary
