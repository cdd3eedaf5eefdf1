"""`onhand api`: the HTTP front door, and its description."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from settings.model import explain

MISCONFIGURED = 2


def api(
    *,
    print_openapi: Annotated[
        bool, typer.Option("--print-openapi", help="Print the API's description and end.")
    ] = False,
) -> None:
    """Serve the HTTP API until it is told to end."""
    # Only here, so that other commands start quickly.
    from api.app import create_app  # noqa: PLC0415
    from api.main import serve  # noqa: PLC0415
    from api.tokens import TokenSettingsError  # noqa: PLC0415

    if print_openapi:
        typer.echo(json.dumps(create_app(None).openapi(), indent=2, ensure_ascii=False))
        return
    try:
        serve()
    except ValidationError as error:
        _end(explain(error))
    except TokenSettingsError as error:
        _end(str(error))


def _end(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201
    raise typer.Exit(MISCONFIGURED)
