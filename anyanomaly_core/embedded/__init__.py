"""The stack on one machine: PostgreSQL and Airflow as child processes, and what `make` does with them."""
