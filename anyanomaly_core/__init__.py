"""AnyAnomaly over archived CCTV footage: the library. Nothing here imports Airflow."""

__version__ = "0.1.0"
