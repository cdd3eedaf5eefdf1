"""What was found, in words: what it means, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SHOWN = 20
"""Findings told in full; of the rest only the number, or a ledger in ruins would not fit in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it must be. `code` is stable; `facts` are ids and numbers only."""

    code: str
    what: str
    do: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Tell it to a machine."""
        return asdict(self)


class Findings:
    """What has been found so far: the first ones in full, and how many of each code."""

    def __init__(self) -> None:
        self.shown: list[Finding] = []
        self.numbers: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many there are, shown or not."""
        return self.numbers.total()

    def add(self, finding: Finding) -> None:
        """Take one."""
        self.numbers[finding.code] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(finding)
