"""The table of recorders in ``docs/footage.md``; a test compares the two."""

from anyanomaly_core.footage.recorders.presets import RECORDERS


def table() -> str:
    """Markdown, a row per preset."""
    head = ["| layout | recorder | names such as | to be known |", "|---|---|---|---|"]
    rows = [
        f"| `{r.name}` | {r.title} | `{r.example}` | {'In UTC. ' if r.zone == 'UTC' else ''}{r.remark} |"
        for r in RECORDERS.values()
    ]
    return "\n".join([*head, *rows]) + "\n"
