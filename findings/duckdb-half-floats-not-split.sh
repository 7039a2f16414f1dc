#!/bin/sh
# DuckDB reads Parquet's half floats, and byte-stream-split floats, but not byte-stream-split half floats, which pyarrow writes.
# Version: pyarrow 26.0.1, duckdb 2.0.0. Source: Parquet format 2.11 extends BYTE_STREAM_SPLIT to FIXED_LEN_BYTE_ARRAY; DuckDB's error says which it knows.
# Behaviour: the file is valid and pyarrow reads it back; DuckDB raises.
# Output seen 2026-11-28: plain [(0.5,)], split: BYTE_STREAM_SPLIT encoding is only supported for FLOAT, DOUBLE, INT32 or INT64 data
. "$(dirname "$0")/lib.sh"
need pyarrow==26.0.1 duckdb==2.0.0 numpy==2.4.6
py <<'E'
import duckdb, numpy as np, pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"s": pa.array(np.array([0.5], np.float16))})
pq.write_table(table, "plain.parquet")
pq.write_table(table, "split.parquet", use_dictionary=False, column_encoding={"s": "BYTE_STREAM_SPLIT"})
assert pq.read_table("split.parquet").equals(table)
plain = duckdb.sql("SELECT s FROM 'plain.parquet'").fetchall()
try:
    split = str(duckdb.sql("SELECT s FROM 'split.parquet'").fetchall())
except duckdb.Error as error:
    split = str(error)
print(f"plain {plain}, split: {split}")
assert plain == [(0.5,)] and "BYTE_STREAM_SPLIT" in split
E
