"""Alembic's entry: runs the versions over the connection that `ledger.migrate` hands in."""

from __future__ import annotations

from alembic import context

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
else:
    context.configure(
        connection=context.config.attributes["connection"], transaction_per_migration=True
    )
with context.begin_transaction():
    context.run_migrations()
