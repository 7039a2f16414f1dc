"""The commands of ``anyanomaly``."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from anyanomaly_core.cli import clocks, evidence, failures, history, judging, keeping, ledger, report
from anyanomaly_core.cli.ask import ask
from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.scan import scan_archive
from anyanomaly_core.cli.site import note, site
from anyanomaly_core.errors import AnyAnomalyError, ConfigurationError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
rules_app = typer.Typer(no_args_is_help=True, help="Rules: apply files, rehearse a draft, list, pause, resume, retire.")
app.add_typer(rules_app, name="rules")
app.command("quarantine")(failures.quarantine)
app.command("retry")(failures.retry)
app.command("clocks")(clocks.clocks)
app.command("backfill")(history.backfill)
app.command("coverage")(ledger.coverage)
rules_app.command("rehearse")(history.rehearse)
app.add_typer(keeping.retention_app, name="retention")
app.add_typer(evidence.evidence_app, name="evidence")
app.command("report")(report.report)
app.command("evaluate")(judging.evaluate)
app.command("calibrate")(judging.calibrate)
app.command("hold")(keeping.hold)
app.command("release")(keeping.release)
app.command("holds")(keeping.holds)
app.command("maintain")(keeping.maintain)

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Profile = Annotated[str, typer.Option("--profile", help="Built-in name or YAML file.")]


@app.command()
def scan(
    footage: Annotated[Path, typer.Argument(help="Folder of the archive.", exists=True, file_okay=False)],
    rules: Annotated[Path, typer.Option("--rules", help="Folder of rule files.", exists=True, file_okay=False)],
    profile: Profile = "demo",
    layout: Annotated[str, typer.Option(help="How paths state camera and time; see docs/footage.md.")] = "",
    as_json: AsJson = False,
) -> None:
    """Scan an archive with rules; what was scored before is not scored again."""
    from anyanomaly_core.footage.layout import ANY_FOLDER
    from anyanomaly_core.profile import load_profile
    from anyanomaly_core.results.engine import make_engine

    chosen = load_profile(profile)
    remembered = {"ARCHIVE_ROOT": str(footage.resolve()), "RULES_DIR": str(rules.resolve()), "PROFILE": profile}
    remembered |= {"ARCHIVE_LAYOUT": layout or ANY_FOLDER, "RECORDED_AT_DEFAULT": "modified"}
    note(f"Camera and time by {remembered['ARCHIVE_LAYOUT']}; a time stated nowhere is the file's time of change.")
    with site(footage, "", configure=remembered) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        counts = scan_archive(engine, settings, rules)
        engine.dispose()
    if chosen.notice:
        note(chosen.notice)
    if as_json:
        json.dump(counts, sys.stdout)
        sys.stdout.write("\n")
    else:
        note(f"{counts['files']} files registered, {counts['videos']} videos scored, {counts['events']} events.")
    for uri, reason in counts["failed"].items():
        note(f"failed: {uri}: {reason}")
    if counts["failed"]:
        raise typer.Exit(1)


@app.command()
def query(
    statement: Annotated[str, typer.Argument(help='SQL, such as "SELECT * FROM event_list".')],
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Ask the results database; nothing can be changed this way, and five minutes are the most it may take."""
    found = ask(stack, statement)
    print_rows(found.columns, found.rows, as_json=as_json)


@app.command()
def migrate() -> None:
    """Make or bring up to date the results database of OWNER_DATABASE_URL; `make up` does it for those under .local."""
    from anyanomaly_core.results.migrate import upgrade

    if "OWNER_DATABASE_URL" not in os.environ:
        raise ConfigurationError(
            "Set OWNER_DATABASE_URL to postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE, with a user that owns the "
            "database or may create roles; see docs/operations.md."
        )
    note(f"The results database is at revision {upgrade(os.environ['OWNER_DATABASE_URL'])}.")


@app.command()
def show(
    video: Annotated[Path, typer.Argument(help="A video file.", exists=True, dir_okay=False)],
    text: Annotated[str, typer.Option("--text", help="What to look for, as in a rule.")],
    at: Annotated[float, typer.Option("--at", help="Seconds from the start; the segment there is shown.")] = 0.0,
    profile: Profile = "demo",
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("show"),
    as_json: AsJson = False,
) -> None:
    """Write key frame, attention image, position context and grid of one segment as PNG."""
    from anyanomaly_core.cli.show import write_explanation
    from anyanomaly_core.profile import load_profile

    paths = write_explanation(video, text, at, load_profile(profile), out)
    print_rows(["picture"], [(str(path),) for path in paths], as_json=as_json)


@rules_app.command("apply")
def apply(
    folder: Annotated[Path | None, typer.Argument(help="Folder of rule files; none: the installation's.")] = None,
    author: Annotated[str, typer.Option(help="Kept with new versions; the user's name if not given.")] = "",
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Make the rule files of a folder the current rules; a changed rule gets a new version."""
    import getpass

    from anyanomaly_core.archive.rules import apply_rule_files
    from anyanomaly_core.results.engine import make_engine

    with site(None, stack) as settings:
        chosen = folder or settings.rules_dir
        if chosen is None:
            raise ConfigurationError("Say which folder of rule files, or set ANYANOMALY_RULES_DIR.")
        engine = make_engine(settings.database_url.get_secret_value())
        applied = apply_rule_files(engine, chosen, author=author or getpass.getuser())
        engine.dispose()
    rows = [(item.rule.name, item.rule.version, item.change, item.needs_scoring) for item in applied]
    print_rows(["rule", "version", "change", "needs_scoring"], rows, as_json=as_json)


@rules_app.command("list")
def list_all(stack: Stack = "", as_json: AsJson = False) -> None:
    """Every rule in its current version."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.results.rule_store import list_rules

    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        with engine.connect() as connection:
            found = list_rules(connection)
        engine.dispose()
    rows = [(r.name, r.version, r.state, " | ".join(r.definition.texts), r.definition.threshold) for r in found]
    print_rows(["rule", "version", "state", "texts", "threshold"], rows, as_json=as_json)


@rules_app.command("state")
def change_state(
    name: Annotated[str, typer.Argument(help="Name of the rule.")],
    state: Annotated[str, typer.Argument(help="active, paused or retired.")],
    stack: Stack = "",
) -> None:
    """Pause, resume or retire a rule; its results stay."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.results.rule_store import set_state

    if state not in {"active", "paused", "retired"}:
        raise typer.BadParameter("a rule is active, paused or retired")
    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        with engine.begin() as connection:
            set_state(connection, name, cast("Literal['active', 'paused', 'retired']", state))
        engine.dispose()


def main() -> None:
    """Run a command; a known error is one sentence, without a traceback."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C: what was started must be stopped again
        signal.signal(number, lambda *_: sys.exit(130))
    try:
        app()
    except AnyAnomalyError as error:
        note(str(error))
        sys.exit(1)
