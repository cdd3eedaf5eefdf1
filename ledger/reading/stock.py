"""What there is of a sku: its rows at all locations, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.stock import TOTALS, Stock
from ledger.transactions import rows_of

_ROWS = text("""
SELECT s.sku, s.location, s.sellable, s.reserved, s.sold, s.shipped, s.returned, s.damaged,
       s.researching, s.supply, s.adjustment, s.transit, s.safety_stock, s.feed_buffer, s.paused,
       s.sequence, s.hash, s.recorded_at, s.total_received, s.total_reserved, s.total_released,
       s.total_expired, s.total_sold, s.total_cancelled, s.total_shipped, s.total_returned,
       s.total_restocked, s.total_damaged
FROM product p
LEFT JOIN stock s ON s.sku = p.sku
WHERE p.sku = :sku
ORDER BY s.location
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """One row with what it has seen go by since its beginning."""

    stock: Stock
    totals: Mapping[str, int]


async def stock_of(engine: AsyncEngine, sku: str) -> list[StockRow] | None:
    """Give every row of a sku in order of location; None where there is no such product.

    Raises Transient.
    """
    rows = await rows_of(engine, _ROWS, sku=sku)
    if not rows:
        return None
    return [_row(row) for row in rows if row["location"] is not None]


def _row(row: RowMapping) -> StockRow:
    columns = {name: value for name, value in row.items() if not name.startswith("total_")}
    return StockRow(
        stock=Stock(**{**columns, "paused": tuple(row["paused"])}),
        # What corrections added and took away is what the world outside owes for it.
        totals={**{name: row[f"total_{name}"] for name in TOTALS}, "adjusted": -row["adjustment"]},
    )
