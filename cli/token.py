"""`onhand token`: a token for the dev stack that runs."""

from __future__ import annotations

import time
from typing import Annotated

import jwt
import typer

from cli.dev import state_directory
from dev.runtime import Runtime, read_runtime

NOT_RUNNING = 1
AN_HOUR = 3_600


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
    typer.echo(made(runtime, scopes=scope, subject=subject, customer=customer, seconds=seconds))


def made(
    runtime: Runtime,
    *,
    scopes: list[str],
    subject: str = "dev",
    customer: str | None = None,
    seconds: int = AN_HOUR,
) -> str:
    """Sign a token for that stack."""
    now = int(time.time())
    claims = {
        "iss": runtime.token_issuer,
        "aud": runtime.token_audience,
        "sub": subject,
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + seconds,
    }
    if customer is not None:
        claims["customer_id"] = customer
    return jwt.encode(claims, runtime.token_secret, algorithm="HS256")
