# Sourced by the scripts here: a temporary folder, pinned packages in it, Python with nothing else.
set -eu
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
PYTHON=${PYTHON:-python3}
need() { "$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$D/site" "$@"; }
py() { (cd "$D" && PYTHONPATH="$D/site" "$PYTHON" -S - "$@"); } # -S: no packages but those in the folder
