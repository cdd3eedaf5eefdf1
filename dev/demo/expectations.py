"""What the demo promised, said as it comes true or does not."""

from __future__ import annotations

from rich.console import Console


class Expectations:
    """Keeps count of what held; the demo fails if anything did not."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.broken: list[str] = []

    def expect(self, promise: str, *, holds: bool) -> None:
        """Say whether a promise holds."""
        mark = "[green]✓[/]" if holds else "[bold red]✗[/]"
        self.console.print(f"  {mark} {promise}")
        if not holds:
            self.broken.append(promise)
