"""What is wrong with a rule file, in the words of somebody who writes one."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from anyanomaly_core.errors import nearest_name
from anyanomaly_core.rules.definition import RuleDefinition

Place = tuple[str | int, ...]  # a key, and of a list the number of the entry

_KINDS = {bool: "yes or no", int: "a number", float: "a number", type(None): "nothing"}
_SIGNS = {
    "name": "use up to 63 lower-case letters, digits, - and _, a letter or digit first",
    "cameras": "[ and ] stand for nothing here; * stands for anything, ? for one character",
}


def explain_mistakes(problems: Sequence[ErrorDetails], content: Mapping[str, Any]) -> list[tuple[Place, str]]:
    """Where each mistake stands, and what to do; what only follows from another mistake is left out.

    Args:
        problems: of validating the content as a rule.
        content: of the file.
    """
    unknown = {str(problem["loc"][0]) for problem in problems if problem["type"] == "extra_forbidden"}
    meant = {nearest_name(key, RuleDefinition.model_fields) for key in unknown}
    entries = {problem["loc"][0] for problem in problems if len(problem["loc"]) > 1}
    found = []
    for problem in problems:
        place, kind = problem["loc"], problem["type"]
        if kind == "missing" and place[0] in meant:
            continue  # it stands there, misspelt
        if kind == "too_short" and place[0] in entries:
            continue  # its entries are wrong, and were not counted
        found.append((_place(problem, content), _words(problem)))
    return found


def _place(problem: ErrorDetails, content: Mapping[str, Any]) -> Place:
    """A mistake between two keys is told at the one that its words begin with."""
    if problem["loc"]:
        return problem["loc"]
    first = problem["msg"].removeprefix("Value error, ").partition(" ")[0]
    return (first,) if first in content else ()


def _words(problem: ErrorDetails) -> str:
    if not problem["loc"]:
        return f"{problem['msg'].removeprefix('Value error, ')}."
    key, kind, value = str(problem["loc"][0]), problem["type"], problem["input"]
    if kind == "extra_forbidden":
        near = nearest_name(key, RuleDefinition.model_fields)
        return f"unknown key {key!r}; " + (
            f"did you mean {near!r}?" if near else f"known are {', '.join(RuleDefinition.model_fields)}."
        )
    if kind == "missing":
        return f"{key!r} is missing; add `{key}:`{' with at least one line of text' if key == 'texts' else ''}."
    return f"{key}: {_mistake(key, kind, value, problem.get('ctx', {}))}."


def _mistake(key: str, kind: str, value: object, limits: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return f"{value!r} cannot be used; {_SIGNS.get(key, 'it holds a character that is not text')}"
    if kind == "value_error":
        return str(limits["error"])
    if isinstance(value, float) and math.isnan(value):
        kind = "float_type"
    words = _MISTAKES.get(kind)
    return kind if words is None else words(value, limits)


def _no_list(value: object, _: Mapping[str, Any]) -> str:
    return f"write it as a list, [{value!r}]" if isinstance(value, str) else "write it as a list"


def _no_text(value: object, _: Mapping[str, Any]) -> str:
    if isinstance(value, list | dict):
        return "an entry is a text, not a list"
    return f"put {value} in quotes, YAML reads it as {_KINDS.get(type(value), 'something else')}"


def _no_number(value: object, _: Mapping[str, Any]) -> str:
    with_point = str(value).replace(",", ".")
    hint = f"; write {with_point}, with a point" if isinstance(value, str) and with_point != value else ""
    return f"a number is needed, not {value!r}{hint}"


def _no_switch(value: object, _: Mapping[str, Any]) -> str:
    return f"write true or false, not {value!r}"


_MISTAKES: dict[str, Callable[[object, Mapping[str, Any]], str]] = {
    "tuple_type": _no_list,
    "too_short": lambda _, __: "the list is empty; at least one entry is needed",
    "too_long": lambda _, limits: (
        f"the list has {limits['actual_length']} entries; {limits['max_length']} are the most"
    ),
    "string_type": _no_text,
    "string_too_short": lambda _, __: "a text is empty; write what to look for, or take it out",
    "string_too_long": lambda v, limits: f"a text has {len(str(v))} characters; {limits['max_length']} are the most",
    "bool_type": _no_switch,
    "bool_parsing": _no_switch,
    "float_type": _no_number,
    "float_parsing": _no_number,
    "less_than_equal": lambda value, limits: f"{value} is too much; {limits['le']:g} is the most",
    "greater_than_equal": lambda value, limits: f"{value} is too little; {limits['ge']:g} is the least",
}
