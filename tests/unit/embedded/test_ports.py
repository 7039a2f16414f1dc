"""Two installations that start at the same time get two ports."""

import subprocess
import sys
from pathlib import Path

from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.embedded.ports import claim_port, free_port

OTHER = """
import sys
from anyanomaly_core.embedded.ports import claim_port
print(claim_port(int(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_a_port_that_another_process_is_about_to_use_is_not_chosen(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", OTHER, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not claim_port(port)
        installation = Installation(tmp_path)
        installation.run.mkdir(parents=True)
        (installation.run / "api.port").write_text(str(port))
        assert installation.api_port() != port
        other.communicate()
    assert claim_port(port), "it died, so nobody is about to use it"
    assert claim_port(port), "and it stays ours"
