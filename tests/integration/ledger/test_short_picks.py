"""What was paid for and not found, over a real ledger: alone, in one batch, early, and racing everybody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from ledger.commands import Command, MissingUnits, Quantity, Reserve
from ledger.documents.waiting import apply_due
from ledger.errors import Refused
from ledger.reading.history import explained
from tests.integration.ledger.shop import Shop, another_ledger, jittered, outcome
from tests.integration.ledger.warehouse_stories import paid
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH, PRICE, TEAPOT

ROUNDS = 10


def debts(shop: Shop) -> list[tuple[str, str, int]]:
    """List what is owed: by whom, for what, and how much."""
    query = "SELECT checkout_id, refund_id, amount_minor FROM refund ORDER BY 1, 2"
    return shop.database.rows(query)


async def test_a_short_order_is_served_from_elsewhere_and_the_rest_is_owed(shop: Shop) -> None:
    """And all of it is told by movements, each under the document's own key."""
    await shop.stocked(3)
    await shop.tell(*paid(ADA, LAMP, 3))
    await shop.stocked(1, location=MUNICH)
    first = await shop.ledger.post(warehouse.short(2))
    assert await shop.ledger.post(warehouse.short(2)) == first
    assert debts(shop) == [(ADA, "short-P1", PRICE)]
    query = "SELECT location, quantity, short FROM order_line ORDER BY 1"
    assert shop.database.rows(query) == [(BERLIN, 3, 2), (MUNICH, 1, 0)]
    query = (
        "SELECT location, kind, cause_kind, cause_id, reason FROM movement"
        " WHERE operation_key = 'short/P1' ORDER BY location, sequence"
    )
    assert shop.database.rows(query) == [
        (BERLIN, "research", "short", "P1", "short"),
        (MUNICH, "reserve", "reservation", f"{ADA}/2", "short"),
        (MUNICH, "confirm", "reservation", f"{ADA}/2", "short"),
    ]
    await shop.tell(
        warehouse.ship(1), warehouse.ship(location=MUNICH, shipment="S2"), warehouse.take_back(2)
    )
    assert shop.database.value("SELECT state FROM orders") == "returned"


async def test_a_search_ends_as_any_search_does(shop: Shop) -> None:
    """Found after all, the unit is anybody's: the customer has been served or paid."""
    await shop.stocked(2)
    await shop.tell(*paid(ADA, LAMP, 2))
    await shop.tell(warehouse.short(2))
    assert (shop.status(ADA), shop.pile("researching")) == ("refund_pending", 2)
    await shop.tell(warehouse.resolve(1, found=True), warehouse.resolve(1, found=False, name="Y2"))
    assert (shop.pile("sellable"), shop.pile("researching"), shop.pile("sold")) == (1, 0, 0)


async def test_a_whole_story_in_one_transaction(shop: Shop) -> None:
    """Nothing of the order was stored when the batch began: no price, no payment, no line."""
    await shop.stocked(1)
    await shop.stocked(2, location=MUNICH)
    # One from each place; Munich's second comes instead of Berlin's, and then one of Munich's is missing too.
    told: list[Command] = [
        *paid(ADA, LAMP, 2),
        warehouse.short(1),
        warehouse.short(1, location=MUNICH, name="P2"),
    ]
    await shop.tell(*told[:-2])
    await shop.tell(*told[-2:], warehouse.ship(1, location=MUNICH))
    assert debts(shop) == [(ADA, "short-P2", PRICE)]
    bobs = "co_bob"
    await shop.stocked(1, TEAPOT)
    for answer in await shop.ledger.post_batch(
        [*paid(bobs, TEAPOT, 1), warehouse.short(sku=TEAPOT, order=bobs, name="P3")]
    ):
        answer.accepted()
    assert debts(shop)[-1] == (bobs, "short-P3", PRICE)
    assert shop.status(bobs) == "refund_pending"


async def test_a_past_hold_is_explained_beside_what_was_taken_anew(shop: Shop) -> None:
    """What a short pick took was never held: nobody is told that it was reserved."""
    await shop.stocked(1)
    await shop.tell(*paid(ADA, LAMP, 1))
    await shop.stocked(2, location=MUNICH)
    await shop.tell(warehouse.short(1))
    await shop.tell(*cast.commands_to_hold("co_bob"))
    told = await explained(shop.ledger.engine, LAMP, None, 10)
    assert told is not None
    assert [(hold.reservation_id, hold.quantity) for hold in told.holds] == [("co_bob/1", 1)]


async def test_what_was_not_found_leaves_a_customer_their_limit(shop: Shop) -> None:
    """What came instead counts once, and what was paid back not at all."""
    await shop.offers(LAMP, limit=2)
    await shop.stocked(2)
    await shop.tell(*paid(ADA, LAMP, 2))
    await shop.stocked(1, location=MUNICH)
    await shop.tell(warehouse.short(2))
    await shop.stocked(5, location=MUNICH)

    async def reserve(name: str, quantity: int) -> None:
        await shop.opened(name, customer="ada")
        lines = (Quantity(sku=LAMP, quantity=quantity),)
        await shop.ledger.post(Reserve(actor="workflow", reservation_id=f"{name}/1", lines=lines))

    with pytest.raises(Refused, match="limit-exceeded"):
        await reserve("co_two", 2)
    await reserve("co_one", 1)
    with pytest.raises(Refused, match="limit-exceeded"):
        await reserve("co_more", 1)


