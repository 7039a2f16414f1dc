"""The installations of this machine: found by name, named, chosen by default, removed."""

import re
import shutil
from pathlib import Path

from anyanomaly_core.embedded import services
from anyanomaly_core.embedded.installation import Installation, write_whole
from anyanomaly_core.errors import ConfigurationError, did_you_mean

DEMO = "demo"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def list_installations(local: Path) -> list[Installation]:
    """Every installation under ``local``, by the name of its folder."""
    return [Installation(path.parent) for path in sorted(local.glob("*/installation.json"))]


def find_installation(local: Path, name: str) -> Installation:
    """The installation of this name, given or of its folder.

    Raises:
        ConfigurationError: when there is none; the message has the nearest name.
    """
    found = list_installations(local)
    for installation in found:
        if name in {installation.name, installation.folder.name}:
            return installation
    if not found:
        raise ConfigurationError(_none_yet(local))
    hint = did_you_mean(name, [installation.name for installation in found])
    raise ConfigurationError(f"There is no installation {name!r}; {hint}")


def choose_installation(local: Path, name: str = "") -> Installation:
    """The installation that a command means: the one named, else the default, else the only one.

    Raises:
        ConfigurationError: when there is none, or it is not clear which is meant.
    """
    if name:
        return find_installation(local, name)
    found = list_installations(local)
    if not found:
        raise ConfigurationError(_none_yet(local))
    if len(found) == 1:
        return found[0]
    if (default := default_installation(local)) is not None:
        return default
    names = ", ".join(installation.name for installation in found)
    raise ConfigurationError(
        f"There are several installations: {names}. Say which one with --stack NAME (make: STACK=NAME), or choose one "
        "for every command to come: `anyanomaly installations default NAME`."
    )


def default_installation(local: Path) -> Installation | None:
    """The one that was chosen as default, if it is still there."""
    try:
        folder = (local / "default").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return next((found for found in list_installations(local) if found.folder.name == folder), None)


def set_default(local: Path, installation: Installation) -> None:
    """Take this installation wherever a command names none."""
    write_whole(local / "default", f"{installation.folder.name}\n")


def name_installation(local: Path, installation: Installation, name: str) -> None:
    """Give an installation a name to type; its folder stays.

    Raises:
        ConfigurationError: when the name cannot be typed easily, or another installation has it.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name[:60]!r} cannot be a name: up to 40 lower-case letters, digits, - and _.")
    taken = {label for other in list_installations(local) if other != installation for label in other.labels}
    if name in taken:
        raise ConfigurationError(f"Another installation is called {name!r}.")
    write_whole(installation.name_file, f"{name}\n")


def remove_installation(local: Path, installation: Installation) -> None:
    """Stop everything of an installation and delete it: results, verdicts, holds, accounts. Footage stays.

    Footage that was rendered for the demo lies in its folder and goes with it.
    """
    services.down(installation, say=lambda _: None)
    if default_installation(local) == installation:
        (local / "default").unlink()
    for path in sorted(installation.folder.iterdir()):
        if path.name == "installation.json":
            continue  # goes last: an interrupted removal is still listed, and can be repeated
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.rmtree(installation.folder)


def _none_yet(local: Path) -> str:
    return (
        f"There is no installation under {local} yet. `make demo` makes one for the demo, "
        "`make scan FOOTAGE=/archive RULES=/my/rules PROFILE=name` one for your footage."
    )
