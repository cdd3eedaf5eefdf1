"""What a noticeboard can do: heed events, be filled from the ledger, and be held against it.

It exists in generations. One is live; another may be in the making beside it, and takes its place when
it is right. Generations know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.exc import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from events.bus import BusAway
from events.reading import Event
from ledger.errors import Transient

PASSING = (Transient, BusAway, OperationalError, InterfaceError, PoolTimeout, OSError)
"""What has nothing to do with what is taken in: it comes again, and is taken in then."""

AMISS = (ProgrammingError, InternalError, NotSupportedError)
"""A grant or a table that is missing, a database that takes no writes: whatever is taken in, it is refused.

No event and no row is at fault. A person has to see to it, and meanwhile it comes again.
"""

Told = Callable[[int, int], None]
"""Hears how many entries of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many entries were held against the ledger, and what was wrong with which."""

    entries: int
    differences: Sequence[str]
    """One sentence each; the first hundred."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


class UnfilledError(Exception):
    """A filling that was given up, because too much of the ledger could not be counted in it."""

    def __init__(self, aside: int, rows: int, codes: Sequence[str]) -> None:
        super().__init__(
            f"{aside:,} of {rows:,} rows of stock cannot be counted: {', '.join(codes)}"
        )


class Projection(Protocol):
    """A noticeboard. All methods raise SQLAlchemy's errors, or Transient, where the database cannot be had."""

    @property
    def name(self) -> str:
        """As in `projections.generation`."""

    @property
    def topics(self) -> Sequence[str]:
        """Which events it follows, as subjects of the bus."""

    @property
    def linger_seconds(self) -> float:
        """For how long a batch waits for more: few large ones cost the disk less than many small ones."""

    async def apply(self, generation: int, events: Sequence[Event]) -> None:
        """Heed events, in one transaction: twice, late, out of order or with gaps, the end is the same.

        What cannot be heeded at all raises something else than the above; then none of them was.
        """

    async def build(self, generation: int, told: Told) -> None:
        """Fill an empty generation as the ledger is at a moment after the call.

        A row of stock that cannot be taken in keeps no other out: it is put aside, as a dead letter. Raises
        UnfilledError where that comes to too many.
        """

    async def mend(self, generation: int, sku: str, location: str) -> None:
        """Take in what a filling put aside of a row of stock, as far as the ledger goes. Raises as `apply`."""

    async def compare(self, generation: int) -> Comparison:
        """Hold each entry against the ledger as it was at the entry's own sequence, of one moment.

        An entry that the ledger had when the generation was filled must be there.
        """

    async def drop(self, generation: int) -> None:
        """Take a generation away that is no longer read. A second call finds nothing."""

    async def look(self, generation: int) -> None:
        """Take in what no event tells of, where there is such a thing: now and then, as long as it is kept."""

    async def intact(self, generation: int) -> bool:
        """Tell whether what it is kept in is there and whole, as far as can be seen at once."""
