"""`onhand doctor`."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from cli.progress import told_progress
from settings.model import DatabaseSettings

if TYPE_CHECKING:
    from ledger.examining.examination import Examination

HEALTHY, FOUND, BLIND = 0, 1, 2


def doctor(
    *,
    heads: Annotated[
        Path | None,
        typer.Option("--heads", help="Hold it against heads that were exported before."),
    ] = None,
    export_heads: Annotated[
        Path | None, typer.Option("--export-heads", help="Keep where each chain stands.")
    ] = None,
    engine: Annotated[
        bool, typer.Option("--engine", help="Ask Temporal, too, whether what must run does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it in one line of JSON.")] = False,
) -> None:
    """Verify every hash chain, every stock row and every promise. Exit code 1 where something is wrong."""
    # Only here, as in the other commands: it takes the database's driver along.
    from cli.doctor_engine import look_at_engine  # noqa: PLC0415
    from ledger.examining.examination import CouldNotLook, look  # noqa: PLC0415

    url = DatabaseSettings().database_url.get_secret_value()
    begun = time.monotonic()
    try:
        with ExitStack() as opened:
            kept = opened.enter_context(heads.open(encoding="utf-8")) if heads else None
            exported = opened.enter_context(_exported(export_heads)) if export_heads else None
            watch = opened.enter_context(told_progress())
            seen = look(url, watch, heads=kept, export=exported.file if exported else None)
            if engine:
                seen = look_at_engine(url, seen)
            if exported:
                exported.keep = seen.healthy
    except (OSError, UnicodeDecodeError) as error:
        _tell_blind(f"A file of heads cannot be read or written: {error}.", as_json=as_json)
        raise typer.Exit(BLIND) from None
    except CouldNotLook as error:
        _tell_blind(str(error), as_json=as_json)
        raise typer.Exit(BLIND) from None
    cost = {
        "seconds": round(time.monotonic() - begun, 1),
        "peak_memory_mb": peak_memory_mb(),
    }
    if as_json:
        typer.echo(json.dumps(_told(seen, export_heads) | cost, default=str))
    else:
        _say(seen, heads, export_heads, cost)
    raise typer.Exit(HEALTHY if seen.healthy else FOUND)


def peak_memory_mb() -> int:
    """Say how much memory this process had at its largest.

    From /proc where there is one: getrusage counts the process that forked this one, too.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (peak_kb,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(peak_kb) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


class _Export:
    """A file under way, that takes its name only when it is whole and of a healthy ledger."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.keep = False


@contextmanager
def _exported(path: Path) -> Iterator[_Export]:
    under_way = path.with_name(path.name + ".part")
    with under_way.open("w", encoding="utf-8") as file:
        export = _Export(file)
        try:
            yield export
        except BaseException:
            under_way.unlink()
            raise
    if export.keep:
        under_way.replace(path)
    else:
        under_way.unlink()


def _told(seen: Examination, export_heads: Path | None) -> dict[str, Any]:
    return {
        "healthy": seen.healthy,
        "taken_at": seen.taken_at,
        "schema": seen.schema,
        "movements": seen.movements,
        "chains": seen.chains,
        "promises": seen.promises,
        "heads_verified": seen.heads_verified,
        "heads_exported": seen.heads_exported if export_heads and seen.healthy else None,
        "findings_total": seen.found.total,
        "findings": [finding.told() for finding in seen.found.shown],
    }


def _say(
    seen: Examination, heads: Path | None, export_heads: Path | None, cost: dict[str, Any]
) -> None:
    for finding in seen.found.shown:
        typer.echo(f"{finding.code}\n  {finding.what}\n  Do: {finding.do}\n")
    hidden = seen.found.total - len(seen.found.shown)
    if hidden:
        numbers = ", ".join(f"{code} {number:,}" for code, number in seen.found.numbers.items())
        typer.echo(f"And {hidden:,} more. In all: {numbers}.\n")
    typer.echo(
        f"Read {seen.movements:,} movements of {seen.chains:,} rows and asked {seen.promises} promises,"
        f" as of {seen.taken_at}, in {cost['seconds']} s and {cost['peak_memory_mb']} MB."
    )
    if heads:
        typer.echo(f"{seen.heads_verified:,} exported heads were compared.")
    if export_heads and seen.healthy:
        typer.echo(f"{seen.heads_exported:,} heads were exported to {export_heads}.")
    elif export_heads:
        typer.echo("No heads were exported: those of a ledger with findings prove nothing.")
    if seen.healthy:
        typer.echo("The ledger is what it says it is.")
    else:
        typer.echo(f"{seen.found.total:,} things are not as they must be.")


def _tell_blind(sentence: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"healthy": None, "error": sentence}))
    else:
        typer.echo(sentence, err=True)
