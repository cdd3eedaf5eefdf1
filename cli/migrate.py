"""`onhand migrate`."""

from __future__ import annotations

import typer
from pydantic import SecretStr

from settings.model import OwnerSettings


def migrate() -> None:
    """Bring the database's schema up to this version. Reads DATABASE_OWNER_URL, or else DATABASE_URL."""
    from ledger import migrate as migrations  # noqa: PLC0415 - only here, as in the other commands

    settings = OwnerSettings()
    url: SecretStr | None = settings.database_owner_url or settings.database_url
    if url is None:
        typer.echo("Set DATABASE_OWNER_URL (or DATABASE_URL) to the database to migrate.", err=True)
        raise typer.Exit(2)
    migrations.upgrade(url.get_secret_value())
    typer.echo(f"The schema is at {migrations.head()}.")
