"""Whether the database is there and is the one that this code knows."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction

_REVISION = text("SELECT version_num FROM alembic_version")


async def schema_revision(engine: AsyncEngine) -> str | None:
    """Name the newest migration that the database has had; None before the first. Raises Transient."""

    async def work(connection: AsyncConnection) -> str | None:
        revision: str | None = (await connection.execute(_REVISION)).scalar_one_or_none()
        return revision

    try:
        return await in_transaction(engine, work)
    except ProgrammingError:
        return None
