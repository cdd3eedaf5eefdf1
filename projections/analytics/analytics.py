"""Analytics as a noticeboard: it heeds events of stock, and looks at the ledger for what no event tells."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.envelope import PREFIX
from events.reading import Event
from ledger.transactions import in_transaction
from projections.analytics import refusals
from projections.analytics.comparing import CHECKS
from projections.analytics.storing import TABLES, WATERMARKS, count
from projections.changes import of_events
from projections.comparing import compared
from projections.dropping import drop
from projections.generations import held
from projections.projection import Comparison, Told
from projections.watermarks import Watermarks

NAME = "analytics"


class Analytics:
    """Holds, goods and refusals by sku and hour. Events of products are passed over."""

    name = NAME
    topics = (f"{PREFIX}.stock.>",)
    linger_seconds = 0.25

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

    async def look(self, generation: int) -> None:
        """Take in checkouts that were refused: every few seconds, as long as it is kept."""

        async def hold(connection: AsyncConnection) -> None:
            await held(connection, self.name, generation)

        await in_transaction(self.engine, hold)
        await refusals.look(self.engine, generation)

    async def build(self, generation: int, told: Told) -> None:
        """Fill an empty generation, page by page."""
        await refusals.look(self.engine, generation)
        await self._watermarks.fill(self.engine, generation, told, count)

    async def mend(self, generation: int, sku: str, location: str) -> None:
        """Count the rest of a row, in one transaction. Raises as `apply`."""
        await self._watermarks.mend(self.engine, generation, (sku, location), count)

    async def compare(self, generation: int) -> Comparison:
        """Hold every row against the ledger as it was at the row's watermark, and refusals as of the last look."""
        return await compared(self.engine, generation, TABLES, CHECKS)

    async def drop(self, generation: int) -> None:
        """Take a generation away, in pieces."""
        await drop(self.engine, TABLES, generation)

    async def intact(self, generation: int) -> bool:
        """Its rows are where the pointer to them is."""
        return generation > 0
