"""Many at once, over real connections: whoever commits first wins, and the other is told.

Every post here is a transaction of its own, so that they meet in the database and not in the queue before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest

from ledger.checkouts import PaymentOperationKind, Status
from ledger.errors import KeyConflict, Refused
from tests.copies import Database
from tests.integration.ledger.shop import (
    Shop,
    another_ledger,
    broken_promises,
    jittered,
    open_shop,
    outcome,
)
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, LAMP, MUNICH, RUG, TEAPOT

CAPTURE = PaymentOperationKind.CAPTURE
CALLERS = 60
ROUNDS = 30


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a shop whose posts race one another."""
    async with open_shop(database, grouped=False) as opened:
        yield opened
        assert broken_promises(database) == {}


async def test_sixty_customers_want_ten_lamps(shop: Shop) -> None:
    """Exactly ten are held; the others are told, and told the same when they ask again."""
    await shop.stocked(10)
    names = [f"co_{n}" for n in range(CALLERS)]
    await shop.opened(*names)
    async with another_ledger(shop.database, pool_size=CALLERS, grouped=False) as crowd:
        asked = [outcome(crowd.post(cast.reserve(name))) for name in names]
        results = await asyncio.gather(*asked)
        again = await asyncio.gather(*[outcome(crowd.post(cast.reserve(n))) for n in names])
    assert Counter(results) == {"done": 10, "insufficient-stock": CALLERS - 10}
    assert again == results
    assert (shop.pile("reserved"), shop.pile("sellable"), shop.movements("reserve")) == (10, 0, 10)


async def test_two_customers_cannot_buy_the_last_lamp(shop: Shop) -> None:
    """Round after round, from two processes: one of them gets it."""
    await shop.stocked(ROUNDS)
    random = Random()
    async with another_ledger(shop.database, grouped=False) as other:
        for n in range(ROUNDS):
            row = f"lamp-{n}"
            await shop.offers(row)
            await shop.stocked(1, row)
            ada, bob = f"co_ada{n}", f"co_bob{n}"
            await shop.opened(ada, bob)
            results = await jittered(
                random,
                outcome(shop.ledger.post(cast.reserve(ada, {row: 1}))),
                outcome(other.post(cast.reserve(bob, {row: 1}))),
            )
            assert sorted(results) == ["done", "insufficient-stock"]


async def test_one_key_from_twenty_callers_has_one_effect(shop: Shop) -> None:
    """All of them get the first answer."""
    await shop.stocked(9)
    await shop.opened(ADA)
    async with another_ledger(shop.database, pool_size=20, grouped=False) as crowd:
        answers = await asyncio.gather(*[crowd.post(cast.reserve()) for _ in range(20)])
        receipts = await asyncio.gather(
            *[crowd.post(cast.receive(5, receipt="r-twenty")) for _ in range(20)]
        )
    assert all(answer == answers[0] for answer in answers)
    assert all(receipt == receipts[0] for receipt in receipts)
    assert (shop.pile("reserved"), shop.pile("sellable")) == (1, 13)


async def test_one_key_with_two_inputs_is_a_conflict_for_one(shop: Shop) -> None:
    """Whichever came first stands."""
    results = await asyncio.gather(
        *[
            outcome(shop.ledger.post(cast.receive(quantity, receipt="r-two")))
            for quantity in [3] * 5 + [4] * 5
        ]
    )
    assert Counter(results) == {"done": 5, "key-reused": 5}
    assert shop.pile("sellable") in (3, 4)


async def test_release_before_reserve_refuses_the_late_reserve(shop: Shop) -> None:
    """The tombstone is found, by this process and by another."""
    await shop.stocked(1)
    await shop.opened(ADA)
    await shop.ledger.post(cast.release())
    async with another_ledger(shop.database, grouped=False) as other:
        with pytest.raises(Refused, match="reservation-released"):
            await other.post(cast.reserve())
    assert (shop.pile("reserved"), shop.status(ADA)) == (0, "cancelled")
    assert shop.database.rows("SELECT state, expires_at FROM reservation") == [("released", None)]


