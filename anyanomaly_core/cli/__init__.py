"""The command ``anyanomaly``: a thin skin over the library for one machine without Airflow."""

from anyanomaly_core.cli.app import main

__all__ = ["main"]
