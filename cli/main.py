"""The command line: one function a command, each in a file of its name."""

from __future__ import annotations

import typer
from pydantic import ValidationError

from cli.api import api
from cli.bench import bench
from cli.demo import demo
from cli.dev import dev
from cli.doctor import doctor
from cli.migrate import migrate
from cli.projections import projections
from cli.prune import prune
from cli.relay import relay
from cli.token import token
from cli.worker import worker
from settings.model import explain

app = typer.Typer(
    name="onhand",
    help="Inventory and checkout: a stock ledger in Postgres, each checkout a Temporal workflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, dev, token, migrate, api, worker, relay, prune, doctor):
    app.command()(command)
app.add_typer(projections, name="projections")
app.add_typer(bench, name="bench")


def main() -> None:
    """Run one command. Missing settings end it with one sentence and exit code 2."""
    try:
        app()
    except ValidationError as error:
        typer.echo(explain(error), err=True)
        raise SystemExit(2) from None
