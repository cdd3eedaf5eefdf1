"""How a generation is taken away that nobody reads: in pieces, so that no lock and no transaction is long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction

AT_ONCE = 10_000


async def drop(engine: AsyncEngine, tables: Sequence[str], generation: int) -> None:
    """Delete a generation's rows from these tables of schema `projections`. Raises Transient."""
    for table in tables:
        some = text(f"""
DELETE FROM projections.{table}
WHERE ctid = ANY (ARRAY(SELECT ctid FROM projections.{table} WHERE generation = :generation LIMIT :most))
""")  # noqa: S608 - the table's name is a constant of ours
        deleted = AT_ONCE
        while deleted == AT_ONCE:
            deleted = await in_transaction(engine, partial(_deleted, some, generation))


async def _deleted(some: TextClause, generation: int, connection: AsyncConnection) -> int:
    asked = {"generation": generation, "most": AT_ONCE}
    return (await connection.execute(some, asked)).rowcount
