"""`onhand api`: the HTTP front door, and its description."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, NoReturn

import typer

from cli.loading import loading

MISCONFIGURED = 2


def api(
    *,
    print_openapi: Annotated[
        bool, typer.Option("--print-openapi", help="Print the API's description and end.")
    ] = False,
) -> None:
    """Serve the HTTP API until it is told to end."""
    # Only here, so that other commands start quickly.
    with loading():
        from api.app import create_app  # noqa: PLC0415
        from api.main import serve  # noqa: PLC0415
        from api.tokens import TokenSettingsError  # noqa: PLC0415

    if print_openapi:
        typer.echo(json.dumps(create_app(None).openapi(), indent=2, sort_keys=True))
        return
    try:
        serve()
    except TokenSettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISCONFIGURED) from None
    except SystemExit as ended:
        _end(ended.code)
    _end(0)


def _end(code: object) -> NoReturn:
    """End at once: Temporal's threads may call into an interpreter being taken down, which aborts it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)
