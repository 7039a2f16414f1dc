"""Other programs read what ``--json`` prints."""

import json

import pytest

from anyanomaly_core.cli.output import print_rows


def test_json_has_null_where_there_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["what", "value"], [("a", float("nan")), ("b", float("inf")), ("c", 0.5)], as_json=True)

    def refuse(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert [row["value"] for row in found] == [None, None, 0.5]
