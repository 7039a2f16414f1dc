#!/bin/sh
# A Hive folder `camera=01` is the number 1 to pyarrow until a camera with a letter joins, and text to DuckDB.
# Version: pyarrow 26.0.1, duckdb 2.0.0. Source: pyarrow.dataset's inferred partition types; DuckDB's hive_types_autocast.
# Behaviour: the type of a column depends on which other cameras there are; a filter camera = '01' then finds nothing or fails.
# Output seen 2026-11-28: pyarrow [1], with 07b ['01', '07b'], DuckDB ['01', '07b']
. "$(dirname "$0")/lib.sh"
need pyarrow==26.0.1 duckdb==2.0.0
py <<'E'
from pathlib import Path
import duckdb, pyarrow as pa, pyarrow.parquet as pq
def add(camera):
    Path(f"h/camera={camera}").mkdir(parents=True)
    pq.write_table(pa.table({"score": [0.5]}), f"h/camera={camera}/a.parquet")
    return sorted(pq.read_table("h")["camera"].to_pylist())
alone, both = add("01"), add("07b")
duck = sorted(row[0] for row in duckdb.sql("SELECT camera FROM read_parquet('h/*/*.parquet', hive_partitioning = true)").fetchall())
print(f"pyarrow {alone}, with 07b {both}, DuckDB {duck}")
assert (alone, both, duck) == ([1], ["01", "07b"], ["01", "07b"])
E
