"""What every DAG file shares: assets, pools, default arguments, form fields.

Airflow reads the DAG files, and this with them, twice a minute and before every task: nothing heavy is imported here.
"""
