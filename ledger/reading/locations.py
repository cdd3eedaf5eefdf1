"""Which locations there are."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction

_KNOWN = text("SELECT location FROM location")


async def known_locations(engine: AsyncEngine) -> frozenset[str]:
    """Name every location. Raises Transient."""

    async def work(connection: AsyncConnection) -> frozenset[str]:
        return frozenset((await connection.execute(_KNOWN)).scalars())

    return await in_transaction(engine, work)
