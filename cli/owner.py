"""Who owns the tables, for the commands that only the owner may run."""

from __future__ import annotations

import typer
from pydantic import SecretStr

from settings.model import OwnerSettings


def owner_url() -> str:
    """Read DATABASE_OWNER_URL, or else DATABASE_URL. Without either, end with a sentence and exit code 2."""
    settings = OwnerSettings()
    url: SecretStr | None = settings.database_owner_url or settings.database_url
    if url is None:
        typer.echo("Set DATABASE_OWNER_URL (or DATABASE_URL) to the owner's database.", err=True)
        raise typer.Exit(2)
    return url.get_secret_value()
