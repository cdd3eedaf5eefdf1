"""Everything that one run of a benchmark found."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.figures import Contest, Ratio


@dataclass(kw_only=True)
class Findings:
    """What is told of a run, whatever was measured."""

    unit: str
    """What the rates count, as the picture's title."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the servers that took part."""
    sizes: dict[str, int | float] = field(default_factory=dict)
    """How much was measured."""
    ratios: list[Ratio] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    beside: list[Contest] = field(default_factory=list)
    """Measured once, in a shorter round, or for another ratio than that of rates."""
    notes: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, object]:
        """Give what only this benchmark tells, as JSON."""
        return {}
