"""Rule files: one YAML mapping each, checked so that a mistake names its file, line and cure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from anyanomaly_core.errors import RuleError
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.mistakes import explain_mistakes

_MAX_BYTES = 64 * 1024


def load_rules(folder: Path | str) -> list[RuleDefinition]:
    """All ``*.yaml`` and ``*.yml`` rule files of a folder, sorted by rule name.

    Raises:
        RuleError: naming every wrong file; also when the folder is missing or has no rule file.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RuleError(f"{root} is not a folder; rules are read from a folder of YAML files.")
    paths = sorted(
        path for path in root.iterdir() if path.suffix in {".yaml", ".yml"} and not path.name.startswith(".")
    )
    if not paths:
        raise RuleError(f"{root} has no rule file; write one as docs/rules.md shows, with the ending .yaml.")
    rules: dict[str, tuple[Path, RuleDefinition]] = {}
    problems: list[str] = []
    for path in paths:
        try:
            rule = load_rule(path)
        except RuleError as error:
            problems.append(str(error))
            continue
        if rule.name in rules:
            problems.append(
                f"{path}: {rules[rule.name][0]} is also named {rule.name!r}; give one of them another name."
            )
        rules.setdefault(rule.name, (path, rule))
    if problems:
        raise RuleError("\n".join(problems))
    return [rule for _, (_, rule) in sorted(rules.items())]


def load_rule(path: Path) -> RuleDefinition:
    """One rule file; a rule without ``name`` is named like its file. Raises RuleError."""
    node = _compose(path)
    lines, first_line = _lines_of_keys(path, node), node.start_mark.line + 1
    content = _construct(path, node)
    content.setdefault("name", path.stem)
    try:
        return RuleDefinition.model_validate(content)
    except ValidationError as error:
        found = explain_mistakes(error.errors(), content)
        said = sorted((lines.get(place[:2], lines.get(place[:1], first_line)), words) for place, words in found)
        raise RuleError("\n".join(f"{path}:{line}: {words}" for line, words in said)) from None


def check_rule(content: Mapping[str, Any]) -> RuleDefinition:
    """A rule that is in no file, with the same checks; raises RuleError, a line for each mistake."""
    try:
        return RuleDefinition.model_validate(content)
    except ValidationError as error:
        raise RuleError("\n".join(words for _, words in explain_mistakes(error.errors(), content))) from None


def rule_yaml(definition: RuleDefinition) -> str:
    """The rule file that says the same; what it leaves at its default is left out."""
    stated = definition.model_dump(mode="json", exclude_defaults=True)
    text: str = yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, width=120)
    return text


def _compose(path: Path) -> yaml.MappingNode:
    """The file as YAML nodes, which know their lines."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RuleError(f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > _MAX_BYTES:
        raise RuleError(f"{path} is larger than {_MAX_BYTES} bytes; a rule file holds one rule.")
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise RuleError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RuleError(f"{path}:{line}: not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise RuleError(f"{path}: not valid YAML: {error}.") from None
    if not isinstance(node, yaml.MappingNode):
        raise RuleError(f"{path}:1: a rule file is a list of `key: value` lines; docs/rules.md shows one.")
    return node


def _construct(path: Path, node: yaml.MappingNode) -> dict[str, Any]:
    """The nodes as plain Python values; nothing but data can be in a rule file."""
    try:
        content: dict[Any, Any] = yaml.SafeLoader("").construct_document(node)
    except yaml.constructor.ConstructorError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RuleError(f"{path}:{line}: {error.problem}; a rule file holds texts, numbers and lists only.") from None
    return {str(key): value for key, value in content.items()}


def _lines_of_keys(path: Path, node: yaml.MappingNode) -> dict[tuple[str | int, ...], int]:
    """Where each key and each list entry stands, counted from 1; refuses a key that stands twice."""
    lines: dict[tuple[str | int, ...], int] = {}
    for key, value in node.value:
        place = (str(key.value),)
        if place in lines:
            raise RuleError(
                f"{path}:{key.start_mark.line + 1}: {place[0]!r} stands twice, first on line {lines[place]}."
            )
        lines[place] = key.start_mark.line + 1
        if isinstance(value, yaml.SequenceNode):
            for number, entry in enumerate(value.value):
                lines[(*place, number)] = entry.start_mark.line + 1
    return lines
