"""How far a long command is: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

TOLD_PARTS = 10
"""Where there is no terminal, how often it is told how far a stage is."""

Watch = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""


@contextmanager
def told_progress() -> Iterator[Watch]:
    """Give something to tell progress to; it goes to standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines().watch
        return
    columns = (
        TextColumn("{task.description:<13}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("")

        def watch(stage: str, done: int, total: int) -> None:
            # A history may grow beyond what was expected while its number was asked for.
            progress.update(bar, description=stage, completed=done, total=max(done, total))

        yield watch


class _Lines:
    """Tells a stage when it begins, and then at each tenth of it."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def watch(self, stage: str, done: int, total: int) -> None:
        part = done * TOLD_PARTS // total if total else TOLD_PARTS
        if (stage, part) != self._last:
            self._last = stage, part
            sys.stderr.write(f"{stage}: {done:,} of {total:,}\n")
