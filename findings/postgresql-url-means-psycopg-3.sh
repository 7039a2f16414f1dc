#!/bin/sh
# Under SQLAlchemy 2.1 a URL `postgresql://` means psycopg 3.
# Version: SQLAlchemy 2.1.9. Source: SQLAlchemy's change log of 2.1, default driver of PostgreSQL.
# Behaviour: with psycopg2 alone installed, the URL, and Celery's `db+postgresql://` which becomes it, fail to import a driver.
# Output seen 2026-11-28: 2.1.9 psycopg
. "$(dirname "$0")/lib.sh"
need SQLAlchemy==2.1.9
py <<'E'
import sqlalchemy
from sqlalchemy.engine import make_url
driver = make_url("postgresql://user@host/name").get_dialect().driver
print(sqlalchemy.__version__, driver)
assert driver == "psycopg"
E
