"""Checkouts that were refused for want of stock: no movement tells of them, so the ledger is looked at.

A look begins some time before the one before it ended: a transaction that commits late has an early time.
What is found again is known by its checkout and sku.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything was refused: where the first look begins."""

OVERLAP = timedelta(minutes=1)
"""Far longer than a post may take: its locks and statements are given up after seconds."""

AT_ONCE = 2_000
"""Checkouts that a look takes in before it says how far it came."""

_BEGIN = text("""
INSERT INTO projections.analytics_look AS l (generation, until)
VALUES (:generation, :beginning)
ON CONFLICT (generation) DO UPDATE SET until = l.until
RETURNING l.until - :overlap AS since, clock_timestamp() AS now
""")

_PAGE = text("""
SELECT checkout_id, updated_at
FROM checkout
WHERE status = 'out_of_stock' AND (updated_at, checkout_id) > (:since, :after)
ORDER BY updated_at, checkout_id
LIMIT :most
""")

_STORE = text("""
INSERT INTO projections.analytics_refusal (generation, checkout_id, sku, hour, quantity)
SELECT :generation, r.checkout_id, r.sku, date_trunc('hour', r.refused_at, 'UTC'), r.quantity
FROM projections.refused_line r
WHERE r.checkout_id = ANY(CAST(:names AS text[]))
ON CONFLICT (generation, checkout_id, sku) DO NOTHING
""")

_END = text("UPDATE projections.analytics_look SET until = :until WHERE generation = :generation")


async def look(engine: AsyncEngine, generation: int) -> None:
    """Take in what was refused since the last look, and again what was refused shortly before it.

    The clock is read before the ledger is: what commits afterwards is younger, or found by the next look. A page is
    a transaction: however much was refused, nobody waits for all of it. Raises Transient.
    """
    asked = {"generation": generation, "beginning": BEGINNING, "overlap": OVERLAP}

    async def begin(connection: AsyncConnection) -> tuple[datetime, datetime]:
        begun = (await connection.execute(_BEGIN, asked)).one()
        return begun.since, begun.now

    async def page(connection: AsyncConnection) -> tuple[datetime, str] | None:
        found = await connection.execute(_PAGE, {"since": since, "after": after, "most": AT_ONCE})
        rows = found.all()
        if not rows:
            return None
        names = [row.checkout_id for row in rows]
        await connection.execute(_STORE, {"generation": generation, "names": names})
        return rows[-1].updated_at, rows[-1].checkout_id

    async def end(connection: AsyncConnection) -> None:
        await connection.execute(_END, {"generation": generation, "until": now})

    since, now = await in_transaction(engine, begin)
    after = ""
    while last := await in_transaction(engine, page):
        since, after = last
    await in_transaction(engine, end)
