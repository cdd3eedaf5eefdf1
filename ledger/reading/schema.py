"""Whether the database is there and is the one that this code knows."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.transactions import rows_of

_REVISION = text("SELECT version_num FROM alembic_version")


async def schema_revision(engine: AsyncEngine) -> str | None:
    """Name the newest migration that the database has had; None before the first. Raises Transient."""
    try:
        rows = await rows_of(engine, _REVISION)
    except ProgrammingError:
        return None
    return str(rows[0]["version_num"]) if rows else None
