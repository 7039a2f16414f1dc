-- Parquet files in a bucket are named after their bytes; the ledger says which are the unit's.

ALTER TABLE units ADD COLUMN parquet_files text[];
COMMENT ON COLUMN units.parquet_files IS 'With ANYANOMALY_PARQUET_ROOT in a bucket: names of its Parquet files under that root. NULL: in a folder, where their names follow from rule, camera, day and scorer.';
