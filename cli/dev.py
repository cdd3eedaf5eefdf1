"""`onhand dev`: the whole stack on this machine, and questions to the one that runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cli.loading import loading
from dev.control import running_stack, stop_stack
from dev.errors import AlreadyRunningError, DevError, NotRunningError
from dev.runtime import Runtime
from dev.state import StateDirectory

STATE_VARIABLE = "ONHAND_STATE_DIR"
DEFAULT_STATE = ".onhand"
REFUSED, BROKEN = 1, 2


def dev(
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty the kept state first.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the one that runs.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Tell of the one that runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it in one line of JSON.")] = False,
) -> None:
    """Run everything on this machine: Postgres, Temporal, a payment simulator, worker and API."""
    if fresh + stop + status > 1:
        message = "choose one of --fresh, --stop and --status"
        raise typer.BadParameter(message)
    try:
        _act(
            StateDirectory(state_directory()),
            fresh=fresh,
            stop=stop,
            status=status,
            as_json=as_json,
        )
    except (AlreadyRunningError, NotRunningError) as refusal:
        _say(str(refusal))
        raise typer.Exit(REFUSED) from None
    except DevError as error:
        _say(str(error))
        raise typer.Exit(BROKEN) from None
    except OSError as error:
        _say(f"The state cannot be kept: {error}.")
        raise typer.Exit(BROKEN) from None


def state_directory() -> Path:
    """Name where the state is kept: ONHAND_STATE_DIR, else `.onhand` in the current directory."""
    return Path(os.environ.get(STATE_VARIABLE) or DEFAULT_STATE).resolve()


def _act(state: StateDirectory, *, fresh: bool, stop: bool, status: bool, as_json: bool) -> None:
    if status:
        _tell(running_stack(state), as_json=as_json)
    elif stop:
        stop_stack(state)
        _say("It has ended.")
    else:
        _run(state, fresh=fresh, as_json=as_json)


def _run(state: StateDirectory, *, fresh: bool, as_json: bool) -> None:
    # Only here: it brings the servers' clients along, which the questions above need not wait for.
    with loading():
        from dev.stack import run_stack  # noqa: PLC0415

    run_stack(
        state,
        dict(os.environ),
        fresh=fresh,
        announce=lambda runtime: _tell(runtime, as_json=as_json),
        report=_say,
    )


def _tell(runtime: Runtime, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(runtime.announcement()))
        sys.stdout.flush()
        return
    rows = {
        "API": f"{runtime.api}/docs",
        "Temporal UI": runtime.temporal_ui,
        "Temporal": f"{runtime.temporal_address}, namespace {runtime.temporal_namespace}",
        "NATS": runtime.nats or "none",
        "payments": runtime.payments,
        "Postgres": runtime.database_url,
        "state, logs": runtime.state_directory,
    }
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        "[bold]onhand is up.[/bold] Ctrl-C or `onhand dev --stop` ends it; its state stays."
    )
    for name, place in rows.items():
        console.print(f"  [dim]{name:<12}[/dim] {escape(place)}")


def _say(sentence: str) -> None:
    try:
        print(sentence, file=sys.stderr, flush=True)  # noqa: T201
    except OSError:  # The terminal is gone, and the stack must end cleanly all the same.
        return
