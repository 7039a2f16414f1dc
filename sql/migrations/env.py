"""Alembic's entry: migrates over the connection that the caller hands in (anyanomaly_core/results/migrate.py)."""

from alembic import context

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise StorageError(
        "Migrations run through `anyanomaly_core.results.migrate.upgrade(url)`, not through Alembic's own command."
    )

context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
