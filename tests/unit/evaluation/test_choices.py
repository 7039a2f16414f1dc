"""What forms and help offer is what there is: label formats and groups of ablations."""

import ast
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from anyanomaly_core.cli import evaluate
from anyanomaly_core.evaluation.labels.formats import FORMATS
from anyanomaly_core.evaluation.variants import GROUPS

DAG = (Path(__file__).resolve().parents[3] / "dags" / "evaluate_scorer.py").read_text(encoding="utf-8")


def help_of(option: str) -> str:
    hint = get_type_hints(evaluate.evaluate, include_extras=True)[option]
    return str(get_args(hint)[1].help)


@pytest.mark.parametrize(("option", "choices"), [("ablate", GROUPS), ("label_format", ["auto", *FORMATS])])
def test_the_help_names_every_choice(option: str, choices: list[str]) -> None:
    assert [name for name in choices if not re.search(rf"\b{name}\b", help_of(option))] == []


def test_the_form_offers_every_choice() -> None:
    assignments = {
        node.targets[0].id: node.value
        for node in ast.parse(DAG).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert sorted(ast.literal_eval(assignments["ABLATIONS"])) == sorted(GROUPS)
    [offered] = re.findall(r"enum=(\[.*?\])", DAG)
    assert sorted(ast.literal_eval(offered)) == sorted(["auto", *FORMATS])
