"""What has been shown of this very code: kept in a file, so that a long proof can be broken off and gone on with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from tests.proof import Shown

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / ".onhand" / "faults"


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Name it."""


class Record:
    """Cases that came to their right ending, with what was reached on the way; kept where there is a `file`."""

    def __init__(self, file: Path | None = None, *, ends_at: float | None = None) -> None:
        self.shown = Shown(file)
        self.ends_at = ends_at

    def __contains__(self, case: str) -> bool:
        """Tell whether a case has been shown."""
        return case in self.shown

    def add(self, case: str, *, place: str, fault: str, rare: set[str]) -> None:
        """Keep what was shown, at once: whoever breaks off loses what is under way and no more."""
        self.shown.add(case, place=place, fault=fault, rare=sorted(rare))

    def left(self, cases: Iterable[Named]) -> list[str]:
        """Name the cases that are not shown yet."""
        return [case.name for case in cases if case.name not in self]

    def out_of_time(self) -> bool:
        """Tell whether nothing more is to be begun."""
        return self.ends_at is not None and time.monotonic() > self.ends_at

    def faults(self) -> Counter[tuple[str, str]]:
        """Count by place and fault."""
        return Counter(
            (str(told["place"]), str(told["fault"])) for told in self.shown.parts.values()
        )

    def rare(self) -> Counter[str]:
        """Count the rare states."""
        return Counter(state for told in self.shown.parts.values() for state in told["rare"])

    def table(self) -> str:
        """Draw place by fault."""
        faults = sorted({fault for _, fault in self.faults()})
        rows = [f"{'':26}" + "".join(f"{fault:>24}" for fault in faults)]
        for place in sorted({place for place, _ in self.faults()}):
            counts = "".join(f"{self.faults()[place, fault]:24}" for fault in faults)
            rows.append(f"{place or '(undisturbed)':26}{counts}")
        rows += [f"{count:6} times {state}" for state, count in sorted(self.rare().items())]
        return "\n".join(rows)
