"""What happened to a sku: its movements page by page, and its rows as they were at any moment.

A past moment is read from the after-image of the last entry before it. Entries of a row are numbered
without a gap and their times never decrease, so that entry is found by halving: no index of times is kept
and no history is summed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.movements import Cause, Movement
from ledger.stock import MovementKind, Pile, Stock
from ledger.transactions import in_snapshot

Positions = Mapping[str, int]
"""By location, the sequence of the last entry that was read; what is not named was not read at all."""

_AFTER = """
m.location, m.sequence, m.kind, m.source, m.target, m.quantity,
m.sellable_after, m.reserved_after, m.sold_after, m.shipped_after, m.returned_after, m.damaged_after,
m.researching_after, m.supply_after, m.adjustment_after, m.transit_after,
m.safety_stock_after, m.feed_buffer_after, m.paused_after,
m.operation_key, m.cause_kind, m.cause_id, m.actor, m.reason, m.occurred_at, m.recorded_at, m.hash
"""

_PRODUCT = text("SELECT FROM product WHERE sku = :sku")

# Each location gives at most a page, in its own order; merged by time, no entry is ever left behind, even
# one that was committed after a later one of another location.
_PAGE = text(f"""
SELECT {_AFTER}
FROM stock s
CROSS JOIN LATERAL (
  SELECT *
  FROM movement e
  WHERE e.sku = s.sku AND e.location = s.location
    AND e.sequence > COALESCE((CAST(:positions AS json) ->> s.location)::bigint, 0)
  ORDER BY e.sequence
  LIMIT :limit
) AS m
WHERE s.sku = :sku
ORDER BY m.recorded_at, m.location, m.sequence
LIMIT :limit
""")  # noqa: S608 - the column list is a constant of ours

# low is an entry at or before the moment (0: before the first), high may be one; they meet at the last.
_AS_OF = text(f"""
WITH RECURSIVE halved AS (
  SELECT location, 0::bigint AS low, sequence AS high FROM stock WHERE sku = :sku
  UNION ALL
  SELECT h.location,
         CASE WHEN m.recorded_at <= :at THEN m.sequence ELSE h.low END,
         CASE WHEN m.recorded_at <= :at THEN h.high ELSE m.sequence - 1 END
  FROM halved h
  JOIN movement m
    ON m.sku = :sku AND m.location = h.location AND m.sequence = (h.low + h.high + 1) / 2
  WHERE h.low < h.high
)
SELECT {_AFTER}
FROM halved h
JOIN movement m ON m.sku = :sku AND m.location = h.location AND m.sequence = h.low
WHERE h.low = h.high
ORDER BY m.location
""")  # noqa: S608 - the column list is a constant of ours

_CLOCK = text("SELECT clock_timestamp()")

# Backwards from the moment: the holds that were open then are among the latest.
_CLAIMING = text("""
SELECT sequence, kind, cause_id, quantity
FROM movement
WHERE sku = :sku AND location = :location AND sequence <= :below
ORDER BY sequence DESC
LIMIT :limit
""")

# Changes of one moment are ordered as states follow each other.
_HOLDS = text("""
SELECT DISTINCT ON (t.reservation_id)
       t.reservation_id, r.checkout_id, t.state, t.extension, t.expires_at
FROM reservation_transition t
JOIN reservation r USING (reservation_id)
WHERE t.reservation_id = ANY(:reservations) AND t.recorded_at <= :at
ORDER BY t.reservation_id, t.recorded_at DESC, t.extension DESC,
         array_position(ARRAY['held', 'committing', 'confirmed', 'released', 'expired'], t.state) DESC
""")

_ENTRIES_AT_ONCE = 1_000
_ENTRIES_MOST = 100_000
"""How far back holds are looked for: one that is older is left out, and the answer says so."""
_ENDS = frozenset({MovementKind.RELEASE, MovementKind.EXPIRE, MovementKind.CONFIRM})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """Units of one row that a reservation claimed at a moment. `expires_at` is what it was known to be then."""

    reservation_id: str
    checkout_id: str
    location: str
    state: str
    quantity: int
    extension: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A sku at a moment and now, and what lies between. `later` is the first page of it, in order of time."""

    at: datetime
    now: datetime
    then_rows: tuple[Stock, ...]
    now_rows: tuple[Stock, ...]
    holds: tuple[OpenHold, ...]
    later: tuple[Movement, ...]


