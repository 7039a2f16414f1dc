#!/usr/bin/env bash
# Runs once, when PostgreSQL makes its data directory: the same users and databases as embedded/postgres_users.py.
# psql reads the passwords from the environment, so that they stand in no command line.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username postgres <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv scanner_password ANYANOMALY_DB_PASSWORD
\getenv owner_password ANYANOMALY_OWNER_PASSWORD
\getenv reviewer_password ANYANOMALY_REVIEWER_PASSWORD
CREATE ROLE anyanomaly_owner NOLOGIN;
CREATE ROLE anyanomaly_writer NOLOGIN;
CREATE ROLE anyanomaly_reviewer NOLOGIN;
CREATE ROLE anyanomaly_reader NOLOGIN;
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE anyanomaly LOGIN PASSWORD :'owner_password' IN ROLE anyanomaly_owner;
CREATE ROLE scanner LOGIN PASSWORD :'scanner_password' IN ROLE anyanomaly_writer;
CREATE ROLE reviewer LOGIN PASSWORD :'reviewer_password' IN ROLE anyanomaly_reviewer;
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE anyanomaly OWNER anyanomaly;
REVOKE ALL ON DATABASE airflow, anyanomaly FROM PUBLIC;
GRANT CONNECT ON DATABASE anyanomaly TO anyanomaly_owner, anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT CREATE ON DATABASE anyanomaly TO anyanomaly_owner;
\connect anyanomaly
CREATE EXTENSION vector;
SQL
