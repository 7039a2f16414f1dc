"""The services of this machine: ``up``, ``down``, ``status``, ``user``, ``airflow`` and ``db``."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_rows, say
from anyanomaly_core.errors import ConfigurationError

db_app = typer.Typer(no_args_is_help=True, help="The results database, for other programs.")


class AccountRole(StrEnum):
    """What an account of Airflow's pages may do."""

    viewer = "viewer"
    user = "user"
    op = "op"
    admin = "admin"


class DatabaseUser(StrEnum):
    """Login users of the results database; docs/sql.md says what each may do."""

    reader = "reader"
    reviewer = "reviewer"
    scanner = "scanner"
    owner = "anyanomaly"


def up(stack: Stack = "") -> None:
    """Start PostgreSQL and Airflow and leave them running; prints the addresses and how to log in."""
    from anyanomaly_core.embedded import services
    from anyanomaly_core.embedded.installation import LOCAL, REVIEW_PATH
    from anyanomaly_core.embedded.installations import choose_installation

    installation = choose_installation(LOCAL, stack)
    say(f"Starting {installation.name}")
    api = services.up(installation, say=say)
    password = installation.admin_password if sys.stdout.isatty() else f"stands in {installation.airflow_passwords}"
    say(f"\nReview, what was found:   {api.address}{REVIEW_PATH}")
    say(f"Airflow, runs and forms:  {api.address}")
    say(f"Log in as admin, password {password}")
    others = ", ".join(f"{name} ({role})" for name, role in installation.users.items() if name != "admin")
    say(f"Other accounts: {others or 'none yet; `make user NAME=anna ROLE=user` adds one'}")
    say("`make down` stops everything again.")


def down(stack: Annotated[str, typer.Option("--stack", help="Only this installation; none: all.")] = "") -> None:
    """Stop everything that was started, and only that."""
    from anyanomaly_core.embedded import services
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import find_installation, list_installations

    chosen = [find_installation(LOCAL, stack)] if stack else list_installations(LOCAL)
    if not any([services.down(installation, say=say) for installation in chosen]):  # noqa: C419  (each is stopped)
        say("Nothing was running.")


def status(as_json: AsJson = False) -> None:
    """What runs, of every installation."""
    from anyanomaly_core.embedded import services
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import list_installations

    found = list_installations(LOCAL)
    rows = [(i.name, name, state) for i in found for name, state in services.status(i).items()]
    print_rows(["installation", "service", "state"], rows, as_json=as_json, count=False)
    if not found:
        note("There is no installation yet: `make demo`, or `make scan` for your footage.")


def user(
    name: Annotated[str, typer.Argument(help="Lower-case letter, then letters, digits, . _ -")],
    role: Annotated[AccountRole, typer.Argument(help="Viewers look, users judge and start runs, see docs/review.md.")],
    stack: Stack = "",
) -> None:
    """Add an account of Airflow's pages and of Review, or change its role."""
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import choose_installation

    password = choose_installation(LOCAL, stack).add_user(name, role.value)
    say(f"{name} ({role.value}), password {password}, from the next `make up` on")


def airflow(
    context: typer.Context,
    stack: Stack = "",
) -> None:
    """Airflow's own command line in the environment of the services, such as `airflow dags list`."""
    from anyanomaly_core.embedded.airflow import run_airflow_command
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import choose_installation

    raise typer.Exit(run_airflow_command(choose_installation(LOCAL, stack), context.args))


def migrate() -> None:
    """Make or bring up to date the results database of OWNER_DATABASE_URL; `make up` does it for those under .local."""
    from anyanomaly_core.results.migrate import upgrade

    if "OWNER_DATABASE_URL" not in os.environ:
        raise ConfigurationError(
            "Set OWNER_DATABASE_URL to postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE, with a user that owns the "
            "database or may create roles; see docs/operations.md."
        )
    note(f"The results database is at revision {upgrade(os.environ['OWNER_DATABASE_URL'])}.")


@db_app.command("url")
def print_url(
    role: Annotated[DatabaseUser, typer.Option("--role", help="Database user; the reader can change nothing.")] = (
        DatabaseUser.reader
    ),
    stack: Stack = "",
) -> None:
    """Print the address of the results database, with its password, as psql and BI tools take it."""
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import choose_installation

    address = choose_installation(LOCAL, stack).postgres.url("anyanomaly", role.value)
    say(address.replace("postgresql+psycopg2://", "postgresql://"))
