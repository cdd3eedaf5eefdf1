"""Many at once, through two processes' pools, each asking until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from ledger.commands import Command
from ledger.errors import Refused, Transient
from ledger.posting import Ledger
from tests.copies import Database
from tests.integration.ledger.shop import Shop, another_ledger

POOLS = 2
CONNECTIONS = 40
"""Of each pool: few enough for the server, so a caller may be told that it is busy, and asks again."""


async def told(ledger: Ledger, command: Command) -> str:
    """Post until the outcome is known, and say it in one word."""
    while True:
        try:
            await ledger.post(command)
        except Transient:
            continue
        except Refused as refusal:
            return refusal.code
        return "done"


async def all_told(shop: Shop, commands: Sequence[Command]) -> tuple[list[str], int]:
    """Post all of them at once, in turn through one pool and the other; give the outcomes and the retries."""
    async with AsyncExitStack() as opened:
        ledgers = [
            await opened.enter_async_context(another_ledger(shop.database, pool_size=CONNECTIONS))
            for _ in range(POOLS)
        ]
        outcomes = await asyncio.gather(
            *(told(ledgers[n % POOLS], command) for n, command in enumerate(commands))
        )
    return outcomes, sum(ledger.retries for ledger in ledgers)


async def deadlocks(database: Database) -> int:
    """Count deadlocks since the database was made, once all who may still report one are gone."""
    busy = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'"
    )
    async with asyncio.timeout(20):
        while database.value(busy):
            await asyncio.sleep(0.01)
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(database.value(query))


def row_of(shop: Shop, sku: str, location: str) -> Mapping[str, Any]:
    """Read one stock row."""
    row: Mapping[str, Any] = shop.database.value(
        "SELECT to_json(s) FROM stock s WHERE (sku, location) = (%s, %s)", sku, location
    )
    return row
