"""Before a scan: can it work at all? Rules, profiles, models, footage and cameras are looked at in seconds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import AnyAnomalyError, ConfigurationError, FootageError, RuleError, did_you_mean
from anyanomaly_core.footage import sources
from anyanomaly_core.models.checks import ModelState, inspect_models
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.files import load_rules

LONGEST_WALK_S = 5.0


@dataclass(frozen=True, slots=True)
class ArchiveLocation:
    """An archive, as settings describe it."""

    root: str
    layout: str
    time_zone: str


@dataclass(slots=True)
class Readiness:
    """What was found before a scan."""

    problems: list[str] = field(default_factory=list)  # the scan would fail
    warnings: list[str] = field(default_factory=list)  # it would work, but perhaps not as meant
    profiles: list[Profile] = field(default_factory=list)  # that active rules are scored by
    models: list[ModelState] = field(default_factory=list)  # of these

    def require(self) -> None:
        """Raise ConfigurationError that names every problem, if there is one."""
        if self.problems:
            raise ConfigurationError("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class _ArchiveSample:
    files: int
    cameras: frozenset[str]
    problem: str | None  # of the first file, where none can be used
    whole: bool  # the archive was looked through


def check_scan(place: ArchiveLocation, rules: Path, profile: str, settings: ModelSettings) -> Readiness:
    """Everything a scan needs that can be looked at before services start and models are loaded.

    Args:
        place: the archive.
        rules: folder of rule files.
        profile: built-in name or YAML file, for rules that name none.
        settings: where models lie.
    """
    found = Readiness()
    try:
        active = [rule for rule in load_rules(rules) if rule.active]
    except RuleError as error:
        found.problems.append(str(error))
        active = []
    else:
        if not active:
            found.problems.append(f"Every rule of {rules} is paused (active: false); nothing would be scored.")
    _check_footage(place, active, found)
    _check_profiles(active, profile, settings, found)
    return found


def _check_footage(place: ArchiveLocation, rules: Sequence[RuleDefinition], found: Readiness) -> None:
    try:
        seen = _look_through(place)
    except (FootageError, ConfigurationError) as error:
        found.problems.append(str(error))
        return
    if seen.files == 0:
        endings = ", ".join(sorted(sources.EXTENSIONS))
        found.problems.append(f"There is no footage under {place.root}: no file ends in one of {endings}.")
    elif not seen.cameras and seen.whole:
        found.problems.append(f"None of the {seen.files} files under {place.root} can be used: {seen.problem}.")
    elif seen.whole:
        _check_cameras(rules, seen.cameras, found)


def _check_cameras(rules: Sequence[RuleDefinition], cameras: frozenset[str], found: Readiness) -> None:
    blind = {rule.name for rule in rules if not any(map(rule.matches_camera, cameras))}
    for rule in rules:
        if rule.name in blind:
            said = f"Rule {rule.name}: no camera is called {' or '.join(rule.cameras)}"
            found.warnings.append(f"{said}; {did_you_mean(rule.cameras[0].strip('*'), cameras)}")
    if rules and len(blind) == len(rules):
        found.problems += found.warnings
        found.warnings.clear()


def _look_through(place: ArchiveLocation) -> _ArchiveSample:
    files, problem = 0, None
    cameras: set[str] = set()
    deadline = time.monotonic() + LONGEST_WALK_S
    for item in sources.discover(place.root, place.layout, place.time_zone):
        files += 1
        if item.problem is not None or item.camera is None:
            problem = problem or f"{item.uri}: {item.problem or 'no camera is stated'}"
        else:
            cameras.add(item.camera)
        if time.monotonic() > deadline:
            return _ArchiveSample(files, frozenset(cameras), problem, whole=False)
    return _ArchiveSample(files, frozenset(cameras), problem, whole=True)


def _check_profiles(rules: Sequence[RuleDefinition], profile: str, settings: ModelSettings, found: Readiness) -> None:
    users: dict[str, list[str]] = {}
    for rule in rules:
        users.setdefault(rule.profile or profile, []).append(rule.name)
    for name, of_rules in (users or {profile: []}).items():
        try:
            loaded = load_profile(name)
        except AnyAnomalyError as error:
            who = "" if name == profile else f"Rule {', '.join(of_rules)}: "
            found.problems.append(f"{who}{error}")
            continue
        found.profiles.append(loaded)
        states = inspect_models(loaded, settings)
        found.models += states
        found.problems += [f"{state.problem} {state.remedy}".strip() for state in states if state.problem is not None]
