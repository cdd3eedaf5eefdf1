"""What was wished for and refused is found by looking at the ledger: once, however late it committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, LiteralString

import pytest

from ledger.database import Role, engine
from ledger.errors import Refused, Transient
from projections.analytics.analytics import Analytics
from projections.analytics.refusals import AT_ONCE
from projections.generations import Generations
from tests.copies import Database
from tests.integration.ledger.shop import Shop, open_shop
from tests.unit.ledger import cast
from tests.unit.ledger.cast import LAMP, RUG, TEAPOT

MANY: LiteralString = """
INSERT INTO checkout (checkout_id, owner, customer_id, total_minor, currency, ttl_seconds, status,
                      created_at, updated_at)
SELECT 'co_' || n, 'storefront', 'ada', 1, 'EUR', 900, 'out_of_stock', now(), now()
FROM generate_series(1, %s) AS n
"""
THEIR_ANSWERS: LiteralString = """
INSERT INTO operation (key, fingerprint, outcome)
SELECT 'reservation/co_' || n || '/1/reserve', '',
       '{"refused": "insufficient-stock", "facts": {"shortages": [{"sku": "brass-lamp", "requested": 1}]}}'
FROM generate_series(1, %s) AS n
"""


@dataclass(kw_only=True)
class Counter:
    """A shop, and analytics of it that are read."""

    shop: Shop
    analytics: Analytics
    generation: int

    @property
    def database(self) -> Database:
        """Where both are."""
        return self.shop.database

    async def refuse(self, name: str, **wanted: int) -> None:
        """Wish for more than there is."""
        lines = {sku.replace("_", "-"): quantity for sku, quantity in wanted.items()}
        await self.shop.ledger.post(cast.open_checkout(name, lines=lines))
        with pytest.raises(Refused, match="insufficient-stock"):
            await self.shop.ledger.post(cast.reserve(name, lines))

    async def looked(self) -> list[tuple[Any, ...]]:
        """Look, and give what is known by then."""
        await self.analytics.look(self.generation)
        return self.database.rows(
            "SELECT checkout_id, sku, quantity FROM projections.analytics_refusal"
            " WHERE generation = %s ORDER BY checkout_id, sku",
            self.generation,
        )


@pytest.fixture
async def counter(database: Database) -> AsyncIterator[Counter]:
    """Give a shop with three lamps, whose analytics are read."""
    pool = engine(database.application_url, pool_size=3, role=Role.PROJECTIONS)
    async with open_shop(database) as shop:
        await shop.stocked(3)
        analytics = Analytics(pool)
        generation = await Generations(pool).begin("analytics", stream="none")
        await analytics.build(generation, lambda _done, _of: None)
        yield Counter(shop=shop, analytics=analytics, generation=generation)
    await pool.dispose()


async def test_what_was_short_is_lost_and_nothing_else_of_the_cart(counter: Counter) -> None:
    """All of what was wished for of it: nobody sells a part. What there was enough of would have been sold."""
    await counter.refuse("co_greedy", **{LAMP: 1, RUG: 2, TEAPOT: 5})
    await counter.shop.ledger.post(cast.open_checkout("co_held"))
    await counter.shop.ledger.post(cast.reserve("co_held"))
    await counter.shop.ledger.post(cast.expire("co_held"))
    expected = [("co_greedy", TEAPOT, 5), ("co_greedy", RUG, 2)]
    assert await counter.looked() == expected
    assert await counter.looked() == expected
    assert (await counter.analytics.compare(counter.generation)).differences == ()


async def test_a_refusal_that_commits_late_is_found(counter: Counter) -> None:
    """Its time is before the last look; the next one begins before that."""
    await counter.refuse("co_first", **{TEAPOT: 1})
    await counter.looked()
    await counter.refuse("co_late", **{TEAPOT: 2})
    counter.database.run(
        "UPDATE checkout SET updated_at = now() - interval '50 seconds' WHERE checkout_id = 'co_late'"
    )
    assert await counter.looked() == [("co_first", TEAPOT, 1), ("co_late", TEAPOT, 2)]


async def test_one_that_no_look_can_find_is_told_by_comparing(counter: Counter) -> None:
    """Later than any post may be: a look is not as long as the shop is old."""
    await counter.looked()
    await counter.refuse("co_lost", **{TEAPOT: 2})
    counter.database.run("UPDATE checkout SET updated_at = now() - interval '1 hour'")
    assert await counter.looked() == []
    (sentence,) = (await counter.analytics.compare(counter.generation)).differences
    assert sentence.startswith("co_lost was refused blue-teapot: [] where the ledger has [2 ")


async def test_more_refusals_than_a_look_reads_at_once_are_all_found(counter: Counter) -> None:
    """Of one moment even, as after a flash sale."""
    many = AT_ONCE * 2 + 1
    counter.database.run(MANY, many)
    counter.database.run(THEIR_ANSWERS, many)
    assert len(await counter.looked()) == many
    assert (await counter.analytics.compare(counter.generation)).equal


async def test_a_generation_that_nobody_reads_is_not_looked_into(counter: Counter) -> None:
    """It is being taken away: what came after that would stay for good."""
    counter.database.run("UPDATE projections.generation SET state = 'retired', live_at = now()")
    with pytest.raises(Transient, match="generation-gone"):
        await counter.looked()
    with pytest.raises(Transient, match="generation-gone"):
        await counter.analytics.apply(counter.generation, [])
