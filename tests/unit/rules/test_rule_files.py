import contextlib
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import RuleError
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.files import load_rule, load_rules, rule_yaml

GOOD = """\
name: night-intruder
description: Somebody where nobody should be at night.
texts: [a person climbs over a fence, a person near the gate]
excluded: [a guard with a dog]
cameras: ["gate*", yard]
hours: "22:00-06:00"
threshold: 0.6
release_threshold: 0.4
min_duration_s: 2
profile: demo
"""


def write(folder: Path, content: str, name: str = "rule.yaml") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (rule,) = load_rules(tmp_path)
    assert rule.name == "night-intruder"
    assert rule.texts == ("a person climbs over a fence", "a person near the gate")
    assert (rule.threshold, rule.release_threshold, rule.min_duration_s, rule.max_gap_s) == (0.6, 0.4, 2.0, 1.0)
    assert rule.active
    assert [rule.matches_camera(c) for c in ("gate", "gate-2", "yard", "yard2", "old-gate")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_the_file_name_is_the_rule_name_when_none_is_given(tmp_path: Path) -> None:
    assert load_rule(write(tmp_path, "texts: [a dog]", "stray-dog.yaml")).name == "stray-dog"


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("texts: [a]\nthreshhold: 0.4\n", 2, "unknown key 'threshhold'; did you mean 'threshold'?"),
        ("texts: [a]\nzzz: 0.4\n", 2, "unknown key 'zzz'; known are name, description, texts"),
        ("texts: a person falls\n", 1, "write it as a list, ['a person falls']"),
        ("texts: [a, no]\n", 1, "put False in quotes, YAML reads it as yes or no"),
        ("texts:\n- a\n- 12\n", 3, "put 12 in quotes, YAML reads it as a number"),
        ("texts: []\n", 1, "the list is empty; at least one entry is needed"),
        ("name: x\n", 1, "'texts' is missing; add `texts:`"),
        ("name: My Rule\ntexts: [a]\n", 1, "use up to 63 lower-case letters, digits, - and _"),
        ("texts: [a]\nhours: 22:00\n", 2, "put 1320 in quotes, YAML reads it as a number"),
        ("texts: [a]\nhours: 10pm-6am\n", 2, 'hours are written "HH:MM-HH:MM"'),
        ("texts: [a]\nhours: 06:00-06:00\n", 2, "empty range"),
        ("texts: [a]\nthreshold: 1.5\n", 2, "1.5 is too much; 1 is the most"),
        ("texts: [a]\nthreshold: .nan\n", 2, "a number is needed, not nan"),
        ("texts: [a]\nthreshold: 0.2\nrelease_threshold: 0.3\n", 3, "release_threshold 0.3 is above threshold 0.2"),
        ("texts: [a]\nthreshold: 0.2\nthreshold: 0.3\n", 3, "'threshold' stands twice, first on line 2"),
        ("texts: [a]\ncameras: ['[ab]*']\n", 2, "cameras"),
        ("texts: [a\nb: 1\n", 2, "not valid YAML"),
        ("- texts\n", 1, "a rule file is a list of `key: value` lines"),
        ("", None, "a rule file is a list of `key: value` lines"),
        ("texts: !!python/name:os.system [a]\n", 1, "texts, numbers and lists only"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_cure(tmp_path: Path, content: str, line: int | None, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(RuleError) as caught:
        load_rule(path)
    message = str(caught.value)
    assert f"{path}:{line}: " in message if line else message.startswith(str(path))
    assert said in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text: [a]\n", ["1: unknown key 'text'; did you mean 'texts'?"]),
        ("texts: [1]\n", ["1: texts: put 1 in quotes, YAML reads it as a number."]),
        ("texts: ['']\n", ["1: texts: a text is empty; write what to look for, or take it out."]),
        ("texts: [a]\nthreshold: 0,5\n", ["2: threshold: a number is needed, not '0,5'; write 0.5, with a point."]),
        ("texts: [a]\nactive: maybe\n", ["2: active: write true or false, not 'maybe'."]),
        (
            "hours: 22-6\ntext: [a]\nthreshold: 3\n",
            [
                '1: hours: hours are written "HH:MM-HH:MM", for example "22:00-06:00", not \'22-6\'.',
                "2: unknown key 'text'; did you mean 'texts'?",
                "3: threshold: 3 is too much; 1 is the most.",
            ],
        ),
    ],
)
def test_a_mistake_is_said_once_and_in_plain_words(tmp_path: Path, content: str, said: list[str]) -> None:
    path = write(tmp_path, content)
    with pytest.raises(RuleError) as caught:
        load_rule(path)
    assert str(caught.value).splitlines() == [f"{path}:{line}" for line in said]


def test_every_wrong_file_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, "texts: 1\n", "a.yaml")
    write(tmp_path, "text: [x]\n", "b.yml")
    write(tmp_path, "name: c\ntexts: [x]\n", "c.yaml")
    write(tmp_path, "name: c\ntexts: [y]\n", "d.yaml")
    (tmp_path / "e.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError) as caught:
        load_rules(tmp_path)
    for wrong in ("a.yaml:1", "b.yml:1", "d.yaml", "e.yaml is not UTF-8"):
        assert wrong in str(caught.value)
    assert "c.yaml is also named 'c'" in str(caught.value)


def test_no_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="not a folder"):
        load_rules(tmp_path / "none")
    with pytest.raises(RuleError, match="no rule file"):
        load_rules(tmp_path)


words = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Zs")),
    min_size=1,
    max_size=20,
)
thresholds = st.floats(0, 1)


made = st.builds(
    lambda texts, excluded, pair, duration, active: RuleDefinition(
        name="r",
        texts=texts,
        excluded=excluded,
        threshold=pair[1],
        release_threshold=pair[0],
        min_duration_s=duration,
        active=active,
    ),
    st.lists(words, min_size=1, max_size=4),
    st.lists(words, max_size=3),
    st.tuples(thresholds, thresholds).map(sorted),
    st.floats(0, 100),
    st.booleans(),
)


@given(made)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rule: RuleDefinition) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(yaml.safe_dump(rule.model_dump(mode="json"), allow_unicode=True), encoding="utf-8")
    assert load_rule(path) == rule


@given(st.binary(max_size=200))
def test_any_bytes_give_a_rule_or_a_rule_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    with contextlib.suppress(RuleError):
        load_rule(path)


def test_digests_say_what_changed() -> None:
    rule = RuleDefinition(name="r", texts=("a", "b"))
    for same in ({"active": False},):
        assert rule.model_copy(update=same).digest() == rule.digest()
    for edit in (
        {"threshold": 0.6},
        {"hours": "01:00-02:00"},
        {"cameras": ("x",)},
        {"min_duration_s": 3.0},
        {"description": "d"},
    ):
        edited = rule.model_copy(update=edit)
        assert edited.digest() != rule.digest()
        assert edited.scoring_digest() == rule.scoring_digest()
    for edit in ({"texts": ("a",)}, {"excluded": ("c",)}, {"profile": "cpu"}):
        assert rule.model_copy(update=edit).scoring_digest() != rule.scoring_digest()


lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).map(str.strip).filter(bool)


@given(
    texts=st.lists(lines, min_size=1, max_size=3),
    excluded=st.lists(lines, max_size=2),
    hours=st.sampled_from([None, "22:00-06:00", "09:00-17:30"]),
    threshold=st.floats(0, 1),
    active=st.booleans(),
)
def test_a_rule_written_as_a_file_is_read_as_the_same_rule(
    texts: list[str], excluded: list[str], hours: str | None, threshold: float, active: bool
) -> None:
    rule = RuleDefinition(
        name="1e3", texts=tuple(texts), excluded=tuple(excluded), hours=hours, threshold=threshold, active=active
    )
    with tempfile.TemporaryDirectory() as folder:
        assert load_rule(write(Path(folder), rule_yaml(rule))) == rule