async def test_release_and_reserve_at_once_leave_nothing_held(shop: Shop) -> None:
    """In either order: a hold that is released, or a tombstone."""
    await shop.stocked(1)
    random = Random()
    orders = Counter[str]()
    async with another_ledger(shop.database, grouped=False) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.opened(name)
            reserved, released = await jittered(
                random,
                outcome(shop.ledger.post(cast.reserve(name))),
                outcome(other.post(cast.release(name))),
            )
            assert (reserved, released) in {("done", "done"), ("reservation-released", "done")}
            orders[reserved] += 1
    assert shop.pile("reserved") == 0
    assert len(orders) == 2, orders


@pytest.mark.parametrize("rival", ["expire", "release"])
async def test_the_fence_and_an_ending_never_both_win(shop: Shop, rival: str) -> None:
    """Either the money may be taken or the units are back; over many rounds each wins some."""
    await shop.stocked(ROUNDS)
    names = [f"co_{n}" for n in range(ROUNDS)]
    await shop.tell(*(c for name in names for c in cast.commands_to_authorize(name)))
    winners = Counter[str]()
    random = Random()
    async with another_ledger(shop.database, grouped=False) as other:
        for name in names:
            ending = cast.expire(name) if rival == "expire" else cast.release(name)
            fenced, ended = await jittered(
                random, outcome(shop.ledger.post(cast.fence(name))), outcome(other.post(ending))
            )
            assert (fenced == "done") is not (ended == "done")
            winners["fence" if fenced == "done" else rival] += 1
            assert (
                shop.status(name)
                == {
                    "fence": "committing",
                    "expire": "expired",
                    "release": "cancelled",
                }["fence" if fenced == "done" else rival]
            )
    assert set(winners) == {"fence", rival}
    assert shop.pile("reserved") == winners["fence"]


async def test_no_capture_is_asked_for_once_the_stock_is_given_back(shop: Shop) -> None:
    """Nor a second time, by whoever was asked to before: the checkout's row says so, under its lock."""
    await shop.stocked(ROUNDS)
    names = [f"co_{n}" for n in range(ROUNDS)]
    for name in names:
        taken = [cast.start(CAPTURE, name), cast.record(cast.CAPTURED, name)]
        await shop.tell(*cast.commands_to_fence(name), *taken)
    random = Random()
    async with another_ledger(shop.database, grouped=False) as other:
        for name in names:
            undo = cast.release(name, ending=Status.DECLINED, compensating=True)
            again, undone = await jittered(
                random,
                outcome(shop.ledger.post(cast.start(CAPTURE, name))),
                outcome(other.post(undo)),
            )
            assert again in ("done", "not-now")
            assert undone == "done"
            assert await outcome(shop.ledger.post(cast.start(CAPTURE, name))) == "not-now"


