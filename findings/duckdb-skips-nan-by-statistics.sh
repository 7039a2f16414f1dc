#!/bin/sh
# A filter on NaN finds none in Parquet that pyarrow wrote, though the column holds one: the same condition, counted, finds it.
# Version: pyarrow 26.0.1, duckdb 2.0.0. Source: Parquet's statistics leave NaN out, DuckDB orders NaN above every number and skips by statistics.
# Behaviour: `WHERE isnan(s)` and `WHERE s > 1` give 0 rows; `count(*) FILTER (...)` over the same file gives 1 for both.
# Output seen 2026-11-28: isnan: where 0, filter 1; s > 1: where 0, filter 1
. "$(dirname "$0")/lib.sh"
need pyarrow==26.0.1 duckdb==2.0.0 numpy==2.4.6
py <<'E'
import duckdb, numpy as np, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"s": pa.array(np.array([0.5, np.nan, 0.9], np.float32))}), "s.parquet")
def count(how):
    return duckdb.sql(f"SELECT count(*) {how}").fetchall()[0][0]
found = [count(f"FROM 's.parquet' WHERE {c}") for c in ("isnan(s)", "s > 1")]
found += [count(f"FILTER ({c}) FROM 's.parquet'") for c in ("isnan(s)", "s > 1")]
print("isnan: where {0}, filter {2}; s > 1: where {1}, filter {3}".format(*found))
assert found == [0, 0, 1, 1]
E
