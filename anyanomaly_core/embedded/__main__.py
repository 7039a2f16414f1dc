"""The commands behind the Makefile: ``python -m anyanomaly_core.embedded up|down|status|user|demo|scan``."""

import argparse
import signal
import sys

from sqlalchemy.exc import DBAPIError

from anyanomaly_core.embedded import airflow, report, scan, services
from anyanomaly_core.embedded.installation import LOCAL, ROLES, Installation
from anyanomaly_core.errors import AnyAnomalyError, ConfigurationError, StorageError


def main() -> int:
    """Run one command; a known error is told in one sentence, without a traceback."""
    parser = argparse.ArgumentParser(prog="python -m anyanomaly_core.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("up", "start services and leave them running"), ("down", "stop all services")):
        command = commands.add_parser(name, help=does)
        command.add_argument("--stack", default="", help="installation, a folder name under .local")
    command = commands.add_parser("query", help="ask the results database, as a user who may only read")
    command.add_argument("sql")
    command.add_argument("--stack", default="", help="installation, a folder name under .local")
    command = commands.add_parser("airflow", help="Airflow's own command line, such as `airflow backfill create`")
    command.add_argument("--stack", default="", help="installation, a folder name under .local")
    command.add_argument("words", nargs=argparse.REMAINDER, help="what follows `airflow`")
    commands.add_parser("status", help="what runs")
    command = commands.add_parser("user", help="add a user of Airflow's pages")
    command.add_argument("name")
    command.add_argument("role", choices=ROLES, help="viewers look, users judge and start runs")
    command.add_argument("--stack", default="", help="installation, a folder name under .local")
    commands.add_parser("demo", help="rendered archive, two DAG runs, events against the truth")
    command = commands.add_parser("scan", help="the same two DAG runs over your footage")
    command.add_argument("--footage", required=True, help="folder of the archive")
    command.add_argument("--rules", required=True, help="folder of rule files")
    command.add_argument("--profile", default="", help="built-in name or YAML file")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C: what was started must be stopped again
        signal.signal(number, _interrupt)
    try:
        if arguments.command == "airflow":
            return airflow.command(_only(arguments.stack), arguments.words)
        _run(arguments)
    except AnyAnomalyError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _interrupt(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _run(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "up":
            _up(arguments.stack)
        case "down":
            stopped = [services.down(found) for found in _chosen(arguments.stack)]
            if not any(stopped):
                print("Nothing was running.")
        case "query":
            _query(arguments.stack, arguments.sql)
        case "status":
            _status()
        case "user":
            installation = _only(arguments.stack)
            password = installation.add_user(arguments.name, arguments.role)
            print(f"{arguments.name} ({arguments.role}), password {password}, from the next `make up` on")
        case "demo":
            from anyanomaly_core.embedded import demo  # noqa: PLC0415  # the renderer; no other command needs it

            demo.run(Installation(LOCAL / "demo"))
        case "scan":
            scan.run(LOCAL, arguments.footage, arguments.rules, arguments.profile)


def _up(stack: str) -> None:
    installation = _only(stack)
    print(f"Starting {installation.name}")
    api = services.up(installation)
    print(f"\nAirflow's pages: {api.address}")
    shown = installation.admin_password if sys.stdout.isatty() else f"stands in {installation.airflow_passwords}"
    print(f"User admin, password {shown}")
    print("`make down` stops everything again.")


def _query(stack: str, sql: str) -> None:
    installation = _only(stack)
    ran_before = installation.postgres.is_running()
    installation.postgres.start()
    try:
        report.print_table(report.query(installation, sql))
    except DBAPIError as error:
        raise StorageError(f"PostgreSQL refused the statement: {error.orig}") from None
    finally:
        if not ran_before:
            installation.postgres.stop()


def _only(stack: str) -> Installation:
    """The installation a command means; without a name, the only one there is."""
    chosen = _chosen(stack)
    if not chosen:
        if there := services.installations(LOCAL):
            raise ConfigurationError(f"There is no {stack}, only {', '.join(found.name for found in there)}.")
        raise ConfigurationError(
            "There is no installation yet: `make demo` or `make scan FOOTAGE=... RULES=...` first."
        )
    if len(chosen) > 1:
        raise ConfigurationError(f"Say which one with STACK=..., one of {', '.join(found.name for found in chosen)}.")
    return chosen[0]


def _status() -> None:
    found = services.installations(LOCAL)
    if not found:
        print("There is no installation yet.")
    for installation in found:
        print(f"{installation.name}  ({installation.folder})")
        for name, state in services.status(installation).items():
            print(f"  {name:14} {state}")


def _chosen(stack: str) -> list[Installation]:
    found = services.installations(LOCAL)
    return [installation for installation in found if stack in ("", installation.name)]


if __name__ == "__main__":
    sys.exit(main())
