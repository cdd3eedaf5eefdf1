"""`onhand projections`: keep the noticeboards; and look at them, make them anew, settle what they could not take in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.loading import loading

if TYPE_CHECKING:
    from worker.projections import Office

REFUSED, BROKEN = 1, 2
LISTED_MOST = 1_000
"""Dead letters that are listed: a person reads no more of them."""
NOT_TRIED = {
    "not-kept": "not tried, no ONHAND_SEARCH_DIRECTORY is set here",
    "generation-gone": "not tried, another generation is read by now",
    "index-busy": "not tried, somebody else writes in the index",
}

projections = typer.Typer(
    help="Keep the noticeboards: availability, search, board, analytics.",
    invoke_without_command=True,
)


@projections.callback()
def keep(
    context: typer.Context,
    *,
    only: Annotated[
        list[str] | None, typer.Option(help="Keep this one, and others that are named so.")
    ] = None,
) -> None:
    """Keep the noticeboards: availability, search, board, analytics. Without a command, until it is told to end."""
    if context.invoked_subcommand is None:
        # Only here: the other commands need not wait for it to load.
        with loading():
            from worker.projections import (  # noqa: PLC0415
                NotKeptError,
                ProjectionProcessSettings,
                run,
            )

        try:
            asyncio.run(run(ProjectionProcessSettings.read(), only or ()))
        except NotKeptError as error:
            typer.echo(f"There is no noticeboard {error.name} to be kept here.", err=True)
            raise typer.Exit(BROKEN) from None


@projections.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it in one line of JSON.")] = False,
) -> None:
    """Say of each noticeboard which generation is read, how old it may be, and what it could not take in."""
    from projections.status import standings  # noqa: PLC0415 - as above

    found = _in_office(lambda office: standings(office.desk, office.projections))
    if as_json:
        typer.echo(json.dumps([standing.told() for standing in found]))
        return
    table = Table("noticeboard", "generation", "state", "age", "behind", "dead letters")
    for standing in found:
        table.add_row(*standing.cells())
    Console().print(table)


@projections.command()
def rebuild(
    name: Annotated[str, typer.Argument(help="Which one, or `all`.")],
) -> None:
    """Make a noticeboard anew from the ledger while the old one is read, compare it, and swap them."""
    from cli.progress import told_progress  # noqa: PLC0415 - as above
    from projections.projection import UnfilledError  # noqa: PLC0415
    from projections.rebuilding import DifferentError, Rebuilt  # noqa: PLC0415
    from projections.rebuilding import rebuild as rebuild_one  # noqa: PLC0415
    from worker.projections import NotKeptError  # noqa: PLC0415

    async def make(office: Office) -> list[tuple[str, Rebuilt]]:
        try:
            chosen = office.projections if name == "all" else [office.named(name)]
        except NotKeptError:
            known = ", ".join(projection.name for projection in office.projections)
            typer.echo(f"There is no noticeboard {name}. There are: {known}, and `all`.", err=True)
            raise typer.Exit(BROKEN) from None
        with told_progress() as watch:
            return [(one.name, await rebuild_one(office.desk, one, watch)) for one in chosen]

    try:
        made = _in_office(make)
    except DifferentError as error:
        typer.echo("It differs from the ledger and was not taken:", err=True)
        for sentence in error.comparison.differences:
            typer.echo(f"  {sentence}", err=True)
        raise typer.Exit(REFUSED) from None
    except UnfilledError as error:
        typer.echo(f"It was not taken: {error}.", err=True)
        raise typer.Exit(REFUSED) from None
    for each, rebuilt in made:
        typer.echo(f"{each}: {rebuilt.sentence()}")


@projections.command("dead-letters")
def dead_letters(
    name: Annotated[str | None, typer.Argument(help="Of which noticeboard; of all.")] = None,
    *,
    bodies: Annotated[bool, typer.Option("--bodies", help="Show the events themselves.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON each.")] = False,
) -> None:
    """List the events that a noticeboard could not take in, and why."""
    found = _in_office(lambda office: office.desk.letters.open(name, most=LISTED_MOST + 1))
    letters = found[:LISTED_MOST]
    if len(found) > LISTED_MOST:
        typer.echo(f"These are the first {LISTED_MOST:,}: there are more.", err=True)
    if as_json:
        for letter in letters:
            typer.echo(json.dumps(letter.told(with_body=bodies)))
        return
    if not letters:
        typer.echo("There are none.")
        return
    table = Table("noticeboard", "position", "subject", "why", "tries", "first put aside")
    for letter in letters:
        table.add_row(*letter.cells())
    Console().print(table)
    if bodies:
        for letter in letters:
            typer.echo(f"{letter.projection} {letter.place}: {letter.readable_body()}")


@projections.command()
def retry(
    name: Annotated[str | None, typer.Argument(help="Of which noticeboard; of all.")] = None,
) -> None:
    """Try again what was put aside, in its order. Ends with 1 where something still cannot be heeded, or tried."""
    from projections.status import retried  # noqa: PLC0415 - as above

    tried = _in_office(lambda office: retried(office.desk, office.projections, name))
    for letter, code in tried:
        outcome = "heeded" if code is None else NOT_TRIED.get(code, f"still {code}")
        typer.echo(f"{letter.projection} {letter.place} {letter.subject}: {outcome}")
    if not tried:
        typer.echo("There is nothing to try again.")
    if any(code is not None for _, code in tried):
        raise typer.Exit(REFUSED)


def _in_office(ask: Callable[[Office], Awaitable[Any]]) -> Any:
    """Do one thing with the noticeboards. What is away, or refused, ends it with a sentence and exit code 2."""
    from events.bus import BusAway  # noqa: PLC0415 - as above
    from ledger.errors import Transient  # noqa: PLC0415
    from projections.projection import AMISS  # noqa: PLC0415
    from settings.logging import configure  # noqa: PLC0415
    from worker.projections import Office, ProjectionProcessSettings  # noqa: PLC0415

    async def asked() -> Any:
        office = Office.open(ProjectionProcessSettings.read())
        try:
            return await ask(office)
        finally:
            await office.close()

    # What it says of itself is said by what is printed.
    configure("ERROR", "text")
    try:
        return asyncio.run(asked())
    except (BusAway, Transient) as error:
        typer.echo(f"This cannot be done now: {error.code}.", err=True)
        raise typer.Exit(BROKEN) from None
    except AMISS as error:
        typer.echo(f"The database refuses this: {type(error.orig).__name__}.", err=True)
        raise typer.Exit(BROKEN) from None
