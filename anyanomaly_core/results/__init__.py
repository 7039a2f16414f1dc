"""What people query: tables, COPY, Parquet, the coverage ledger, events."""
