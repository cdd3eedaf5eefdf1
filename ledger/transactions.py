"""One transaction for whoever does not post commands: reads, policies and the inbox.

Here alone a lost or busy database becomes `Transient`, so that callers see one family of errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import Transient

ATTEMPTS = 3
"""Connections that died in the pool show only when used; the second attempt takes a new one."""

_LOST_RACES = frozenset({"40P01", "40001"})
"""Deadlock and serialization failure."""

Result = TypeVar("Result")


async def in_transaction(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]
) -> Result:
    """Do `work` in one transaction and commit it.

    It is tried again where the connection is lost, a COMMIT's too: `work` must be safe to repeat.
    Raises Transient where the database cannot be had.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with engine.begin() as connection:
                return await work(connection)
        except PoolTimeout as error:
            raise Transient("busy") from error
        except (OperationalError, InterfaceError) as error:
            if attempt == ATTEMPTS or not _worth_repeating(error):
                raise Transient("database-unavailable") from error
    raise AssertionError("unreachable")


def _worth_repeating(error: DBAPIError) -> bool:
    """Whoever waited for a lock in vain has waited long enough; a lost connection costs nothing to replace."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _LOST_RACES
