#!/bin/sh
# A timestamp with time zone cannot be fetched from DuckDB's Python package as it installs.
# Version: duckdb 2.0.0. Source: DuckDB's conversion imports `pytz`, which its wheel does not require.
# Behaviour: the query runs; `fetchall` raises. In SQL, `timezone('UTC', t)` or a cast to text avoids it.
# Output seen 2026-11-28: InvalidInputException, names pytz: True; as text 2026-03-01 10:00:00
. "$(dirname "$0")/lib.sh"
need duckdb==2.0.0
py <<'E'
import duckdb
duckdb.sql("SET TimeZone = 'UTC'")
try:
    found = repr(duckdb.sql("SELECT TIMESTAMPTZ '2026-03-01 10:00:00+00'").fetchall())
except Exception as error:
    found = f"{type(error).__name__}, names pytz: {'pytz' in str(error)}"
text = duckdb.sql("SELECT timezone('UTC', TIMESTAMPTZ '2026-03-01 10:00:00+00')::text").fetchall()[0][0]
print(f"{found}; as text {text}")
assert "names pytz: True" in found and text == "2026-03-01 10:00:00"
E
