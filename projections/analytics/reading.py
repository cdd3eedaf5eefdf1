"""What is read of analytics: hours or days by sku, page by page, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projections.analytics.analytics import NAME
from projections.analytics.fold import UNITS
from projections.reading import Shown, shown
from projections.watermarks import as_rows

DIGITS = 4
"""Of a ratio."""

TOTALLED_MOST = 100_000
"""Rows that are added up to the totals of all skus: more of them take longer than somebody who asks should wait."""


class By(StrEnum):
    """How long a bucket is. Both begin in UTC."""

    HOUR = "hour"
    DAY = "day"


LENGTH = {By.HOUR: timedelta(hours=1), By.DAY: timedelta(days=1)}


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
    """A page of buckets; the first one says what all come to, unless they are of too many rows to be added up."""

    shown: Shown
    buckets: Sequence[tuple[Place, Figures]]
    totals: Figures | None
    following: Place | None


_KNOWN = text("SELECT FROM product WHERE sku = :sku")

_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in UNITS)
_OF_SKU = "AND sku = :sku"
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


# What was on hand of a sku when a bucket began: what each of its locations was left with the last time.
_ON_HAND = """
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
ORDER BY page.begins, page.sku"""


def _page_of_sku(by: By) -> TextClause:
    """One sku has so few hours that all of them may be added up."""
    begins = f"date_trunc('{by.value}', hour, 'UTC')"
    return text(f"""
WITH counted AS ({_counted(_OF_SKU, begins, "sku_holds", "sku_orders")}),
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
FROM page{_ON_HAND}
""")  # noqa: S608 - constants of ours


# Of all skus a page is named first, from index to index, and only that is added up: a shop of a million
# skus has millions of rows in an hour or two.
_HOURS_NAMED = text("""
SELECT begins, sku
FROM (
  (SELECT DISTINCT hour AS begins, sku
   FROM projections.analytics_hour
   WHERE generation = :generation AND hour >= :since AND hour < :until AND (hour, sku) > (:after, :after_sku)
   ORDER BY hour, sku
   LIMIT :most)
  UNION
  (SELECT DISTINCT hour, sku
   FROM projections.analytics_refusal
   WHERE generation = :generation AND hour >= :since AND hour < :until AND (hour, sku) > (:after, :after_sku)
   ORDER BY hour, sku
   LIMIT :most)
) page
ORDER BY begins, sku
LIMIT :most
""")

# The index has each hour in the order of its skus: a day is the first of each of its hours.
_DAY_NAMED = text("""
SELECT DISTINCT named.sku
FROM generate_series(CAST(:begins AS timestamptz), CAST(:begins AS timestamptz) + interval '23 hours',
                     interval '1 hour') AS h (hour)
