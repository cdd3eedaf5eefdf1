"""Warehouse and shop at once, from two processes: whoever commits first wins, and the other is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from ledger.commands import AdjustmentKind
from tests.integration.ledger.shop import Shop, another_ledger, jittered, outcome
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG

ROUNDS = 10
MANY = 20
LOST = AdjustmentKind.LOST_IN_TRANSIT


async def test_the_last_unit_of_an_order_is_sent_once(shop: Shop) -> None:
    """Two shipments of other ids, each of the one unit."""
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.tell(*cast.commands_to_confirm(name))
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.ship(order=name, shipment=f"A{n}"))),
                outcome(other.post(warehouse.ship(order=name, shipment=f"B{n}"))),
            )
            assert sorted(results) == ["done", "more-than-sold"]
    assert (shop.pile("shipped"), shop.pile("sold")) == (ROUNDS, 0)


async def test_an_order_is_sent_or_cancelled(shop: Shop) -> None:
    """Never both: the money is owed for exactly what stayed."""
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.tell(*cast.commands_to_confirm(name))
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.ship(order=name, shipment=f"S{n}"))),
                outcome(other.post(cast.cancel_order(name))),
            )
            assert results in (["done", "already-shipped"], ["order-cancelled", "done"])
    assert shop.pile("shipped") + shop.pile("sellable") == ROUNDS


async def test_a_return_beside_its_shipment_is_taken_or_waits(shop: Shop) -> None:
    """Whichever row lock it met first; it is booked in the end."""
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.tell(*cast.commands_to_confirm(name))
            back = warehouse.take_back(location=MUNICH, order=name, name=f"R{n}")
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.ship(order=name, shipment=f"S{n}"))),
                outcome(other.post(back)),
            )
            assert results == ["done", "done"]
            await shop.tell(back)
    assert (shop.pile("returned"), shop.pile("shipped"), shop.pile("transit")) == (ROUNDS, 0, 0)


async def test_the_last_lamp_is_reserved_or_written_off(shop: Shop) -> None:
    """A shortfall names the hold that came first; a hold that came later finds nothing."""
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            sku, name = f"lamp-{n}", f"co_{n}"
            await shop.offers(sku)
            await shop.stocked(1, sku)
            await shop.opened(name)
            held, adjusted = await asyncio.gather(
                outcome(shop.ledger.post(cast.reserve(name, {sku: 1}))),
                other.post(warehouse.adjust(-1, sku=sku, name=f"A{n}")),
            )
            evidence = shop.database.rows(
                "SELECT evidence #>> '{touched,0,reservation_id}' FROM review WHERE sku = %s", sku
            )
            if adjusted["status"] == "review":
                assert (held, evidence) == ("done", [(f"{name}/1",)])
            else:
                assert (held, evidence) == ("insufficient-stock", [])


async def test_no_more_arrives_than_was_sent(shop: Shop) -> None:
    """Two receipts of three out of five, and a loss of the rest, at once."""
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            await shop.stocked(5)
            await shop.tell(warehouse.send(5, transfer=f"T{n}"))
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.arrive(3, transfer=f"T{n}", receipt=f"A{n}"))),
                outcome(other.post(warehouse.arrive(3, transfer=f"T{n}", receipt=f"B{n}"))),
            )
            assert sorted(results) == ["done", "more-than-sent"]
            results = await jittered(
                Random(),
                outcome(shop.ledger.post(warehouse.arrive(2, transfer=f"T{n}", receipt=f"C{n}"))),
                outcome(other.post(warehouse.adjust(2, LOST, name=f"L{n}"))),
            )
            assert results in (["done", "pile-too-small"], ["more-than-sent", "done"])
    assert shop.pile("transit") == 0


async def test_a_returned_unit_is_inspected_once(shop: Shop) -> None:
    """It is put on sale or aside, not both; no refund is granted twice."""
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name, returned = f"co_{n}", f"R{n}"
            await shop.tell(
                *cast.commands_to_confirm(name),
                warehouse.ship(order=name, shipment=f"S{n}"),
                warehouse.take_back(order=name, name=returned),
            )
            restock = warehouse.inspect(1, 0, returned=returned, inspection=f"A{n}")
            damage = warehouse.inspect(0, 1, returned=returned, inspection=f"B{n}")
            results = await jittered(
                Random(), outcome(shop.ledger.post(restock)), outcome(other.post(damage))
            )
            assert sorted(results) == ["done", "more-than-returned"]
    assert shop.pile("sellable") + shop.pile("damaged") == ROUNDS
    assert shop.database.value("SELECT sum(refunded) FROM return_line") == ROUNDS


async def test_crossed_transfers_do_not_wait_for_each_other(shop: Shop) -> None:
    """From Berlin to Munich and back, with crossed skus: rows are locked in one order."""
    for sku in (LAMP, RUG):
        for place in (BERLIN, MUNICH):
            await shop.stocked(MANY, sku, place)

    def there(n: int) -> list[object]:
        return [
            warehouse.send(1, LAMP, BERLIN, MUNICH, transfer=f"T{n}"),
            warehouse.arrive(1, LAMP, transfer=f"T{n}", receipt=f"TR{n}"),
        ]

    def back(n: int) -> list[object]:
        return [
            warehouse.send(1, RUG, MUNICH, BERLIN, transfer=f"U{n}"),
            warehouse.arrive(1, RUG, transfer=f"U{n}", receipt=f"UR{n}"),
        ]

    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            sent = (
                [*there(2 * n)[:1], *back(2 * n)[:1]],
                [*back(2 * n + 1)[:1], *there(2 * n + 1)[:1]],
            )
            arrived = (
                [*there(2 * n)[1:], *back(2 * n)[1:]],
                [*back(2 * n + 1)[1:], *there(2 * n + 1)[1:]],
            )
            for one, two in (sent, arrived):
                answers = await asyncio.gather(
                    shop.ledger.post_batch(one),  # type: ignore[arg-type]
                    other.post_batch(two),  # type: ignore[arg-type]
                )
                assert not [a.error for both in answers for a in both if a.error or a.waiting]
        assert (shop.ledger.retries, other.retries) == (0, 0)
    assert (shop.pile("transit"), shop.pile("transit", RUG)) == (0, 0)


async def test_of_many_who_saw_the_same_row_one_corrects_it(shop: Shop) -> None:
    """The others are told that it is another row now."""
    await shop.stocked(MANY)
    async with another_ledger(shop.database, pool_size=MANY) as crowd:
        for version in range(1, 4):
            posts = [
                outcome(crowd.post(warehouse.adjust(-1, name=f"A{version}-{n}", version=version)))
                for n in range(MANY)
            ]
            assert Counter(await asyncio.gather(*posts)) == {"done": 1, "stale-version": MANY - 1}
    assert shop.pile("sellable") == MANY - 3


async def test_the_first_goods_of_many_make_one_row(shop: Shop) -> None:
    """Beside refused ones that want the row too, and leave nothing where they are alone."""
    async with another_ledger(shop.database, pool_size=MANY) as crowd:
        posts = [
            outcome(
                crowd.post(
                    cast.receive(1, receipt=f"r{n}")
                    if n % 2
                    else warehouse.adjust(1, location=MUNICH, name=f"A{n}", version=9)
                )
            )
            for n in range(MANY)
        ]
        assert Counter(await asyncio.gather(*posts)) == {"done": 10, "stale-version": 10}
    assert shop.database.rows("SELECT location, sellable FROM stock") == [(BERLIN, 10)]
