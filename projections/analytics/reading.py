"""What is read of analytics: hours or days by sku, page by page, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projections.analytics.analytics import NAME
from projections.analytics.fold import UNITS
from projections.reading import Shown, shown

DIGITS = 4
"""Of a ratio."""


class By(StrEnum):
    """How long a bucket is. Both begin in UTC."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What happened in a time. All are units, but for `holds`, `orders` and `refusals`, which count those.

    `on_hand` is what was on hand when the time began. `sold` was taken from stock for orders; of that,
    `cancelled` went back on sale and `missing` was not found. `lost` was wished for and refused for want of
    stock, by `refusals` checkouts; what was held and expired is no loss of that kind.
    """

    on_hand: int
    held: int
    holds: int
    released: int
    expired: int
    confirmed: int
    received: int
    sold: int
    orders: int
    cancelled: int
    missing: int
    shipped: int
    returned: int
    lost: int
    refusals: int

    @property
    def conversion(self) -> float | None:
        """Units confirmed, of those whose hold ended in this time; None where none did."""
        return _ratio(self.confirmed, self.confirmed + self.released + self.expired)

    @property
    def expiry_rate(self) -> float | None:
        """Units whose hold expired, of those whose hold ended in this time; None where none did."""
        return _ratio(self.expired, self.confirmed + self.released + self.expired)

    @property
    def sell_through(self) -> float | None:
        """Units sold less those cancelled or missing, of those on hand at first or received; None where none were.

        What came by other ways (returns, transfers, corrections) is sold all the same: it may be above 1. What
        was sold before and cancelled now makes it less, below 0 even.
        """
        return _ratio(self.sold - self.cancelled - self.missing, self.on_hand + self.received)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a bucket stands: when it begins, and its sku."""

    begins: datetime
    sku: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whole hours or days from `since`, up to but without `until`, of one sku or all."""

    since: datetime
    until: datetime
    by: By
    sku: str | None = None
    after: Place | None = None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A page of buckets; the first one says what all come to."""

    shown: Shown
    buckets: Sequence[tuple[Place, Figures]]
    totals: Figures | None
    following: Place | None


_KNOWN = text("SELECT FROM product WHERE sku = :sku")

_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in UNITS)
_ZEROS = ", ".join("0" for _ in UNITS)


def _counted(of_sku: str, begins: str, holds: str, orders: str) -> str:
    """Lay hours and refusals over each other, in the order in which an index has them."""
    return f"""
  SELECT {begins} AS begins, sku, {", ".join(UNITS)}, {holds} AS holds, {orders} AS orders, 0 AS lost, 0 AS refusals
  FROM projections.analytics_hour
  WHERE generation = :generation AND hour >= :since AND hour < :until {of_sku}
  UNION ALL
  SELECT {begins}, sku, {_ZEROS}, 0, 0, quantity, 1
  FROM projections.analytics_refusal
  WHERE generation = :generation AND hour >= :since AND hour < :until {of_sku}"""  # noqa: S608 - constants of ours


def _page(by: By, of_sku: str) -> TextClause:
    begins = f"date_trunc('{by.value}', hour, 'UTC')"
    return text(f"""
WITH counted AS ({_counted(of_sku, begins, "sku_holds", "sku_orders")}),
page AS (
  SELECT begins, sku, {_SUMS}, sum(holds)::bigint AS holds, sum(orders)::bigint AS orders, sum(lost)::bigint AS lost,
         sum(refusals)::bigint AS refusals
  FROM counted
  WHERE (begins, sku) > (:after, :after_sku)
  GROUP BY begins, sku
  ORDER BY begins, sku
  LIMIT :most
)
SELECT page.*, COALESCE(h.on_hand, 0)::bigint AS on_hand
FROM page
LEFT JOIN LATERAL (
  SELECT sum(last.on_hand) AS on_hand
  FROM projections.analytics_watermark w
  CROSS JOIN LATERAL (
    SELECT h.on_hand
    FROM projections.analytics_hour h
    WHERE h.generation = :generation AND h.sku = w.sku AND h.location = w.location AND h.hour < page.begins
    ORDER BY h.hour DESC
    LIMIT 1
  ) last
  WHERE w.generation = :generation AND w.sku = page.sku
) h ON true
ORDER BY page.begins, page.sku
""")  # noqa: S608 - constants of ours


def _totals(of_sku: str, holds: str, orders: str) -> TextClause:
    return text(f"""
WITH counted AS ({_counted(of_sku, "hour", holds, orders)})
SELECT {_SUMS}, sum(holds)::bigint AS holds, sum(orders)::bigint AS orders, sum(lost)::bigint AS lost,
       sum(refusals)::bigint AS refusals,
       (SELECT sum(last.on_hand)::bigint
        FROM projections.analytics_watermark w
        CROSS JOIN LATERAL (
          SELECT h.on_hand
          FROM projections.analytics_hour h
          WHERE h.generation = :generation AND h.sku = w.sku AND h.location = w.location AND h.hour < :since
          ORDER BY h.hour DESC
          LIMIT 1
        ) last
        WHERE w.generation = :generation {of_sku.replace("sku", "w.sku", 1)}) AS on_hand
FROM counted
""")  # noqa: S608 - constants of ours


_OF_SKU = "AND sku = :sku"
_PAGES = {
    (by, of_sku): _page(by, _OF_SKU if of_sku else "") for by in By for of_sku in (True, False)
}
_TOTALS = {
    True: _totals(_OF_SKU, "sku_holds", "sku_orders"),
    False: _totals("", "holds", "orders"),
}


async def report_of(engine: AsyncEngine, asked: Asked) -> Report | None:
    """Read a page of buckets, and with the first what all of them come to; None where there is no such sku.

    Raises NothingShownError; Transient.
    """

    async def read(connection: AsyncConnection, live: Shown) -> Report | None:
        sku = {} if asked.sku is None else {"sku": asked.sku}
        if sku and (await connection.execute(_KNOWN, sku)).first() is None:
            return None
        which = {"generation": live.generation, "since": asked.since, "until": asked.until, **sku}
        totals = None
        if asked.after is None:
            found = await connection.execute(_TOTALS[bool(sku)], which)
            totals = _figures(found.mappings().one())
        buckets = await _buckets(connection, asked, which)
        more = len(buckets) > asked.limit
        page = buckets[: asked.limit]
        return Report(
            shown=live, buckets=page, totals=totals, following=page[-1][0] if more else None
        )

    return await shown(engine, NAME, read)


async def _buckets(
    connection: AsyncConnection, asked: Asked, which: Mapping[str, Any]
) -> list[tuple[Place, Figures]]:
    after = asked.after or Place(asked.since, "")
    found = await connection.execute(
        _PAGES[asked.by, asked.sku is not None],
        {
            **which,
            "since": max(asked.since, after.begins),
            "after": after.begins,
            "after_sku": after.sku,
            "most": asked.limit + 1,
        },
    )
    return [(Place(row["begins"], row["sku"]), _figures(row)) for row in found.mappings()]


def _figures(row: RowMapping) -> Figures:
    return Figures(**{name: row[name] or 0 for name in Figures.__dataclass_fields__})


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, DIGITS) if whole else None