async def movements_of(
    engine: AsyncEngine, sku: str, positions: Positions, limit: int
) -> list[Movement] | None:
    """Give the next entries of a sku over all its locations, in order of time; None where there is no such product.

    Raises Transient.
    """

    async def work(connection: AsyncConnection) -> list[Movement] | None:
        if (await connection.execute(_PRODUCT, {"sku": sku})).one_or_none() is None:
            return None
        return await _page(connection, sku, positions, limit)

    return await in_snapshot(engine, work)


async def explained(
    engine: AsyncEngine, sku: str, at: datetime | None, limit: int
) -> Explained | None:
    """Tell a sku as it was known at a moment (None is now), and what came after; None: no such product.

    A moment that has not come is now. Raises Transient.
    """

    async def work(connection: AsyncConnection) -> Explained | None:
        if (await connection.execute(_PRODUCT, {"sku": sku})).one_or_none() is None:
            return None
        now: datetime = (await connection.execute(_CLOCK)).scalar_one()
        # The latest entry may be a breath ahead of a clock that was set back: now means everything.
        everything = datetime.max.replace(tzinfo=now.tzinfo)
        now_rows = await _as_of(connection, sku, everything)
        past = at is not None and at < now
        then_rows = await _as_of(connection, sku, at) if at and past else now_rows
        holds = [
            hold
            for row in then_rows
            if row.reserved
            for hold in await _holds(connection, row, at if at and past else everything)
        ]
        positions = {row.location: row.sequence for row in then_rows}
        return Explained(
            at=at if at and past else now,
            now=now,
            then_rows=then_rows,
            now_rows=now_rows,
            holds=tuple(sorted(holds, key=lambda hold: (hold.expires_at, hold.reservation_id))),
            later=tuple(await _page(connection, sku, positions, limit)) if past else (),
        )

    return await in_snapshot(engine, work)


async def _page(
    connection: AsyncConnection, sku: str, positions: Positions, limit: int
) -> list[Movement]:
    wanted = {"sku": sku, "positions": orjson.dumps(dict(positions)).decode(), "limit": limit}
    rows = await connection.execute(_PAGE, wanted)
    return [_movement(sku, row) for row in rows.mappings()]


async def _as_of(connection: AsyncConnection, sku: str, at: datetime) -> tuple[Stock, ...]:
    rows = await connection.execute(_AS_OF, {"sku": sku, "at": at})
    return tuple(_movement(sku, row).after for row in rows.mappings())


async def _holds(connection: AsyncConnection, row: Stock, at: datetime) -> list[OpenHold]:
    units = await _claims(connection, row)
    found = await connection.execute(_HOLDS, {"reservations": sorted(units), "at": at})
    return [
        OpenHold(location=row.location, quantity=units[hold["reservation_id"]], **hold)
        for hold in found.mappings()
    ]


async def _claims(connection: AsyncConnection, row: Stock) -> dict[str, int]:
    """Find whose units were reserved: going back until all of them are accounted for."""
    ended: set[str] = set()
    open_units: dict[str, int] = {}
    below = row.sequence
    last = max(row.sequence - _ENTRIES_MOST, 0)
    while sum(open_units.values()) < row.reserved and below > last:
        wanted: dict[str, Any] = {
            "sku": row.sku,
            "location": row.location,
            "below": below,
            "limit": _ENTRIES_AT_ONCE,
        }
        for entry in await connection.execute(_CLAIMING, wanted):
            if entry.kind in _ENDS:
                ended.add(entry.cause_id)
            elif entry.kind == MovementKind.RESERVE and entry.cause_id not in ended:
                open_units[entry.cause_id] = entry.quantity
        below -= _ENTRIES_AT_ONCE
    return open_units


def _movement(sku: str, row: RowMapping) -> Movement:
    return Movement(
        kind=MovementKind(row["kind"]),
        source=Pile(row["source"]) if row["source"] else None,
        target=Pile(row["target"]) if row["target"] else None,
        quantity=row["quantity"],
        cause=Cause(
            operation_key=row["operation_key"],
            kind=row["cause_kind"],
            id=row["cause_id"],
            actor=row["actor"],
            reason=row["reason"],
            occurred_at=row["occurred_at"],
        ),
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        after=Stock(
            sku=sku,
            location=row["location"],
            **{pile.value: row[f"{pile.value}_after"] for pile in Pile},
            safety_stock=row["safety_stock_after"],
            feed_buffer=row["feed_buffer_after"],
            paused=tuple(row["paused_after"]),
            sequence=row["sequence"],
            hash=row["hash"],
            recorded_at=row["recorded_at"],
        ),
    )
