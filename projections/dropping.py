"""How a generation is taken away that nobody reads: in pieces, so that no lock and no transaction is long."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

AT_ONCE = 10_000


async def drop(engine: AsyncEngine, tables: Sequence[str], generation: int) -> None:
    """Delete a generation's rows from these tables of schema `projections`. Where none are left, nothing is done."""
    for table in tables:
        some = text(f"""
DELETE FROM projections.{table}
WHERE ctid = ANY (ARRAY(SELECT ctid FROM projections.{table} WHERE generation = :generation LIMIT :most))
""")  # noqa: S608 - the table's name is a constant of ours
        deleted = AT_ONCE
        while deleted == AT_ONCE:
            async with engine.begin() as connection:
                done = await connection.execute(some, {"generation": generation, "most": AT_ONCE})
                deleted = done.rowcount
