"""``make scan``: the two DAG runs over the user's own footage, in an installation of its own."""

import os
from pathlib import Path

from anyanomaly_core.embedded import installation, pipeline, report
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.layout import ANY_FOLDER
from anyanomaly_core.profile import load_profile
from anyanomaly_core.rules.files import load_rules


def run(local: Path, footage_folder: str, rules_folder: str, profile: str) -> None:
    """Scan a folder with the rules of another and print what was found.

    Args:
        local: folder of the installations.
        footage_folder: root of the archive.
        rules_folder: of rule files.
        profile: for rules that name none; empty: ``ANYANOMALY_PROFILE``, or the demo's.

    Raises:
        ConfigurationError, RuleError: before anything is started, when an argument cannot be used.
    """
    footage, rules = _folder("FOOTAGE", footage_folder), _folder("RULES", rules_folder)
    load_rules(rules)
    chosen = load_profile(profile or os.environ.get("ANYANOMALY_PROFILE", "demo"))
    site = installation.for_footage(local, footage)
    site.configure(
        {
            "ARCHIVE_ROOT": str(footage.resolve()),
            "RULES_DIR": str(rules.resolve()),
            "PROFILE": _whole_path(profile) or chosen.name,
            # A folder nobody described. What the caller's environment says comes first; said aloud below.
            "ARCHIVE_LAYOUT": ANY_FOLDER,
            "RECORDED_AT_DEFAULT": "modified",
            **_given("ARCHIVE_LAYOUT", "RECORDED_AT_DEFAULT", "TIME_ZONE"),
        }
    )
    print(f"Camera and recording time by ANYANOMALY_ARCHIVE_LAYOUT={site.settings['ARCHIVE_LAYOUT']}")
    print(f"A time stated nowhere: ANYANOMALY_RECORDED_AT_DEFAULT={site.settings['RECORDED_AT_DEFAULT']}")
    print(f"Scanning {footage.resolve()} with profile {chosen.name}; everything about it lies in {site.folder}")
    with pipeline.running(site) as api:
        pipeline.apply(site, rules)
        scanned = pipeline.ingest_and_scan(site, api)
        report.print_totals(site)
        report.print_events(site)
        report.print_where(site, scanned)
        if chosen.notice:
            print(f"\n{chosen.notice}")


def _folder(name: str, given: str) -> Path:
    if not given or not Path(given).is_dir():
        problem = f"{name}={given} is not a folder" if given else f"{name} is not given"
        raise ConfigurationError(
            f"{problem}. Write `make scan FOOTAGE=/archive RULES=/my/rules [PROFILE=name]`; rule files to begin with "
            "lie in anyanomaly_core/demo/rules."
        )
    return Path(given)


def _given(*names: str) -> dict[str, str]:
    """Settings that the caller's environment states, to be remembered for later starts."""
    found = {name: os.environ.get(f"ANYANOMALY_{name}") for name in names}
    return {name: value for name, value in found.items() if value}


def _whole_path(profile: str) -> str:
    """A profile file by its whole path, a built-in one by its name."""
    return str(Path(profile).resolve()) if profile.endswith((".yaml", ".yml")) else profile
