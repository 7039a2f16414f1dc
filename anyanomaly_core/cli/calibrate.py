"""``anyanomaly calibrate``: how likely a rule's scores are to be right, learned from verdicts."""

from enum import StrEnum
from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.site import database

COLUMNS = ["scorer", "score_from", "score_to", "verdicts", "mean_score", "share_real", "probability"]


class MapShape(StrEnum):
    """Shape of the map from score to probability."""

    platt = "platt"
    isotonic = "isotonic"


def calibrate(
    rule: Annotated[str, typer.Argument(help="Name of the rule.")],
    method: Annotated[MapShape, typer.Option(help="platt for few verdicts, isotonic for dozens.")] = MapShape.platt,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Learn from verdicts how likely a rule's scores are to be right; the ready query events_by_probability uses it.

    Prints the reliability curve: how often events of each score were real, and what the map makes of them.
    """
    from anyanomaly_core.evaluation.calibration import judged_events, learn_score_map
    from anyanomaly_core.evaluation.reliability import calibration_error, reliability

    rows = []
    with database(stack) as (engine, _), engine.begin() as connection:
        for scorer, (scores, real) in judged_events(connection, rule).items():
            learned = learn_score_map(connection, rule, scorer, method.value)
            for bar in reliability(scores, real):
                probability = float(learned(scores[(scores >= bar.low) & (scores <= bar.high)]).mean())
                rows.append((scorer, bar.low, bar.high, bar.count, bar.mean_score, bar.share_right, probability))
            before = calibration_error(reliability(scores, real))
            after = calibration_error(reliability(learned(scores), real))
            note(f"Scorer {scorer}: calibration error {before:.3f} before, {after:.3f} after, on the same verdicts.")
    print_rows(COLUMNS, rows, as_json=as_json)
