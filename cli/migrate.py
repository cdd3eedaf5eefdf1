"""`onhand migrate`."""

from __future__ import annotations

import typer

from cli.owner import owner_url


def migrate() -> None:
    """Bring the database's schema up to this version. Reads DATABASE_OWNER_URL, or else DATABASE_URL."""
    from ledger import migrate as migrations  # noqa: PLC0415 - only here, as in the other commands

    migrations.upgrade(owner_url())
    typer.echo(f"The schema is at {migrations.head()}.")
