from pathlib import Path

import pytest

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.rules.alerts import AlertFile, load_alerts


def test_no_file_tells_nobody() -> None:
    assert load_alerts(None) == AlertFile()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("targets: [a]", "must be a mapping with `targets:`"),
        ("targets: {a: {kind: webhook}}", "target a: connection: Field required"),
        ("targets: {a: {kind: pager, connection: x}}", "target a"),
        ("targets: {a: {kind: webhook, connection: x, score: 1}}", "target a: score: Extra inputs"),
        ("targets: {a: {kind: webhook, connection: x, min_score: 7}}", "target a: min_score"),
        ("targets: {a: {kind: mqtt, connection: x, topic: 'cams/#'}}", "topic: + and # are for those who listen"),
        ("targets: {a: {kind: mqtt, connection: x, topic: '{host}'}}", "topic: it may hold {camera} and {rule}"),
        ('targets: {a: {kind: mail, connection: x, to: ["a@b\\nBcc: c@d"]}}', "to: 0: it holds a line break"),
        ("targets: {a: {kind: slack, connection: x, picture: true}}", "target a: picture"),
        ("review_url: javascript:alert(1)\ntargets: {}", "review_url"),
        ("targets: {a: {kind: webhook, connection: x, password: hush}}", "target a: password: Extra inputs"),
        ("{", "is not YAML"),
    ],
)
def test_a_mistake_is_told_at_its_target_and_key(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="The file of alerts") as error:
        load_alerts(path)
    assert said in str(error.value)
    assert "hush" not in str(error.value)
