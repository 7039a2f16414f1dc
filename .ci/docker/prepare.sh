#!/usr/bin/env bash
# Before the services start: both databases up to date, Airflow's password in its file, the pools there.
set -euo pipefail

python -m airflow db migrate
python -m anyanomaly_core.cli migrate

passwords="$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
(umask 077 && python -c 'import json, os; print(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))' > "$passwords")

# A size that somebody chose in Airflow's page is kept.
python -m airflow pools get gpu > /dev/null 2>&1 \
    || python -m airflow pools set gpu "$GPU_SLOTS" "Units of scan work at the same time, one per GPU"
python -m airflow pools get backfill > /dev/null 2>&1 \
    || python -m airflow pools set backfill 1 "Units of backfill work at the same time"
