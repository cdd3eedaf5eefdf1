"""The outbox as its carriers see it: shards to claim, events that wait, events that are out.

An event waits for as long as it is not marked as published. No number is remembered of the last one seen:
transactions commit in another order than that in which they were given their numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.outbox import SHARDS
from ledger.transactions import rows_of

# Whoever holds a shard's row carries its events, and nobody else: so the events of a subject stay in order.
# Those that somebody holds already are passed over, never waited for. Beginning at another shard each time
# gives all of them their turn.
_CLAIM = text("""
SELECT s.shard
FROM outbox_shard s
WHERE EXISTS (SELECT FROM outbox o WHERE o.shard = s.shard AND o.published_at IS NULL)
ORDER BY (s.shard - :first + :shards) % :shards
LIMIT :most
FOR UPDATE OF s SKIP LOCKED
""")

# A statement of its own, after the claim: what was claimed may have been carried by somebody else until
# this moment. The oldest of each shard, so that no busy subject keeps a quiet one waiting.
_WAITING = text("""
SELECT o.id, o.shard, o.subject, o.sequence, o.type, o.version, o.recorded_at, o.traceparent, o.payload
FROM unnest(CAST(:claimed AS bigint[])) AS c (shard)
CROSS JOIN LATERAL (
  SELECT id, shard, subject, sequence, type, version, recorded_at, traceparent, payload::text AS payload
  FROM outbox
  WHERE shard = c.shard AND published_at IS NULL
  ORDER BY id
  LIMIT :most
) AS o
ORDER BY o.shard, o.id
""")

_PUBLISHED = text("""
UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY(:ids) AND published_at IS NULL
""")

_BACKLOG = text("""
SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT :most) AS w) AS waiting,
       clock_timestamp() - min(oldest.recorded_at) AS age
FROM outbox_shard s
LEFT JOIN LATERAL (
  SELECT recorded_at FROM outbox
  WHERE shard = s.shard AND published_at IS NULL
  ORDER BY id
  LIMIT 1
) AS oldest ON true
""")

# The transaction, which is this statement alone, began before its snapshot was taken: what was committed by then
# is seen, as out or as waiting. Whatever waits was recorded before it was committed. Transactions that ran side by
# side may have numbered their events the other way round, so the first few of each shard are looked at.
_HORIZON = text("""
SELECT least(transaction_timestamp(), min(oldest.recorded_at)) AS horizon
FROM generate_series(0, :shards - 1) AS s (shard)
LEFT JOIN LATERAL (
  SELECT recorded_at FROM outbox
  WHERE shard = s.shard AND published_at IS NULL
  ORDER BY id
  LIMIT 50
) AS oldest ON true
""")

COUNTED_AT_MOST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A row of the outbox. `payload` is JSON text, as it was stored; `id` is the row's, and nobody else's.

    `traceparent` is that of the request for which it was written, where its caller told one.
    """

    id: int
    shard: int
    subject: str
    sequence: int
    type: str
    version: int
    recorded_at: datetime
    payload: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many events wait (a hundred thousand at most are counted), and for how long the oldest has."""

    waiting: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Claim:
    """Shards that are ours until the end of a transaction. Dying gives them back."""

    connection: AsyncConnection
    shards: Sequence[int]

    async def waiting(self, most_of_each: int) -> list[Written]:
        """List the oldest events of each shard, those of a subject in the order of their sequence."""
        if not self.shards:
            return []
        rows = await self.connection.execute(
            _WAITING, {"claimed": list(self.shards), "most": most_of_each}
        )
        return [Written(**row) for row in rows.mappings()]

    async def published(self, rows: Sequence[Written]) -> None:
        """Mark these as out. It counts when the claim ends."""
        if rows:
            await self.connection.execute(_PUBLISHED, {"ids": [row.id for row in rows]})


class Outbox:
    """What the ledger has written down for others. All raise SQLAlchemy's errors, or Transient."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def claimed(self, *, first: int, most: int) -> AsyncIterator[Claim]:
        """Claim shards in which something waits, from one on, for the time of a block."""
        async with self.engine.begin() as connection:
            asked = {"first": first, "shards": SHARDS, "most": most}
            shards = (await connection.execute(_CLAIM, asked)).scalars().all()
            yield Claim(connection, shards)

    async def backlog(self) -> Backlog:
        """Tell how much waits, and for how long. Raises Transient."""
        (row,) = await rows_of(self.engine, _BACKLOG, most=COUNTED_AT_MOST)
        return Backlog(waiting=row["waiting"], age=row["age"] or timedelta(0))

    async def horizon(self) -> datetime:
        """Name a moment before which every committed change is on the bus already. Raises Transient."""
        (row,) = await rows_of(self.engine, _HORIZON, shards=SHARDS)
        horizon: datetime = row["horizon"]
        return horizon