async def test_an_early_short_pick_is_booked_when_its_order_comes(shop: Shop) -> None:
    """Or refused at last, when the order has come and gone."""
    await shop.stocked(2)
    for name in (ADA, "co_bob"):
        await shop.tell(*cast.commands_to_capture(name))
        pick = warehouse.short(order=name, name=f"P-{name}", location=None)
        (early,) = await shop.tell(pick)
        assert early.waiting
    await shop.tell(cast.confirm(), cast.confirm("co_bob"), cast.cancel_order("co_bob"))
    tried = {one.document_id: one.outcome for one in await apply_due(shop.ledger)}
    assert tried == {f"P-{ADA}": "applied", "P-co_bob": "order-cancelled"}
    assert debts(shop) == [(ADA, f"short-P-{ADA}", PRICE), ("co_bob", "whole", PRICE)]


async def test_a_unit_is_sent_or_not_found(shop: Shop) -> None:
    """Two words of one unit: the first is believed, and the customer has the unit or the money."""
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.tell(*cast.commands_to_confirm(name))
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.ship(order=name, shipment=f"S{n}"))),
                outcome(other.post(warehouse.short(order=name, name=f"P{n}"))),
            )
            assert results in (["done", "more-than-sold"], ["order-cancelled", "done"])
    assert shop.pile("shipped") + shop.pile("researching") == ROUNDS
    assert len(debts(shop)) == shop.pile("researching")


async def test_an_order_is_cancelled_or_not_found(shop: Shop) -> None:
    """Whoever is first: all of the money is owed once."""
    await shop.stocked(2 * ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.tell(*paid(name, LAMP, 2))
            units = 1 + n % 2
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(cast.cancel_order(name))),
                outcome(other.post(warehouse.short(units, order=name, name=f"P{n}"))),
            )
            one_left = ["done", "done"]
            all_gone = ["no-order", "done"]
            assert results in (["done", "order-cancelled"], one_left if units == 1 else all_gone)
            owed = "SELECT sum(amount_minor) FROM refund WHERE checkout_id = %s"
            assert shop.database.value(owed, name) == 2 * PRICE
    assert shop.pile("sellable") + shop.pile("researching") == 2 * ROUNDS


async def test_the_last_unit_elsewhere_is_given_once(shop: Shop) -> None:
    """Two orders that are short and a cart that wants it, from two processes: one of the three has it."""
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            sku = f"lamp-{n}"
            await shop.offers(sku)
            await shop.stocked(2, sku)
            ada, bob, eve = f"co_a{n}", f"co_b{n}", f"co_e{n}"
            await shop.tell(*paid(ada, sku, 1), *paid(bob, sku, 1))
            await shop.stocked(1, sku, MUNICH)
            await shop.opened(eve)
            first, second, third = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.short(1, sku, order=ada, name=f"A{n}"))),
                outcome(other.post(warehouse.short(1, sku, order=bob, name=f"B{n}"))),
                outcome(other.post(cast.reserve(eve, {sku: 1}))),
            )
            assert (first, second) == ("done", "done")
            of_order = "SELECT count(*) FROM order_line WHERE sku = %s AND location = %s"
            served = shop.database.value(of_order, sku, MUNICH) + (third == "done")
            assert served == 1
            assert len(debts(shop)) == (n + 1) * 2 - shop.database.value(
                "SELECT count(*) FROM order_line WHERE location = %s", MUNICH
            )


async def test_short_picks_of_crossed_skus_do_not_wait_for_each_other(shop: Shop) -> None:
    """Checkouts first and then rows, each sorted: no deadlock, whatever the order of their lines."""
    await shop.stocked(2 * ROUNDS)
    await shop.stocked(2 * ROUNDS, TEAPOT)
    names = [f"co_{n}" for n in range(2 * ROUNDS)]
    for name in names:
        await shop.tell(*_paid_for_both(name))
    async with another_ledger(shop.database) as other:
        ledgers = [shop.ledger, other]
        await asyncio.gather(
            *(
                ledgers[n % 2].post(_short_of_both(name, backwards=n % 2 == 0))
                for n, name in enumerate(names)
            )
        )
        assert (shop.ledger.retries, other.retries) == (0, 0)
    assert (shop.pile("researching"), shop.pile("researching", TEAPOT)) == (2 * ROUNDS, 2 * ROUNDS)


def _paid_for_both(name: str) -> list[Command]:
    story = paid(name, LAMP, 2)
    both = {LAMP: 1, TEAPOT: 1}
    return [cast.open_checkout(name, lines=both), cast.reserve(name, both), *story[2:]]


def _short_of_both(name: str, *, backwards: bool) -> Command:
    lines = (MissingUnits(sku=LAMP, quantity=1), MissingUnits(sku=TEAPOT, quantity=1))
    pick = warehouse.short(order=name, name=f"P-{name}")
    return replace(pick, lines=lines[::-1] if backwards else lines)
