"""`onhand prune`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from cli.owner import owner_url

KEPT_DAYS = 30
"""As long as the bus keeps them."""


def prune(
    *,
    keep_days: Annotated[
        int, typer.Option("--keep-days", min=1, help="Events younger than this stay.")
    ] = KEPT_DAYS,
) -> None:
    """Take old published events out of the outbox. Reads DATABASE_OWNER_URL, or else DATABASE_URL."""
    from cli.progress import told_progress  # noqa: PLC0415 - only here, as in the other commands
    from ledger import pruning  # noqa: PLC0415

    with told_progress() as watch:
        taken = pruning.prune(
            owner_url(), keep=timedelta(days=keep_days), told=partial(watch, "events")
        )
    typer.echo(f"{taken:,} events that were older than {keep_days} days are gone.")
