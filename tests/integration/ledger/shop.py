"""A shop over a real ledger: goods put on its shelves, and what became of them read back as facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from ledger import policies
from ledger.commands import Command
from ledger.database import engine
from ledger.errors import LedgerError, Refused, Transient
from ledger.invariants import load
from ledger.posting import Answer, Ledger
from tests.copies import Database
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, CURRENCY, LAMP, MUNICH, PRICE, RUG, TEAPOT

INVARIANTS = load()
PRIORITIES = {BERLIN: 10, MUNICH: 20}


@dataclass(kw_only=True)
class Shop:
    """A ledger, its database, and the few words these tests are told in."""

    ledger: Ledger
    database: Database
    receipts: Any

    async def offers(self, *skus: str, limit: int | None = None) -> None:
        """Put products into the catalogue."""
        for sku in skus:
            product = policies.Product(
                sku=sku,
                title=sku.replace("-", " "),
                price_minor=PRICE,
                currency=CURRENCY,
                limit_per_customer=limit,
            )
            await policies.put_product(self.ledger.engine, product)

    async def stocked(self, quantity: int, sku: str = LAMP, location: str = BERLIN) -> None:
        """Receive units."""
        await self.ledger.post(
            cast.receive(quantity, sku, location, receipt=f"goods-{next(self.receipts)}")
        )

    async def tell(self, *commands: Command) -> list[Answer]:
        """Post all in one transaction; each must be accepted."""
        answers = await self.ledger.post_batch(commands)
        for answer in answers:
            answer.accepted()
        return answers

    async def opened(self, *names: str, customer: str | None = None) -> None:
        """Open a checkout for each."""
        await self.tell(*(cast.open_checkout(name, customer=customer) for name in names))

    def pile(self, name: str, sku: str = LAMP) -> int:
        """Count units of a sku in a pile, over all locations."""
        return sum(
            piles[name]
            for (piles,) in self.database.rows("SELECT to_json(s) FROM stock s WHERE sku = %s", sku)
        )

    def movements(self, kind: str) -> int:
        """Count movements of a kind."""
        return int(self.database.value("SELECT count(*) FROM movement WHERE kind = %s", kind))

    def status(self, name: str) -> str:
        """Say what became of a checkout."""
        return str(self.database.value("SELECT status FROM checkout WHERE checkout_id = %s", name))


@asynccontextmanager
async def open_shop(database: Database, *, grouped: bool = True) -> AsyncIterator[Shop]:
    """Open a shop with two locations and three products, and nothing on its shelves."""
    async with another_ledger(database, grouped=grouped) as ledger:
        shop = Shop(ledger=ledger, database=database, receipts=count(1))
        for name, priority in PRIORITIES.items():
            location = policies.Location(
                location=name,
                kind="warehouse",
                seller=None,
                reports="free",
                priority=priority,
                enabled=True,
            )
            await policies.put_location(ledger.engine, location, "olga")
        await shop.offers(LAMP, RUG, TEAPOT)
        yield shop


@asynccontextmanager
async def another_ledger(
    database: Database, *, pool_size: int = 10, url: str | None = None, grouped: bool = True
) -> AsyncIterator[Ledger]:
    """Open another process's ledger: a pool of its own over the same database.

    Not grouped, every post is a transaction of its own, as many at once as the pool allows.
    """
    pool = engine(url or database.application_url, pool_size=pool_size)
    alone = {} if grouped else {"most_at_once": 1, "posters": pool_size}
    ledger = Ledger(pool, **alone)
    try:
        yield ledger
    finally:
        await ledger.drained()
        await pool.dispose()


def broken_promises(database: Database, *, grace: str = "", lag: str = "") -> dict[str, list[Any]]:
    """Give the rows that break an invariant, by its name; empty is a pass.

    With a grace of `0`, nothing may be under way any more; with a lag of `0`, no event either.
    """
    found = {}
    with database.superuser.transaction():
        database.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        database.superuser.execute(
            "SELECT set_config('onhand.grace', %s, true), set_config('onhand.lag', %s, true)",
            [grace, lag],
        )
        for name, invariant in INVARIANTS.items():
            rows = database.superuser.execute(invariant.sql.encode()).fetchall()
            if rows:
                found[name] = rows
    return found


async def outcome(posted: Awaitable[Any]) -> str:
    """Say in one word what became of a post: `done`, or the code that refused it."""
    try:
        await posted
    except LedgerError as error:
        return error.code
    return "done"


async def jittered(random: Random, *posts: Awaitable[str]) -> list[str]:
    """Run posts at once, begun in any order and a few turns of the loop apart."""

    async def late(post: Awaitable[str], turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await post

    begun = [(index, late(post, random.randrange(4))) for index, post in enumerate(posts)]
    random.shuffle(begun)
    results = await asyncio.gather(*(post for _, post in begun))
    by_index = dict(zip((index for index, _ in begun), results, strict=True))
    return [by_index[index] for index in range(len(posts))]


async def post_all(ledger: Ledger, commands: Sequence[Command]) -> int:
    """Post one after the other, whatever is refused; tell how many were accepted."""
    accepted = 0
    for command in commands:
        try:
            await ledger.post(command)
        except Refused:
            continue
        accepted += 1
    return accepted


async def patiently(ledger: Ledger, command: Command) -> Answer:
    """Post alone, and again while the ledger is busy: what every caller is told to do."""
    while True:
        try:
            (answer,) = await ledger.post_batch([command])
        except Transient:
            continue
        if not isinstance(answer.error, Transient):
            return answer
