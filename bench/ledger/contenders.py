"""Who is compared: our own ledger with and without group commit, over whatever skus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from bench.driving import drive
from bench.figures import Load
from bench.ledger.shop import Carts, Skus, sku
from ledger.commands import Reserve
from ledger.database import engine
from ledger.errors import Transient
from ledger.posting import Ledger

SKUS = 10_000
CALLERS = 64
MOST_CONNECTIONS = 100
"""Of one transaction each; Postgres is set up for 200."""
GROUP_CONNECTIONS = 10
LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserving:
    """Callers that reserve through a ledger, each the next one when the last is answered."""

    name: str
    title: str
    ledger: Ledger
    carts: Carts
    callers: int

    async def prepare(self, count: int) -> None:
        """Open checkouts."""
        await self.carts.prepare(count)

    async def run(self, seconds: float) -> Load:
        """Reserve them."""
        return await drive(
            until_answered(self.ledger), iter(self.carts), callers=self.callers, seconds=seconds
        )


def until_answered(ledger: Ledger) -> Callable[[Reserve], Awaitable[object]]:
    """Post as a patient caller does: told to come back, it posts again, and its wait goes on."""

    async def post(command: Reserve) -> object:
        while True:
            try:
                return await ledger.post(command)
            except Transient:
                continue

    return post


@asynccontextmanager
async def grouped(url: str) -> AsyncIterator[Ledger]:
    """Open the ledger as every process does."""
    pool = engine(url, pool_size=GROUP_CONNECTIONS, name="onhand-bench")
    try:
        yield Ledger(pool)
    finally:
        await pool.dispose()


@asynccontextmanager
async def one_each(url: str, callers: int) -> AsyncIterator[Ledger]:
    """Open the same code with a transaction for each command, and a connection for each caller."""
    size = min(callers, MOST_CONNECTIONS)
    pool = engine(url, pool_size=size, name="onhand-bench")
    try:
        yield Ledger(pool, most_at_once=1, posters=size)
    finally:
        await pool.dispose()


def hot(_number: int) -> tuple[str, ...]:
    """Everybody wants one sku."""
    return (sku(0),)


def crossed(skus: int = SKUS) -> Skus:
    """Everybody wants five, in any order."""
    return lambda number: tuple(sku(n) for n in Random(number).sample(range(skus), LINES))


def spread(skus: int = SKUS) -> Skus:
    """Everybody wants one of so many."""
    return lambda number: (sku(Random(number).randrange(skus)),)
