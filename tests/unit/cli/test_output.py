"""Other programs read what ``--json`` prints."""

import json
from decimal import Decimal
from uuid import UUID

import pytest

from anyanomaly_core.cli.output import print_rows


def test_json_has_null_where_there_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["what", "value"], [("a", float("nan")), ("b", float("inf")), ("c", 0.5)], as_json=True)

    def refuse(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert [row["value"] for row in found] == [None, None, 0.5]


def test_json_numbers_are_numbers_and_ids_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    event = UUID("613e0191-ba8e-5d8c-b1f1-08c93f6e7903")
    print_rows(["a", "b", "c", "d"], [(Decimal("4.0"), Decimal("0.25"), event, [Decimal(1), True])], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"a": 4, "b": 0.25, "c": str(event), "d": [1, True]}]