CROSS JOIN LATERAL (
  (SELECT DISTINCT sku
   FROM projections.analytics_hour
   WHERE generation = :generation AND hour = h.hour AND sku > :after_sku
   ORDER BY sku
   LIMIT :most)
  UNION ALL
  (SELECT DISTINCT sku
   FROM projections.analytics_refusal
   WHERE generation = :generation AND hour = h.hour AND sku > :after_sku
   ORDER BY sku
   LIMIT :most)
) named
ORDER BY named.sku
LIMIT :most
""")

# A name that comes in JSON has the database's own order, and not that of the columns: what is sorted says which.
_NAMED = text(f"""
WITH page AS (
  SELECT named.begins, named.sku COLLATE "C" AS sku, moved.*, refused.*
  FROM json_to_recordset(:named) AS named (begins timestamptz, sku text)
  CROSS JOIN LATERAL (
    SELECT {_SUMS}, sum(sku_holds)::bigint AS holds, sum(sku_orders)::bigint AS orders
    FROM projections.analytics_hour m
    WHERE m.generation = :generation AND m.sku = named.sku
      AND m.hour = ANY(ARRAY(SELECT generate_series(
        named.begins, named.begins + CAST(:length AS interval) - interval '1 hour', interval '1 hour')))
  ) moved
  CROSS JOIN LATERAL (
    SELECT sum(r.quantity)::bigint AS lost, count(*) AS refusals
    FROM projections.analytics_refusal r
    WHERE r.generation = :generation AND r.sku = named.sku
      AND r.hour >= named.begins AND r.hour < named.begins + CAST(:length AS interval)
  ) refused
)
SELECT page.*, COALESCE(h.on_hand, 0)::bigint AS on_hand
FROM page{_ON_HAND}
""")  # noqa: S608 - constants of ours

# Looked at no longer than it takes to know.
_FEW = text("""
SELECT count(*) < :more AS few
FROM (
  SELECT FROM projections.analytics_watermark WHERE generation = :generation
  UNION ALL
  SELECT FROM projections.analytics_hour WHERE generation = :generation AND hour >= :since AND hour < :until
  UNION ALL
  SELECT FROM projections.analytics_refusal WHERE generation = :generation AND hour >= :since AND hour < :until
  LIMIT :more
) counted
""")


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


_PAGES_OF_SKU = {by: _page_of_sku(by) for by in By}
_TOTALS = {
    True: _totals(_OF_SKU, "sku_holds", "sku_orders"),
    False: _totals("", "holds", "orders"),
}


async def report_of(engine: AsyncEngine, asked: Asked) -> Report | None:
    """Read a page of buckets, and with the first what all of them come to; None where there is no such sku.

    Over all skus the totals are None where there are more rows than `TOTALLED_MOST`: of places where stock is, of
    hours in which it moved, and of refusals.

    Raises NothingShownError; Transient.
    """

    async def read(connection: AsyncConnection, live: Shown) -> Report | None:
        sku = {} if asked.sku is None else {"sku": asked.sku}
        if sku and (await connection.execute(_KNOWN, sku)).first() is None:
            return None
        which = {"generation": live.generation, "since": asked.since, "until": asked.until, **sku}
        totals = None
        if asked.after is None and (sku or await _few(connection, which)):
            found = await connection.execute(_TOTALS[bool(sku)], which)
            totals = _figures(found.mappings().one())
        buckets = await _buckets(connection, asked, which)
        more = len(buckets) > asked.limit
        page = buckets[: asked.limit]
        return Report(
            shown=live, buckets=page, totals=totals, following=page[-1][0] if more else None
        )

    return await shown(engine, NAME, read)


async def _few(connection: AsyncConnection, which: Mapping[str, Any]) -> bool:
    """Tell whether all skus together are few enough to be added up while somebody waits."""
    asked = {**which, "more": TOTALLED_MOST + 1}
    return bool((await connection.execute(_FEW, asked)).scalar_one())


async def _buckets(
    connection: AsyncConnection, asked: Asked, which: Mapping[str, Any]
) -> list[tuple[Place, Figures]]:
    beginning = Place(asked.since, "")
    # The time that is asked for may have moved on since the page before.
    after = max(beginning, asked.after or beginning)
    place = {
        **which,
        "since": after.begins,
        "after": after.begins,
        "after_sku": after.sku,
        "most": asked.limit + 1,
    }
    if asked.sku is not None:
        found = await connection.execute(_PAGES_OF_SKU[asked.by], place)
    else:
        if asked.by is By.HOUR:
            named = (await connection.execute(_HOURS_NAMED, place)).mappings().all()
            places = [Place(row["begins"], row["sku"]) for row in named]
        else:
            places = await _days_named(connection, asked, after, which)
        rows = [{"begins": place.begins, "sku": place.sku} for place in places]
        found = await connection.execute(
            _NAMED, {**which, "named": as_rows(rows), "length": LENGTH[asked.by]}
        )
    return [(Place(row["begins"], row["sku"]), _figures(row)) for row in found.mappings()]


async def _days_named(
    connection: AsyncConnection, asked: Asked, after: Place, which: Mapping[str, Any]
) -> list[Place]:
    """Name a page of days and skus, day by day until it is full."""
    places: list[Place] = []
    begins, sku = after.begins, after.sku
    while begins < asked.until and len(places) <= asked.limit:
        most = asked.limit + 1 - len(places)
        named = await connection.execute(
            _DAY_NAMED, {**which, "begins": begins, "after_sku": sku, "most": most}
        )
        places += [Place(begins, name) for name in named.scalars()]
        begins, sku = begins + LENGTH[By.DAY], ""
    return places


def _figures(row: RowMapping) -> Figures:
    return Figures(**{name: row[name] or 0 for name in Figures.__dataclass_fields__})


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, DIGITS) if whole else None
