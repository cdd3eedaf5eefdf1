"""How a noticeboard is read: the generation that is live, with its age, and its rows, all of one moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_snapshot

Result = TypeVar("Result")

_LIVE = text("""
SELECT g.generation, f.as_of,
       GREATEST(0, extract(epoch FROM clock_timestamp() - f.as_of) * 1000)::bigint AS age_ms
FROM projections.generation g
LEFT JOIN projections.freshness f USING (projection, generation)
WHERE g.projection = :projection AND g.state = 'live'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which generation is read, and the moment before which everything that was committed is in it."""

    generation: int
    as_of: datetime | None
    age_ms: int | None


class NothingShownError(Exception):
    """No generation of the noticeboard is live: it is being made, for the first time."""


async def shown(
    engine: AsyncEngine,
    projection: str,
    read: Callable[[AsyncConnection, Shown], Awaitable[Result]],
) -> Result:
    """Read the live generation in one snapshot: one that is replaced meanwhile is read to the end.

    Raises NothingShownError; Transient.
    """

    async def work(connection: AsyncConnection) -> Result:
        found = (await connection.execute(_LIVE, {"projection": projection})).mappings().first()
        if found is None:
            raise NothingShownError(projection)
        return await read(connection, Shown(**found))

    return await in_snapshot(engine, work)
