"""The noticeboard of availability: of each sku and location the number with the highest sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from events.envelope import PREFIX
from events.reading import Event
from events.schemas import ProductChange, StockChange
from ledger.transactions import in_snapshot, in_transaction
from projections.availability.differences import differences
from projections.generations import AVAILABILITY, held
from projections.ledger_pages import counts, product_pages, stock_pages
from projections.notices import notify_skus
from projections.projection import Comparison, Told

AT_ONCE = 5_000

# In the order of the keys: two who heed the same rows wait for each other, and never in a circle.
_ROWS = text("""
INSERT INTO projections.availability AS a (generation, sku, location, sequence, available)
SELECT :generation, r.sku, r.location, r.sequence, r.available
FROM json_to_recordset(:rows) AS r (sku text, location text, sequence bigint, available bigint)
ORDER BY r.sku COLLATE "C", r.location COLLATE "C"
ON CONFLICT (generation, sku, location) DO UPDATE
SET sequence = excluded.sequence, available = excluded.available
WHERE a.sequence < excluded.sequence
RETURNING sku
""")

_PRODUCTS = text("""
INSERT INTO projections.availability_product AS p (generation, sku, version)
SELECT :generation, r.sku, r.version
FROM json_to_recordset(:rows) AS r (sku text, version bigint)
ORDER BY r.sku COLLATE "C"
ON CONFLICT (generation, sku) DO UPDATE
SET version = excluded.version
WHERE p.version < excluded.version
RETURNING sku
""")

_DROP_ROWS = text("""
DELETE FROM projections.availability
WHERE ctid = ANY(ARRAY(SELECT ctid FROM projections.availability WHERE generation = :generation LIMIT :most))
""")

_DROP_PRODUCTS = text("""
DELETE FROM projections.availability_product
WHERE ctid = ANY(
  ARRAY(SELECT ctid FROM projections.availability_product WHERE generation = :generation LIMIT :most))
""")


class Availability:
    """Kept in two tables. Methods and errors are those of `Projection`."""

    name = AVAILABILITY
    topics = (f"{PREFIX}.stock.>", f"{PREFIX}.product.>")
    linger_seconds = 0.005

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def apply(self, generation: int, events: Sequence[Event]) -> None:
        """Keep of each key what has the highest number, and tell which skus changed by it."""
        rows, products = _newest(event.payload for event in events)

        async def keep(connection: AsyncConnection) -> None:
            is_live = await held(connection, self.name, generation)
            changed = await _kept(connection, _ROWS, generation, rows)
            changed += await _kept(connection, _PRODUCTS, generation, products)
            if is_live:
                await notify_skus(connection, changed)

        await in_transaction(self.engine, keep)

    async def build(self, generation: int, told: Told) -> None:
        """Copy the numbers of every row, and the skus of every product."""
        all_of_it = await counts(self.engine)
        of, done = all_of_it.rows + all_of_it.products, 0
        async for products in product_pages(self.engine):
            rows = [{"sku": product.sku, "version": product.version} for product in products]
            await self._fill(generation, _PRODUCTS, rows)
            done += len(rows)
            told(done, max(of, done))
        async for stocks in stock_pages(self.engine):
            rows = [
                _row(stock.sku, stock.location, stock.sequence, stock.available) for stock in stocks
            ]
            await self._fill(generation, _ROWS, rows)
            done += len(rows)
            told(done, max(of, done))

    async def mend(self, generation: int, sku: str, location: str) -> None:
        """Nothing: what is copied is never put aside."""

    async def compare(self, generation: int) -> Comparison:
        """Hold each number against the movement that made it."""
        return await in_snapshot(
            self.engine, lambda connection: differences(connection, generation)
        )

    async def drop(self, generation: int) -> None:
        """Delete its rows, some thousand a transaction."""
        for statement in (_DROP_ROWS, _DROP_PRODUCTS):
            while await in_transaction(self.engine, partial(_dropped, statement, generation)):
                pass

    async def look(self, generation: int) -> None:
        """Nothing: events tell all of it."""

    async def intact(self, generation: int) -> bool:
        """Its rows are where the pointer to them is."""
        return generation > 0

    async def _fill(
        self, generation: int, statement: TextClause, rows: list[dict[str, Any]]
    ) -> None:
        async def keep(connection: AsyncConnection) -> None:
            await _kept(connection, statement, generation, rows)

        await in_transaction(self.engine, keep)


def _newest(payloads: Iterable[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    products: dict[str, dict[str, Any]] = {}
    for told in payloads:
        if isinstance(told, StockChange):
            place = (told.sku, told.location)
            if place not in rows or rows[place]["sequence"] < told.sequence:
                rows[place] = _row(*place, told.sequence, told.available)
        elif isinstance(told, ProductChange):
            if told.sku not in products or products[told.sku]["version"] < told.version:
                products[told.sku] = {"sku": told.sku, "version": told.version}
        else:
            raise TypeError(type(told).__name__)
    return list(rows.values()), list(products.values())


def _row(sku: str, location: str, sequence: int, available: int) -> dict[str, Any]:
    return {"sku": sku, "location": location, "sequence": sequence, "available": available}


async def _kept(
    connection: AsyncConnection, statement: TextClause, generation: int, rows: list[dict[str, Any]]
) -> list[str]:
    if not rows:
        return []
    asked = {"generation": generation, "rows": orjson.dumps(rows).decode()}
    return list((await connection.execute(statement, asked)).scalars().all())


async def _dropped(statement: TextClause, generation: int, connection: AsyncConnection) -> int:
    asked = {"generation": generation, "most": AT_ONCE}
    return (await connection.execute(statement, asked)).rowcount
