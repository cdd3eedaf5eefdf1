"""The board as a noticeboard: it heeds events of stock, and is filled from the ledger by the same fold."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.envelope import PREFIX
from events.reading import Event
from ledger.transactions import in_transaction
from projections.board.comparing import CHECKS
from projections.board.storing import TABLES, WATERMARKS, count
from projections.changes import of_events
from projections.comparing import compared
from projections.dropping import drop
from projections.generations import held
from projections.projection import Comparison, Told
from projections.watermarks import Watermarks

NAME = "board"


class Board:
    """What warehouses have to do. Events of products are passed over."""

    name = NAME
    topics = (f"{PREFIX}.stock.>",)
    linger_seconds = 0.1

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._watermarks = Watermarks(NAME, WATERMARKS)

    async def apply(self, generation: int, events: Sequence[Event]) -> None:
        """Heed events, in one transaction. Raises UncountableError, Transient, and SQLAlchemy's errors."""
        changes = of_events(events)

        async def heed(connection: AsyncConnection) -> None:
            await held(connection, self.name, generation)
            await self._watermarks.heed(connection, generation, changes, count)

        await in_transaction(self.engine, heed)

    async def build(self, generation: int, told: Told) -> None:
        """Fill an empty generation, page by page."""
        await self._watermarks.fill(self.engine, generation, told, count)

    async def mend(self, generation: int, sku: str, location: str) -> None:
        """Count the rest of a row, in one transaction. Raises as `apply`."""
        await self._watermarks.mend(self.engine, generation, (sku, location), count)

    async def compare(self, generation: int) -> Comparison:
        """Hold every row against the ledger as it was at the row's watermark."""
        return await compared(self.engine, generation, TABLES, CHECKS)

    async def drop(self, generation: int) -> None:
        """Take a generation away, in pieces."""
        await drop(self.engine, TABLES, generation)

    async def look(self, generation: int) -> None:
        """Nothing: events tell all of it."""

    async def intact(self, generation: int) -> bool:
        """Its rows are where the pointer to them is."""
        return generation > 0
