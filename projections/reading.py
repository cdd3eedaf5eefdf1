"""How a noticeboard is read: the generation that is live, with its age, and its rows, all of one moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_snapshot, rows_of

Result = TypeVar("Result")

MOST_COUNTED = 1_000
"""Of dead letters: from there on it says enough, and every answer pays for it."""

_LIVE = text(f"""
SELECT g.generation, f.as_of,
       ceil(GREATEST(0, extract(epoch FROM clock_timestamp() - f.as_of) * 1000))::bigint AS age_ms,
       (SELECT count(*)
        FROM (
          SELECT FROM projections.dead_letter d
          WHERE d.projection = g.projection AND d.generation = g.generation AND d.state = 'open'
          LIMIT {MOST_COUNTED}
        ) AS first) AS dead_letters
FROM projections.generation g
LEFT JOIN projections.freshness f USING (projection, generation)
WHERE g.projection = :projection AND g.state = 'live'
""")  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which generation is read, and the moment before which everything that was committed is in it.

    But for the events that were put aside and not heeded since: there are so many `dead_letters`, or more where
    it says MOST_COUNTED.
    """

    generation: int
    as_of: datetime | None
    age_ms: int | None
    dead_letters: int


class NothingShownError(Exception):
    """No generation of the noticeboard is live: it is being made, for the first time."""


async def live(engine: AsyncEngine, projection: str) -> Shown | None:
    """Look at what there is of the generation that is read. Raises Transient."""
    rows = await rows_of(engine, _LIVE, projection=projection)
    return Shown(**rows[0]) if rows else None


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
