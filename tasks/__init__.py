"""What each Airflow task does, as plain typed functions; nothing here imports Airflow."""
