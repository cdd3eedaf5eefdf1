"""`onhand demo`: real checkouts on real servers, while you watch."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.dev import state_directory
from dev.errors import DevError

BROKEN, NOT_STARTED = 1, 2


def demo(
    *,
    stay: Annotated[bool, typer.Option("--stay", help="Keep the stack up afterwards.")] = False,
) -> None:
    """Show paid, declined, abandoned and cancelled checkouts and a race; exit 1 if a promise breaks."""
    # Here, because the demo's buyers come with the extra `dev`, which a production does not have.
    from dev.demo.show import show  # noqa: PLC0415
    from dev.stack_process import started_stack  # noqa: PLC0415

    console = Console()
    state = state_directory()
    place = state.with_name(f"{state.name}-demo")
    console.print(
        "Starting Postgres, Temporal, NATS, a payment simulator, worker, relay, noticeboards and API …"
    )
    try:
        _forget(place)
        with started_stack(place) as runtime:
            broken = asyncio.run(show(runtime, console))
            console.print(f"\nAPI docs     {runtime.api}/docs\nTemporal UI  {runtime.temporal_ui}")
            if broken:
                console.print(f"[bold red]{len(broken)} promises broke:[/] {broken}")
            else:
                console.print("[bold green]Every promise held.[/]")
            if stay:
                _stay(console)
    except DevError as error:
        console.print(str(error))
        raise typer.Exit(NOT_STARTED) from None
    if broken:
        raise typer.Exit(BROKEN)


def _forget(place: Path) -> None:
    """Empty the last demo's state, unless a demo runs on it."""
    from dev.state import StateDirectory  # noqa: PLC0415

    state = StateDirectory(place)
    if place.exists() and not state.is_in_use():
        with state.claimed():
            state.empty()


def _stay(console: Console) -> None:
    console.print("The stack stays up; Ctrl-C ends it.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
