"""Write ``docs/configuration.md`` from the settings class, so that the page cannot say anything else than the code.

``make docs`` writes it, ``--check`` only compares (a test does).
"""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from anyanomaly_core.config import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
HEAD = """\
# Configuration

<!-- Written by `make docs` from anyanomaly_core/config.py; change it there. -->

Every setting is an environment variable. They are checked when a command or task starts; a wrong one is named with
what is wrong. `make demo`, `make scan` and `make up` set the required ones themselves (docs/operations.md); whatever
else stands in the environment of these commands reaches the tasks too.

Secrets come from the environment only; none is ever written to the repository, a log or a task's arguments.

| Variable | Default | What it is |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return HEAD + "\n".join(rows) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    return f"| `ANYANOMALY_{name.upper()}` | {_default(field)} | {(field.description or '').replace('|', '/')} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**" + (", secret" if field.annotation is SecretStr else "")
    default: Any = field.default
    return "none" if default is None else f"`{default}`"


def main() -> None:
    """Write the page, or with ``--check`` fail when it is not current."""
    current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if "--check" in sys.argv:
        sys.exit(0 if current == page() else f"{PAGE} is not current; `make docs` writes it.")
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
