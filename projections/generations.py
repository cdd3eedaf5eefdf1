"""The generations of the noticeboards: which one is read, which one is in the making, and how fresh each is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import Transient
from ledger.transactions import in_transaction, rows_of
from projections.notices import notify_age, notify_reset

AVAILABILITY = "availability"

_COLUMNS = "g.projection, g.generation AS number, g.state, g.stream, g.started_at, g.live_at, f.as_of, f.position"

_ALL = text(f"""
SELECT {_COLUMNS}, clock_timestamp() - f.as_of AS age
FROM projections.generation g
LEFT JOIN projections.freshness f USING (projection, generation)
ORDER BY g.projection, g.generation
""")  # noqa: S608 - a constant of ours

_LIVE = text(f"""
SELECT {_COLUMNS}, clock_timestamp() - f.as_of AS age
FROM projections.generation g
LEFT JOIN projections.freshness f USING (projection, generation)
WHERE g.projection = :projection AND g.state = 'live'
""")  # noqa: S608 - a constant of ours

_UNUSED = text("""
SELECT generation FROM projections.generation
WHERE projection = :projection AND state <> 'live'
ORDER BY generation
""")

_BEGIN = text("""
INSERT INTO projections.generation (projection, generation, state, stream)
VALUES (:projection, nextval('projections.generation_number'), 'building', :stream)
RETURNING generation
""")

_FORGET = text("""
DELETE FROM projections.generation
WHERE projection = :projection AND generation = :generation AND state <> 'live'
""")

_RETIRE = text("""
UPDATE projections.generation SET state = 'retired'
WHERE projection = :projection AND state = 'live'
""")

_PROMOTE = text("""
UPDATE projections.generation SET state = 'live', live_at = clock_timestamp()
WHERE projection = :projection AND generation = :generation AND state = 'building'
""")

_REBUILT = text("""
UPDATE projections.dead_letter SET state = 'rebuilt', tried_at = clock_timestamp()
WHERE projection = :projection AND generation < :generation AND state = 'open'
""")

_FRESH = text("""
INSERT INTO projections.freshness AS f (projection, generation, as_of, position)
VALUES (:projection, :generation, :as_of, :position)
ON CONFLICT (projection, generation) DO UPDATE
SET as_of = greatest(f.as_of, excluded.as_of), position = greatest(f.position, excluded.position)
RETURNING as_of, clock_timestamp() - as_of AS age
""")

_SOON = text("SET LOCAL synchronous_commit = off")

# Shared by everybody who heeds events, so that none is under way when another generation takes over.
_HELD = text("""
SELECT state FROM projections.generation
WHERE projection = :projection AND generation = :generation AND state <> 'retired'
FOR SHARE
""")

_LOCK = text(
    "SELECT pg_try_advisory_lock(hashtextextended('onhand/projections/' || :projection, 0))"
)
_UNLOCK = text("SELECT pg_advisory_unlock_all()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One filling of a noticeboard. `age_seconds` and `position` are None until it was first caught up."""

    projection: str
    number: int
    state: str
    stream: str
    started_at: datetime
    live_at: datetime | None
    as_of: datetime | None
    age_seconds: float | None
    position: int | None


class Generations:
    """The table of them. All raise Transient where the database cannot be had."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def all(self) -> list[Generation]:
        """List every one that there is anything of."""
        return [_generation(row) for row in await rows_of(self.engine, _ALL)]

    async def live(self, projection: str) -> Generation | None:
        """Give the one that is read."""
        rows = await rows_of(self.engine, _LIVE, projection=projection)
        return _generation(rows[0]) if rows else None

    async def unused(self, projection: str) -> list[int]:
        """List those that nobody reads: retired, or left unfinished."""
        return [
            row["generation"] for row in await rows_of(self.engine, _UNUSED, projection=projection)
        ]

    async def begin(self, projection: str, *, stream: str) -> int:
        """Make room for a new one, and give its number."""

        async def insert(connection: AsyncConnection) -> int:
            asked = {"projection": projection, "stream": stream}
            return int((await connection.execute(_BEGIN, asked)).scalar_one())

        return await in_transaction(self.engine, insert)

    async def promote(
        self, projection: str, number: int, *, as_of: datetime, position: int
    ) -> None:
        """Have it read from now on, in place of any other. Raises Transient where it is not in the making."""

        async def swap(connection: AsyncConnection) -> None:
            which = {"projection": projection, "generation": number}
            await connection.execute(_RETIRE, which)
            if (await connection.execute(_PROMOTE, which)).rowcount != 1:
                raise Transient("generation-gone", projection=projection, generation=number)
            await connection.execute(_FRESH, {**which, "as_of": as_of, "position": position})
            await connection.execute(_REBUILT, which)
            if projection == AVAILABILITY:
                await notify_reset(connection)

        await in_transaction(self.engine, swap)

    async def forget(self, projection: str, number: int) -> None:
        """Take one away that is not read, with its dead letters."""

        async def delete(connection: AsyncConnection) -> None:
            await connection.execute(_FORGET, {"projection": projection, "generation": number})

        await in_transaction(self.engine, delete)

    async def tell_fresh(
        self, projection: str, number: int, *, as_of: datetime, position: int
    ) -> float:
        """Say that everything committed before that moment is in it; give how many seconds ago that was.

        Raises Transient where it was replaced and taken away.
        """

        async def tell(connection: AsyncConnection) -> float:
            asked = {
                "projection": projection,
                "generation": number,
                "as_of": as_of,
                "position": position,
            }
            # Lost in a crash, it is told again: not worth waiting for a disk.
            await connection.execute(_SOON)
            is_live = await held(connection, projection, number)
            row = (await connection.execute(_FRESH, asked)).mappings().one()
            age: float = max(0.0, row["age"].total_seconds())
            # Of one that was replaced meanwhile nobody wants to know how fresh it is.
            if is_live and projection == AVAILABILITY:
                await notify_age(connection, age, row["as_of"])
            return age

        return await in_transaction(self.engine, tell)

    @asynccontextmanager
    async def alone(self, projection: str) -> AsyncIterator[None]:
        """Be the only one who makes a generation, for the time of a block. Raises Transient where another is."""
        asking = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with asking.connect() as connection:
            if not (await connection.execute(_LOCK, {"projection": projection})).scalar_one():
                raise Transient("rebuild-under-way", projection=projection)
            try:
                yield
            finally:
                await connection.execute(_UNLOCK)


async def held(connection: AsyncConnection, projection: str, number: int) -> bool:
    """Keep a generation from being retired until the end of a transaction, and tell whether it is live.

    Raises Transient where it was retired.
    """
    found = await connection.execute(_HELD, {"projection": projection, "generation": number})
    state = found.scalar_one_or_none()
    if state is None:
        raise Transient("generation-gone", projection=projection, generation=number)
    return bool(state == "live")


def _generation(row: RowMapping) -> Generation:
    told = dict(row)
    age = told.pop("age")
    return Generation(**told, age_seconds=None if age is None else max(0.0, age.total_seconds()))
