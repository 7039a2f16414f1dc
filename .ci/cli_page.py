"""Write ``docs/cli.md`` from the commands themselves; ``make docs`` does it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from anyanomaly_core.cli.page import render_cli_page  # noqa: E402

if __name__ == "__main__":
    (ROOT / "docs" / "cli.md").write_text(render_cli_page(), encoding="utf-8")
