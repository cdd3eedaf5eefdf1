"""Group commit over a real ledger: many callers, few transactions, and everybody's own answer."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sqlalchemy import event

from dev.postgres import PostgresServer
from ledger import database as ledger_database
from ledger.commands import Command
from ledger.errors import Broken, Transient
from ledger.posting import Ledger
from tests.integration.ledger.proxy import Cut, wire_to
from tests.integration.ledger.shop import Shop, another_ledger, outcome
from tests.integration.ledger.test_ledger_batches import POISON, POISON_BEFORE_THE_DATABASE
from tests.integration.ledger.test_ledger_faults import holding, until, waiting
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, LAMP, RUG

CALLERS = 200


def commits_of(ledger: Ledger) -> list[object]:
    """Collect the commits of a ledger from here on."""
    commits: list[object] = []
    event.listen(ledger.engine.sync_engine, "commit", commits.append)
    return commits


async def test_two_hundred_callers_need_few_transactions(shop: Shop) -> None:
    """Contention becomes batch size; each still has its own answer, and none is sold twice."""
    await shop.stocked(CALLERS - 50)
    names = [f"co_{n}" for n in range(CALLERS)]
    await shop.opened(*names)
    commits = commits_of(shop.ledger)
    results = await asyncio.gather(*[outcome(shop.ledger.post(cast.reserve(n))) for n in names])
    assert 1 <= len(commits) <= 4
    assert results == ["done"] * (CALLERS - 50) + ["insufficient-stock"] * 50
    assert shop.pile("reserved") == shop.movements("reserve") == CALLERS - 50
    assert shop.ledger.retries == 0


async def test_a_lone_command_is_one_transaction(shop: Shop) -> None:
    """Posted at once: nobody waits for company."""
    commits = commits_of(shop.ledger)
    for n in range(3):
        await shop.ledger.post(cast.receive(1, receipt=f"r-{n}"))
    assert len(commits) == 3


async def test_commands_of_one_caller_keep_their_order(shop: Shop) -> None:
    """A whole story thrown in at once, keyless commands too: each finds what the one before it did."""
    await shop.stocked(1)
    story = [*cast.commands_to_confirm(), cast.cancel_order(), cast.pause()]
    results = await asyncio.gather(*[outcome(shop.ledger.post(command)) for command in story])
    assert results == ["done"] * len(story)
    assert (shop.status(ADA), shop.pile("sellable")) == ("refund_pending", 1)


async def test_one_key_asked_by_many_in_one_batch_has_one_effect(shop: Shop) -> None:
    """And another input under it is a conflict, for that caller alone."""
    results = await asyncio.gather(
        *[outcome(shop.ledger.post(cast.receive(3, receipt="r-many"))) for _ in range(30)],
        outcome(shop.ledger.post(cast.receive(4, receipt="r-many"))),
    )
    assert results == ["done"] * 30 + ["key-reused"]
    assert shop.pile("sellable") == 3


async def test_a_poisonous_neighbour_fails_alone(shop: Shop) -> None:
    """Whoever happens to be grouped with it does not notice."""
    poison: list[Command] = [*POISON.values(), *POISON_BEFORE_THE_DATABASE.values()]
    good = [cast.receive(1, receipt=f"good-{n}") for n in range(8 * len(poison))]
    posts = [shop.ledger.post(command) for command in good]
    for n, command in enumerate(poison):
        posts.insert(9 * n + 4, shop.ledger.post(command))
    results = await asyncio.gather(*posts, return_exceptions=True)
    broken = [n for n, result in enumerate(results) if isinstance(result, Exception)]
    assert broken == [9 * n + 4 for n in range(len(poison))]
    assert sum(isinstance(results[n], Broken) for n in broken) >= len(POISON)
    assert shop.pile("sellable") == shop.movements("receive") == len(good)


async def test_a_full_queue_is_busy_at_once(shop: Shop) -> None:
    """One under way, two waiting, and the fourth is told to come back; what was taken on is done."""
    await shop.stocked(9)
    await shop.opened(*(f"co_{n}" for n in range(4)))
    narrow = Ledger(shop.ledger.engine, posters=1, most_waiting=2)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    posts = [asyncio.create_task(outcome(narrow.post(cast.reserve("co_0"))))]
    await until(lambda: waiting(shop.database) == 1)
    posts += [asyncio.create_task(outcome(narrow.post(cast.reserve(f"co_{n}")))) for n in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(Transient, match="busy"):
        await narrow.post(cast.reserve("co_3"))
    holder.close()
    assert await asyncio.gather(*posts) == ["done"] * 3
    assert shop.pile("reserved") == 3


async def test_callers_that_give_up_cost_the_others_nothing(shop: Shop) -> None:
    """Under way it is posted all the same, waiting it is not; asked again, each has one effect."""
    await shop.stocked(9)
    names = [f"co_{n}" for n in range(6)]
    await shop.opened(*names)
    narrow = Ledger(shop.ledger.engine, posters=1)
    holder = holding(shop.database, "SELECT FROM stock FOR UPDATE")
    posts = [asyncio.create_task(narrow.post(cast.reserve(name))) for name in names[:3]]
    await until(lambda: waiting(shop.database) == 1)
    posts += [asyncio.create_task(narrow.post(cast.reserve(name))) for name in names[3:]]
    await asyncio.sleep(0)
    for gone in (posts[0], posts[3]):
        gone.cancel()
    holder.close()
    results = await asyncio.gather(*posts, return_exceptions=True)
    gave_up = [isinstance(result, asyncio.CancelledError) for result in results]
    assert gave_up == [True, False, False, True, False, False]
    assert shop.pile("reserved") == 5
    assert [await outcome(narrow.post(cast.reserve(name))) for name in names] == ["done"] * 6
    assert shop.pile("reserved") == shop.movements("reserve") == 6


async def test_a_row_somebody_sits_on_holds_up_only_those_who_want_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grouped with one that waits in vain, the others are split from it and done."""
    monkeypatch.setitem(ledger_database._SESSION, "lock_timeout", "50ms")
    await shop.stocked(9)
    await shop.stocked(9, RUG)
    rugs = [f"co_{n}" for n in range(7)]
    await shop.opened(ADA, *rugs)
    holder = holding(shop.database, "SELECT FROM stock WHERE sku = 'brass-lamp' FOR UPDATE")
    try:
        async with another_ledger(shop.database) as hurried:
            posts = [outcome(hurried.post(cast.reserve(name, {RUG: 1}))) for name in rugs]
            posts.insert(3, outcome(hurried.post(cast.reserve(ADA, {LAMP: 1}))))
            results = await asyncio.gather(*posts)
    finally:
        holder.close()
    assert results.pop(3) == "database-unavailable"
    assert results == ["done"] * 7


