#!/usr/bin/env bash
# Write .env with generated secrets for docker-compose.yml: .ci/docker/make-env.sh /path/to/footage /path/to/rules
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ $# -ne 2 ]; then
    echo "usage: .ci/docker/make-env.sh FOOTAGE_DIR RULES_DIR" >&2
    exit 2
fi
if [ -e .env ]; then
    echo ".env exists already; move it away first, its passwords open the databases." >&2
    exit 1
fi
umask 077
secret() { openssl rand -hex 24; }
cat > .env <<END
FOOTAGE_DIR=$1
RULES_DIR=$2
POSTGRES_PASSWORD=$(secret)
AIRFLOW_DB_PASSWORD=$(secret)
ANYANOMALY_DB_PASSWORD=$(secret)
ANYANOMALY_OWNER_PASSWORD=$(secret)
ANYANOMALY_REVIEWER_PASSWORD=$(secret)
REDIS_PASSWORD=$(secret)
AIRFLOW_ADMIN_PASSWORD=$(secret)
AIRFLOW_API_SECRET_KEY=$(secret)
AIRFLOW_JWT_SECRET=$(secret)
AIRFLOW_FERNET_KEY=$(openssl rand -base64 32 | tr '+/' '-_')
VLLM_API_KEY=$(secret)
END
echo "Wrote .env (readable by you only). Next: docker compose build && docker compose up -d"
