"""`onhand token`: a token for the dev stack that runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.dev import state_directory
from dev.runtime import read_runtime
from dev.tokens import AN_HOUR, signed

NOT_RUNNING = 1


def token(
    *,
    scope: Annotated[list[str], typer.Option("--scope", help="What it allows; may be repeated.")],
    subject: Annotated[str, typer.Option("--subject", help="Who owns what is made.")] = "dev",
    customer: Annotated[
        str | None, typer.Option("--customer", help="The only customer it may name.")
    ] = None,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, help="How long it is valid.")
    ] = AN_HOUR,
) -> None:
    """Print a token that the running dev stack accepts."""
    runtime = read_runtime(state_directory())
    if runtime is None:
        typer.echo("No dev stack runs here. Start one with `onhand dev`.", err=True)
        raise typer.Exit(NOT_RUNNING)
    typer.echo(signed(runtime, scope, subject=subject, customer=customer, seconds=seconds))
