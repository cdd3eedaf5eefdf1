"""What a noticeboard is filled from: the ledger's rows, a page at a time in the order of their keys.

Each page is a moment of its own. Whoever keeps the highest sequence of a key may mix moments: what changed
in between comes as an event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.stock import Stock
from ledger.transactions import rows_of

PAGE = 2_000

_STOCK = text("""
SELECT sku, location, sellable, reserved, sold, shipped, returned, damaged, researching, supply,
       adjustment, transit, safety_stock, feed_buffer, paused, sequence, hash, recorded_at
FROM stock
WHERE (sku, location) > (:sku, :location) AND sequence > 0
ORDER BY sku, location
LIMIT :most
""")

_PRODUCTS = text("""
SELECT sku, title, price_minor, currency, version
FROM product
WHERE sku > :sku
ORDER BY sku
LIMIT :most
""")

_COUNTS = text("""
SELECT (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'stock'::regclass) AS rows,
       (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'product'::regclass) AS products
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product as the catalogue has it. `price_minor` is per unit."""

    sku: str
    title: str
    price_minor: int
    currency: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows and products there are, about."""

    rows: int
    products: int


async def counts(engine: AsyncEngine) -> Counts:
    """Estimate them, at once: it is for whoever looks on. Raises Transient."""
    (row,) = await rows_of(engine, _COUNTS)
    return Counts(**row)


async def stock_pages(engine: AsyncEngine) -> AsyncIterator[Sequence[Stock]]:
    """Give every row of stock that something ever happened to. Raises Transient."""
    sku = location = ""
    while rows := await rows_of(engine, _STOCK, sku=sku, location=location, most=PAGE):
        yield [Stock(**{**row, "paused": tuple(row["paused"])}) for row in rows]
        sku, location = rows[-1]["sku"], rows[-1]["location"]


async def product_pages(engine: AsyncEngine) -> AsyncIterator[Sequence[Product]]:
    """Give every product. Raises Transient."""
    sku = ""
    while rows := await rows_of(engine, _PRODUCTS, sku=sku, most=PAGE):
        yield [Product(**row) for row in rows]
        sku = rows[-1]["sku"]
