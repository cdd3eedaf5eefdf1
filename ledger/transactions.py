"""How the database is reached by whoever does not post commands: reads, policies and the inbox.

Here alone a lost or busy database becomes `Transient`, so that callers see one family of errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import RowMapping, TextClause
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import Transient

ATTEMPTS = 3
"""Connections that died in the pool show only when used; the second attempt takes a new one."""

_LOST_RACES = frozenset({"40P01", "40001"})
"""Deadlock and serialization failure."""

Result = TypeVar("Result")


async def rows_of(
    engine: AsyncEngine, question: TextClause, **parameters: Any
) -> Sequence[RowMapping]:
    """Ask one question: a statement by itself, which is one snapshot and needs no BEGIN and COMMIT.

    Raises Transient where the database cannot be had.
    """
    asking = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def ask() -> Sequence[RowMapping]:
        async with asking.connect() as connection:
            return (await connection.execute(question, parameters)).mappings().all()

    return await _patiently(ask)


async def in_transaction(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]
) -> Result:
    """Do `work` in one transaction and commit it.

    It is tried again where the connection is lost, a COMMIT's too: `work` must be safe to repeat.
    Raises Transient where the database cannot be had.
    """

    async def transact() -> Result:
        async with engine.begin() as connection:
            return await work(connection)

    return await _patiently(transact)


async def in_snapshot(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]
) -> Result:
    """Ask several questions about one moment: no change that is committed in between is seen.

    Raises Transient where the database cannot be had.
    """
    asking = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def ask() -> Result:
        async with asking.begin() as connection:
            return await work(connection)

    return await _patiently(ask)


async def _patiently(attempt: Callable[[], Awaitable[Result]]) -> Result:
    for left in reversed(range(ATTEMPTS)):
        try:
            return await attempt()
        except PoolTimeout as error:
            raise Transient("busy") from error
        except (OperationalError, InterfaceError) as error:
            if not left or not _worth_repeating(error):
                raise Transient("database-unavailable") from error
    raise AssertionError("unreachable")


def _worth_repeating(error: DBAPIError) -> bool:
    """Whoever waited for a lock in vain has waited long enough; a lost connection is replaced at once."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _LOST_RACES
