"""What there is of a sku: its rows at all locations, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.stock import TOTALS, Stock
from ledger.transactions import rows_of

# What travels is read from the transfers: a row's own transit pile adds where units leave and takes where they
# arrive, so it is a number of the sku and not of a place.
_ROWS = text("""
SELECT s.sku, s.location, s.sellable, s.reserved, s.sold, s.shipped, s.returned, s.damaged,
       s.researching, s.supply, s.adjustment, s.transit, s.safety_stock, s.feed_buffer, s.paused,
       s.sequence, s.hash, s.recorded_at, s.total_received, s.total_reserved, s.total_released,
       s.total_expired, s.total_sold, s.total_cancelled, s.total_shipped, s.total_returned,
       s.total_restocked, s.total_damaged,
       COALESCE((
         SELECT sum(l.quantity - l.received - l.lost)
         FROM transfer_line l
         JOIN transfer t ON t.transfer_id = l.transfer_id
         WHERE l.sku = s.sku AND l.received + l.lost < l.quantity AND t.source = s.location
       ), 0) AS travelling
FROM product p
LEFT JOIN stock s ON s.sku = p.sku AND s.sequence > 0
WHERE p.sku = :sku
ORDER BY s.location
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """One row with what it has seen go by since its beginning."""

    stock: Stock
    travelling: int
    """Units that left here by a transfer, and neither arrived nor got lost."""
    totals: Mapping[str, int]


async def stock_of(engine: AsyncEngine, sku: str) -> list[StockRow] | None:
    """Give every row of a sku in order of location; None where there is no such product.

    A row that nothing ever happened to is none: a refused document may have made it.
    Raises Transient.
    """
    rows = await rows_of(engine, _ROWS, sku=sku)
    if not rows:
        return None
    return [_row(row) for row in rows if row["location"] is not None]


def _row(row: RowMapping) -> StockRow:
    columns = {
        name: value
        for name, value in row.items()
        if name != "travelling" and not name.startswith("total_")
    }
    return StockRow(
        travelling=int(row["travelling"]),
        stock=Stock(**{**columns, "paused": tuple(row["paused"])}),
        # What corrections added and took away is what the world outside owes for it.
        totals={**{name: row[f"total_{name}"] for name in TOTALS}, "adjusted": -row["adjustment"]},
    )
