#!/bin/sh
# rich on a terminal of TERM=dumb is 80 columns wide whatever COLUMNS says, unless LINES is set too.
# Version: rich==15.0.0. Source: rich/console.py, Console.size: a dumb terminal is 80 by 25; COLUMNS alone counts on others.
# Behaviour: tables are wrapped at 80 in editors' shells and CI logs that pass as terminals, though COLUMNS=200 is exported.
# Output seen 2026-11-28: xterm: 200, dumb: 80, dumb with LINES: 200
. "$(dirname "$0")/lib.sh"
need rich==15.0.0
py <<'P'
import os, subprocess, sys
code = "from rich.console import Console; print(Console(force_terminal=True).width)"
def width(**more):
    environment = {name: value for name, value in os.environ.items() if name != "LINES"} | {"COLUMNS": "200"} | more
    return subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, check=True).stdout.strip()
found = f"xterm: {width(TERM='xterm')}, dumb: {width(TERM='dumb')}, dumb with LINES: {width(TERM='dumb', LINES='50')}"
print(found)
assert found == "xterm: 200, dumb: 80, dumb with LINES: 200"
P
