"""What docker-compose.yml says, as a container would see it."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(:-|:\?)?([^}]*)\}")


def services(file: Path = ROOT / "docker-compose.yml") -> dict[str, Any]:
    """Every service of a compose file."""
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
    return found


def environment(service: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """The environment of a service, its variables filled in; raises KeyError for one that must be set and is not."""

    def fill(found: re.Match[str]) -> str:
        name, kind, default = found[1], found[2], found[3]
        if name not in given and kind == ":?":
            raise KeyError(name)
        return given.get(name) or (default if kind == ":-" else "")

    stated = {name: value for name, value in service.get("environment", {}).items() if value is not None}
    return {name: _VARIABLE.sub(fill, str(value)).replace("$$", "$") for name, value in stated.items()}


def python_commands() -> dict[str, list[str]]:
    """Every Python command of the image: those of the services, of their health checks and of the step before them."""
    found: dict[str, list[str]] = {}
    for name, service in services().items():
        if not str(service["image"]).startswith("anyanomaly:"):
            continue
        check = service.get("healthcheck", {}).get("test", [])
        command = [re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", word) for word in service["command"]]
        commands = {name: command, f"{name}, health": shlex.split(check[-1]) if len(check) == 2 else check}
        found |= {where: command for where, command in commands.items() if command[:1] == ["python"]}
    script = (ROOT / ".ci/docker/prepare.sh").read_text(encoding="utf-8")
    prepare = [["python", "-m", *shlex.split(line)] for line in re.findall(r"python -m ([^>&|\\\n]+)", script)]
    return found | {f"prepare, {' '.join(command[2:4])}": command for command in prepare}
