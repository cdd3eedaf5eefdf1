"""`onhand relay`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from cli.loading import loading


def relay(
    *,
    print_asyncapi: Annotated[
        bool, typer.Option("--print-asyncapi", help="Print the events' description and end.")
    ] = False,
) -> None:
    """Carry events from the outbox to the bus, beside as many others as there are."""
    if print_asyncapi:
        from events.description import describe  # noqa: PLC0415 - as below

        typer.echo(json.dumps(describe(), indent=2, sort_keys=True))
        return
    # Only here: the other commands need not wait for it to load.
    with loading():
        from worker.relay import RelayProcessSettings, run  # noqa: PLC0415

    asyncio.run(run(RelayProcessSettings.read()))
