"""What goes wrong elsewhere when stock is taken: two buyers, one line twice, two warehouses, one greedy customer."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from ledger.commands import Quantity, Reserve
from tests.history.conftest import Say
from tests.integration.ledger.shop import Shop, outcome
from tests.museum.buyers import all_told, deadlocks
from tests.proof import size
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG, TEAPOT

BUYERS = 200
ROUNDS = size(share=1, full=10)
PATIENCE_SECONDS = size(share=120, full=600)
GREEDY = 40
LIMIT = 5


@pytest.mark.proof
@pytest.mark.timeout(PATIENCE_SECONDS)
async def test_two_hundred_crossed_carts_want_one_unit(shop: Shop, say: Say) -> None:
    """magento2#6363: two buyers got the last unit, since the check and the write were apart.

    saleor#17123: checkouts deadlocked, since each locked its rows in the order of its cart.
    """
    random, retries = Random(), 0
    await shop.stocked(BUYERS * ROUNDS, RUG)
    await shop.stocked(BUYERS * ROUNDS, TEAPOT, MUNICH)
    for n in range(ROUNDS):
        await shop.stocked(1)
        names = [f"co_{n}_{buyer}" for buyer in range(BUYERS)]
        await shop.opened(*names)
        carts = [random.sample([LAMP, RUG, TEAPOT], 3) for _ in names]
        wishes = [
            cast.reserve(name, dict.fromkeys(cart, 1))
            for name, cart in zip(names, carts, strict=True)
        ]
        outcomes, tried_again = await all_told(shop, wishes)
        retries += tried_again
        assert Counter(outcomes) == {"done": 1, "insufficient-stock": BUYERS - 1}
    assert (shop.pile("reserved"), shop.pile("sellable")) == (ROUNDS, 0)
    assert shop.pile("reserved", RUG) == shop.pile("reserved", TEAPOT) == ROUNDS
    assert await deadlocks(shop.database) == 0
    say(f"museum 1: {BUYERS} crossed carts for one unit, {ROUNDS} times, {retries} retries")


def twice(name: str, quantity: int) -> Reserve:
    """Want the lamp in two lines."""
    line = Quantity(sku=LAMP, quantity=quantity)
    return Reserve(actor="workflow", reservation_id=f"{name}/1", lines=(line, line))


async def test_one_sku_in_two_lines_is_one_demand(shop: Shop) -> None:
    """medusa#16502: each line of a cart was held against the same number, and both were promised it.

    vendure#1028: the same, with the variant twice in one order.
    """
    await shop.stocked(5)
    await shop.opened("co_ada", "co_bob")
    assert await outcome(shop.ledger.post(twice("co_ada", 3))) == "insufficient-stock"
    assert shop.pile("reserved") == 0
    await shop.ledger.post(twice("co_bob", 2))
    assert shop.database.rows(
        "SELECT quantity, sellable_after FROM movement WHERE kind = 'reserve'"
    ) == [(4, 1)]


@pytest.mark.proof
@pytest.mark.timeout(PATIENCE_SECONDS)
async def test_many_carts_with_a_sku_in_two_lines_never_take_more_than_there_is(
    shop: Shop, say: Say
) -> None:
    """medusa#16569: beside each other such carts oversold, and the counter no longer agreed with its rows."""
    carts = size(share=40, full=200)
    await shop.stocked(4 * 7 + 3)
    names = [f"co_{n}" for n in range(carts)]
    await shop.opened(*names)
    outcomes, _ = await all_told(shop, [twice(name, 2) for name in names])
    assert Counter(outcomes) == {"done": 7, "insufficient-stock": carts - 7}
    assert (shop.pile("reserved"), shop.pile("sellable")) == (28, 3)
    say(f"museum 2: {carts} carts with one sku in two lines, 7 served of 31 units")


@pytest.mark.proof
@pytest.mark.timeout(PATIENCE_SECONDS)
async def test_ten_of_six_and_eight_are_exactly_ten(shop: Shop, say: Say) -> None:
    """vendure#4030: the second location gave what it had in place of what was left to take: 13 became 23."""
    buyers = size(share=20, full=200)
    await shop.stocked(6, LAMP, BERLIN)
    await shop.stocked(8, LAMP, MUNICH)
    names = [f"co_{n}" for n in range(buyers)]
    await shop.opened(*names)
    outcomes, _ = await all_told(shop, [cast.reserve(name, {LAMP: 10}) for name in names])
    assert Counter(outcomes) == {"done": 1, "insufficient-stock": buyers - 1}
    taken = "SELECT location, quantity FROM movement WHERE kind = 'reserve' ORDER BY location"
    promised = "SELECT location, quantity FROM reservation_line ORDER BY location"
    assert shop.database.rows(taken) == shop.database.rows(promised) == [(BERLIN, 6), (MUNICH, 4)]
    assert (shop.pile("reserved"), shop.pile("sellable")) == (10, 4)
    say(f"museum 3: {buyers} orders of 10 for 6 and 8 units, one served")


async def test_a_cap_holds_for_the_customer_and_not_for_the_cart(shop: Shop, say: Say) -> None:
    """Saleor availability.py:224: the limit was compared with one checkout's lines, so two checkouts had it twice."""
    random = Random()
    await shop.offers(LAMP, limit=LIMIT)
    await shop.stocked(GREEDY, LAMP, BERLIN)
    await shop.stocked(GREEDY, LAMP, MUNICH)
    names = [f"co_{n}" for n in range(GREEDY)]
    await shop.opened(*names, customer="ada")
    wishes = [
        twice(name, 1)
        if random.random() < 0.5
        else cast.reserve(name, {LAMP: random.randint(1, 3)})
        for name in names
    ]
    outcomes, _ = await all_told(shop, wishes)
    assert set(outcomes) == {"done", "limit-exceeded"}
    # Nobody wants more than three, so nobody is refused while three are left.
    assert LIMIT - 2 <= shop.pile("reserved") <= LIMIT
    served = names[outcomes.index("done")]
    await shop.ledger.post(cast.release(served))
    given_back = LIMIT - shop.pile("reserved")
    await shop.opened("co_again", customer="ada")
    assert await outcome(shop.ledger.post(cast.reserve("co_again", {LAMP: given_back}))) == "done"
    assert shop.pile("reserved") == LIMIT
    say(f"museum 25: {GREEDY} orders of one customer at once, limit {LIMIT}")
