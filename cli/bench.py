"""`onhand bench`: measure, side by side in one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.findings import Findings
from dev.errors import DevError

NOT_STARTED = 2

bench = typer.Typer(help="Measure, side by side in one run.", no_args_is_help=True)


@bench.callback()
def _choose() -> None:
    """Measure, side by side in one run: ratios travel from machine to machine, rates do not."""


@bench.command()
def ledger(
    *,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the rates there, as SVG.")] = None,
    movements: Annotated[
        int | None, typer.Option(min=1_000, help="How far the grown ledger has grown.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the server's data there, and use it again.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only show that it works.")] = False,
) -> None:
    """Reserve stock: group commit against one transaction each and pgbench, hot and spread, empty and grown."""
    # Here, because embedded servers come with the extra `dev`, which a production does not have.
    from bench.ledger.suite import QUICK, Plan, measure  # noqa: PLC0415

    plan = QUICK if quick else Plan()
    plan = replace(plan, movements=movements or plan.movements, keep=keep)
    _measure("starting Postgres", lambda told: measure(plan, told), json=json, plot=plot)


@bench.command()
def checkout(
    *,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the rates there, as SVG.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only show that it works.")] = False,
) -> None:
    """Sell: whole checkouts over HTTP against bare sagas on the same engine, and the events of their histories."""
    # Here, because embedded servers come with the extra `dev`, which a production does not have.
    from bench.checkout.suite import QUICK, Plan, measure  # noqa: PLC0415

    plan = QUICK if quick else Plan()
    _measure("starting a stack", lambda told: measure(plan, told), json=json, plot=plot)


@bench.command()
def events(
    *,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the rates there, as SVG.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only show that it works.")] = False,
) -> None:
    """Get events out: outbox and relay against a bare publisher of the same bytes, and how late a catalogue is."""
    # Here, because embedded servers come with the extra `dev`, which a production does not have.
    from bench.events.suite import QUICK, Plan, measure  # noqa: PLC0415

    plan = QUICK if quick else Plan()
    _measure("starting Postgres", lambda told: measure(plan, told), json=json, plot=plot)


def _measure(
    first: str,
    measure: Callable[[Callable[[str], None]], Coroutine[None, None, Findings]],
    *,
    json: Path | None,
    plot: Path | None,
) -> None:
    from bench import report  # noqa: PLC0415 - as above

    console = Console()
    try:
        with console.status(first) as status:
            findings = asyncio.run(measure(status.update))
    except DevError as error:
        console.print(str(error))
        raise typer.Exit(NOT_STARTED) from None
    report.show(findings, console)
    if json is not None:
        json.write_bytes(report.told(findings))
    if plot is not None:
        report.draw(findings, plot)
