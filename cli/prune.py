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
        int, typer.Option("--keep-days", min=1, help="What is younger than this stays.")
    ] = KEPT_DAYS,
) -> None:
    """Take away old published events and settled dead letters. Reads DATABASE_OWNER_URL, or else DATABASE_URL."""
    from cli.progress import told_progress  # noqa: PLC0415 - only here, as in the other commands
    from ledger.pruning import prune as prune_events  # noqa: PLC0415
    from projections.pruning import prune as prune_letters  # noqa: PLC0415

    keep = timedelta(days=keep_days)
    with told_progress() as watch:
        events = prune_events(owner_url(), keep=keep, told=partial(watch, "events"))
        letters = prune_letters(owner_url(), keep=keep, told=partial(watch, "dead letters"))
    typer.echo(f"{events:,} events that were older than {keep_days} days are gone.")
    typer.echo(f"{letters:,} dead letters that were settled longer ago are gone.")