async def test_three_endings_of_one_hold_give_back_once(shop: Shop) -> None:
    """The timer, the reaper and the customer all come at once."""
    await shop.stocked(1)
    random = Random()
    for n in range(ROUNDS // 2):
        name = f"co_{n}"
        await shop.tell(*cast.commands_to_hold(name))
        results = await jittered(
            random,
            outcome(shop.ledger.post(cast.expire(name, actor="workflow"))),
            outcome(shop.ledger.post(cast.expire(name, actor="reaper"))),
            outcome(shop.ledger.post(cast.release(name))),
        )
        released = results[2] == "done"
        assert results[:2] == (["not-held"] * 2 if released else ["done"] * 2)
        assert results[2] in ("done", "already-expired")
    assert (shop.pile("sellable"), shop.pile("reserved")) == (1, 0)


async def test_crossed_carts_of_two_processes_never_deadlock(shop: Shop) -> None:
    """Each lists its skus the other way round; rows are locked in one order all the same."""
    skus = [LAMP, RUG, TEAPOT]
    for sku in skus:
        await shop.stocked(500, sku)
        await shop.stocked(500, sku, MUNICH)
    forward, backward = dict.fromkeys(skus, 1), dict.fromkeys(reversed(skus), 1)
    names = [f"co_{n}" for n in range(3 * ROUNDS)]
    await shop.opened(*names)
    async with another_ledger(shop.database, grouped=False) as other:
        results = []
        for first in range(0, len(names), 16):
            crowd = names[first : first + 16]
            posts = []
            for n, name in enumerate(crowd):
                ledger, lines = (shop.ledger, forward) if n % 2 else (other, backward)
                posts.append(outcome(ledger.post(cast.reserve(name, lines))))
            results += await asyncio.gather(*posts)
        assert other.retries == 0
    assert Counter(results) == {"done": len(names)}
    assert shop.ledger.retries == 0


async def test_crossed_batches_of_two_processes_never_deadlock(shop: Shop) -> None:
    """Batches that hold, release and receive over the same rows and checkouts in opposite orders."""
    for sku in (LAMP, RUG):
        await shop.stocked(500, sku)
    random = Random()
    async with another_ledger(shop.database, grouped=False) as other:
        for n in range(ROUNDS // 2):
            names = [f"co_{n}_{m}" for m in range(4)]
            await shop.tell(*(c for name in names for c in cast.commands_to_hold(name)))
            there = [cast.release(name) for name in names]
            back = [cast.expire(name) for name in reversed(names)]
            goods = [
                cast.receive(1, sku, place, receipt=f"r-{n}-{sku}-{place}")
                for sku in (RUG, LAMP, TEAPOT)
                for place in (MUNICH, "BER1")
            ]
            await jittered(
                random,
                outcome(shop.ledger.post_batch([*goods, *there])),
                outcome(other.post_batch([*back, *reversed(goods)])),
            )
        assert (shop.ledger.retries, other.retries) == (0, 0)
    assert shop.pile("reserved") == 0


async def test_a_limit_holds_across_checkouts_at_once(shop: Shop) -> None:
    """Per customer, not per cart: three rugs in twenty checkouts of one or two."""
    await shop.offers(RUG, limit=3)
    await shop.stocked(99, RUG)
    names = [f"co_{n}" for n in range(20)]
    await shop.opened(*names, customer="ada")
    await shop.opened("co_bob")
    results = await asyncio.gather(
        *[
            outcome(shop.ledger.post(cast.reserve(name, {RUG: 1 + n % 2})))
            for n, name in enumerate(names)
        ],
        outcome(shop.ledger.post(cast.reserve("co_bob", {RUG: 3}))),
    )
    assert results[-1] == "done"
    assert set(results) == {"done", "limit-exceeded"}
    assert shop.pile("reserved", RUG) - 3 in (2, 3)
    assert shop.status(names[results.index("limit-exceeded")]) == "limit_exceeded"


async def test_a_limit_counts_over_all_places_and_forgets_what_was_given_back(shop: Shop) -> None:
    """A released hold and a cancelled order are the customer's no longer."""
    await shop.offers(RUG, LAMP, limit=2)
    await shop.stocked(1, RUG)
    await shop.stocked(9, RUG, MUNICH)
    await shop.stocked(9)
    await shop.opened("co_1", "co_2", "co_3", customer="ada")
    await shop.ledger.post(cast.reserve("co_1", {RUG: 2}))
    assert await outcome(shop.ledger.post(cast.reserve("co_2", {RUG: 1}))) == "limit-exceeded"
    await shop.ledger.post(cast.release("co_1"))
    await shop.ledger.post(cast.reserve("co_3", {RUG: 2}))
    await shop.tell(*cast.commands_to_confirm("co_ada"), cast.cancel_order("co_ada"))
    await shop.opened("co_4", customer="ada")
    assert await outcome(shop.ledger.post(cast.reserve("co_4", {LAMP: 2}))) == "done"


async def test_one_cart_has_one_live_checkout(shop: Shop) -> None:
    """Two tabs open the same cart; one is told."""
    results = await asyncio.gather(
        *[
            outcome(shop.ledger.post(cast.open_checkout(f"co_{n}", cart="cart-7", customer="ada")))
            for n in range(10)
        ]
    )
    assert Counter(results) == {"done": 1, "cart-busy": 9}
    live = shop.database.value("SELECT checkout_id FROM checkout")
    await shop.ledger.post(cast.release(live, ending=Status.CANCELLED))
    await shop.ledger.post(cast.open_checkout("co_next", cart="cart-7", customer="ada"))


async def test_a_conflicting_key_names_itself(shop: Shop) -> None:
    """The caller sees which key it has used before."""
    await shop.stocked(1)
    with pytest.raises(KeyConflict) as conflict:
        await shop.ledger.post(cast.receive(2, receipt="goods-1"))
    assert conflict.value.facts == {"key": "receipt/goods-1"}
