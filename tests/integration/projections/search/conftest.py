"""A shop and the search of it, its events brought by hand: in any order, and as often as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from events.envelope import message
from events.reading import Event, read
from ledger.database import Role, engine
from ledger.outgoing import Written
from projections.projection import Comparison
from projections.search.asking import Wish
from projections.search.board import Search
from projections.search.entry import encoded
from projections.search.index import Indexes
from tests.copies import Database
from tests.integration.ledger.shop import Shop, open_shop

COLUMNS = ("id", "shard", "subject", "sequence", "type", "version", "recorded_at", "payload")


@dataclass(kw_only=True)
class Searched:
    """The shop, and its search."""

    shop: Shop
    search: Search

    async def begin(self) -> int:
        """Make room for another generation, and fill it. One is in the making at a time."""
        self.shop.database.run(
            "UPDATE projections.generation SET state = 'retired', live_at = now() WHERE state = 'building'"
        )
        number = int(
            self.shop.database.value(
                # A minute ahead: what is there by now is old enough to be missed.
                "INSERT INTO projections.generation (projection, generation, state, stream, started_at)"
                " SELECT 'search', count(*) + 1, 'building', 'a stream', clock_timestamp() + interval '1 minute'"
                " FROM projections.generation"
                " RETURNING generation"
            )
        )
        await self.search.build(number, lambda _done, _of: None)
        return number

    def promote(self, number: int) -> None:
        """Have it read from now on, as fresh as can be."""
        database = self.shop.database
        database.run("UPDATE projections.generation SET state = 'retired' WHERE state = 'live'")
        database.run(
            "UPDATE projections.generation SET state = 'live', live_at = now() WHERE generation = %s",
            number,
        )
        self.refresh(number)

    def refresh(self, number: int) -> None:
        """Say that it is up to date."""
        self.shop.database.run(
            "INSERT INTO projections.freshness (projection, generation, as_of, position)"
            " VALUES ('search', %s, clock_timestamp(), 0)"
            " ON CONFLICT (projection, generation) DO UPDATE SET as_of = excluded.as_of",
            number,
        )

    async def compared(self, number: int) -> Comparison:
        """Hold it against the ledger."""
        return await self.search.compare(number)

    def kept(self, number: int) -> dict[str, list[bytes]]:
        """Give what the index keeps of each sku, as it is written there."""
        look = self.search.indexes.reader(number).look()
        skus = [sku for (sku,) in self.shop.database.rows("SELECT sku FROM product")]
        found = look.entries(skus)
        assert sum(map(len, found.values())) == look.size
        return {sku: [encoded(entry) for entry in entries] for sku, entries in found.items()}

    def skus(self, number: int, text: str = "", **wish: Any) -> list[str]:
        """Search."""
        page = self.search.indexes.reader(number).look().find(Wish(text=text, **wish))
        return [entry.sku for entry in page.entries]

    def events(self) -> Sequence[Event]:
        """Read every event that the ledger ever wrote, in its order."""
        rows = self.shop.database.rows(
            "SELECT id, shard, subject, sequence, type, version, recorded_at, payload::text"
            " FROM outbox ORDER BY id"
        )
        return [read(message(Written(**dict(zip(COLUMNS, row, strict=True)))).body) for row in rows]


@pytest.fixture
async def searched(database: Database, tmp_path: Path) -> AsyncIterator[Searched]:
    """Give a shop of three products, and its search without a generation."""
    pool = engine(database.application_url, role=Role.PROJECTIONS)
    async with open_shop(database) as shop:
        yield Searched(shop=shop, search=Search(pool, Indexes(tmp_path / "search")))
    await pool.dispose()