async def test_several_processes_group_at_once(shop: Shop) -> None:
    """Crossed carts of three queues over the same rows: no deadlock, nothing oversold."""
    for sku in (LAMP, RUG):
        await shop.stocked(100, sku)
    names = [f"co_{n}" for n in range(150)]
    await shop.opened(*names)
    forward, backward = {LAMP: 1, RUG: 1}, {RUG: 1, LAMP: 1}
    async with another_ledger(shop.database) as one, another_ledger(shop.database) as two:
        ledgers = [shop.ledger, one, two]

        async def caller(first: int) -> list[str]:
            results = []
            for n in range(first, len(names), 30):
                lines = forward if n % 2 else backward
                results.append(await outcome(ledgers[n % 3].post(cast.reserve(names[n], lines))))
            return results

        told = await asyncio.gather(*[caller(first) for first in range(30)])
        assert [ledger.retries for ledger in ledgers] == [0, 0, 0]
    assert Counter(result for results in told for result in results) == {
        "done": 100,
        "insufficient-stock": 50,
    }
    assert (shop.pile("reserved"), shop.pile("reserved", RUG)) == (100, 100)


@pytest.mark.parametrize("cut", Cut)
async def test_a_lost_commit_still_tells_every_caller_the_truth(
    shop: Shop, postgres: PostgresServer, cut: Cut
) -> None:
    """Fifty callers on one connection that is cut around its COMMIT: none errs, each has one effect."""
    await shop.stocked(40)
    names = [f"co_{n}" for n in range(50)]
    await shop.opened(*names)
    async with (
        wire_to("127.0.0.1", postgres.port) as wire,
        another_ledger(
            shop.database, pool_size=1, url=wire.url(shop.database.application_url)
        ) as distant,
    ):
        wire.cut = cut
        results = await asyncio.gather(*[outcome(distant.post(cast.reserve(n))) for n in names])
        assert (wire.cuts, distant.retries) == (1, 1)
    # Not in order: the part of them that was cut off came behind the other.
    assert sorted(results) == ["done"] * 40 + ["insufficient-stock"] * 10
    assert shop.pile("reserved") == shop.movements("reserve") == 40


async def test_what_waits_is_done_before_the_pool_is_closed(shop: Shop) -> None:
    """A process that ends owes its callers their answers."""
    async with another_ledger(shop.database, pool_size=1) as ending:
        posts = [
            asyncio.create_task(outcome(ending.post(cast.receive(1, receipt=f"r-{n}"))))
            for n in range(20)
        ]
        await asyncio.sleep(0)
    assert [post.done() for post in posts] == [True] * 20
    assert shop.pile("sellable") == 20
