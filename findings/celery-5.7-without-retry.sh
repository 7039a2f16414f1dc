#!/bin/sh
# Celery 5.7.0 has dropped a function that Airflow's provider 3.26.0 imports, and no requirement of either says so.
# Version: celery 5.7.0 beside 5.6.3. Source: celery/backends/database of both; apache-airflow-providers-celery 3.26.0 imports it.
# Behaviour: `from celery.backends.database import retry` works in 5.6.3; in 5.7.0 there is no such name.
# Output seen 2026-11-28: 5.6.3 has retry: True, 5.7.0 has retry: False
. "$(dirname "$0")/lib.sh"
for version in 5.6.3 5.7.0; do
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --target "$D/celery-$version" "celery==$version"
done
py <<'E'
import re, sys
from pathlib import Path
found = {}
for version in ("5.6.3", "5.7.0"):
    text = Path(f"celery-{version}/celery/backends/database/__init__.py").read_text()
    found[version] = bool(re.search(r"^def retry\(", text, re.M))
print(", ".join(f"{version} has retry: {there}" for version, there in found.items()))
assert found == {"5.6.3": True, "5.7.0": False}
E
