"""What runs that score tell other DAGs: which videos have scores now, and which events are in them."""

from typing import Any

from airflow.sdk import Asset, AssetAlias, get_current_context, task

SCORES = Asset("anyanomaly_scores")  # a run has committed videos
EVENTS = Asset("anyanomaly_events")  # among them are such with events
# Airflow emits every asset that a task declares; through an alias a task emits one only when there is something to say.
FOUND_EVENTS = AssetAlias("anyanomaly_found_events")


@task(trigger_rule="all_done", outlets=[SCORES, FOUND_EVENTS])
def announce(
    units: list[dict[str, Any]] | None,
    results: list[dict[str, Any]] | None,  # noqa: ARG001  (it waits for them)
) -> None:
    """Tell other DAGs of this run's scores and events, even when a task failed; skipped when there are none."""
    from airflow.sdk.exceptions import AirflowSkipException

    from tasks.announce import scan_news

    if (news := scan_news(units)) is None:
        raise AirflowSkipException("Nothing was scored.")
    scores, events = news
    outlet_events = get_current_context()["outlet_events"]
    outlet_events[SCORES].extra = scores
    if events["events"]:
        outlet_events[FOUND_EVENTS].add(EVENTS, extra=events)
