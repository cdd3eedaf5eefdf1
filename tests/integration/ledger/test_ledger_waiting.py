"""Documents in any order, told twice, by several and at once: each is booked once or kept waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from ledger.commands import AdjustmentKind, Command, DocumentCommand, Quantity
from ledger.documents.waiting import apply_due
from ledger.errors import KeyConflict, Refused
from tests.integration.ledger.shop import Shop, another_ledger, outcome
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import ADA, LAMP, MUNICH, NOON

ROUNDS = 10
DAMAGE, LOST = AdjustmentKind.DAMAGE, AdjustmentKind.LOST_IN_TRANSIT
SENT: list[Command] = [*cast.commands_to_confirm(), warehouse.ship()]
BACK: list[Command] = [*SENT, warehouse.take_back(location=MUNICH)]


def everything(shop: Shop) -> list[list[Any]]:
    """Read all that a replay must leave alone."""
    return [
        shop.database.rows("SELECT * FROM movement ORDER BY sku, location, sequence"),
        shop.database.rows("SELECT * FROM stock ORDER BY sku, location"),
        shop.database.rows("SELECT * FROM order_line ORDER BY 1, 2, 3"),
        shop.database.rows("SELECT * FROM return_line ORDER BY 1, 2"),
        shop.database.rows("SELECT * FROM transfer_line ORDER BY 1, 2"),
        shop.database.rows("SELECT kind, document_id, state FROM document ORDER BY 1, 2"),
        shop.database.rows("SELECT review_id, quantity FROM review"),
        shop.database.rows("SELECT operation_key, text FROM note"),
        shop.database.rows("SELECT order_id, state FROM orders"),
        shop.database.rows("SELECT key FROM operation ORDER BY 1"),
    ]


@pytest.mark.parametrize(
    ("before", "command", "other"),
    [
        (cast.commands_to_confirm(), warehouse.ship(), warehouse.ship(2)),
        (SENT, warehouse.take_back(location=MUNICH), warehouse.take_back()),
        (BACK, warehouse.inspect(), warehouse.inspect(0, 1)),
        (cast.commands_to_confirm(), warehouse.short(), warehouse.short(location=None)),
        ([], warehouse.send(2), warehouse.send(2, source=MUNICH, target="BER1")),
        ([warehouse.send(2)], warehouse.arrive(1), warehouse.arrive(2)),
        ([warehouse.send(2)], warehouse.adjust(1, LOST), warehouse.adjust(2, LOST)),
        ([], warehouse.adjust(1, note="seen"), warehouse.adjust(-1)),
        (cast.commands_to_hold(), warehouse.adjust(-5, note="gone"), warehouse.adjust(-4)),
        ([], warehouse.research(1), warehouse.research(1, order=ADA)),
        (cast.commands_to_confirm(), warehouse.research(1, order=ADA), warehouse.research(1)),
        (
            [warehouse.research(2)],
            warehouse.resolve(1, found=True),
            warehouse.resolve(1, found=False),
        ),
    ],
    ids=lambda told: type(told).__name__,
)
async def test_a_document_told_again_moves_nothing(
    shop: Shop, before: list[Command], command: Command, other: Command
) -> None:
    """The first answer again, for another person and time too; another body is refused."""
    await shop.stocked(5)
    await shop.tell(*before)
    first = await shop.ledger.post(command)
    left = everything(shop)
    retold = replace(command, actor="emil", occurred_at=NOON)  # type: ignore[call-arg]
    (again,) = await shop.ledger.post_batch([retold])
    assert (again.body, again.replayed, again.waiting) == (first, True, False)
    with pytest.raises(KeyConflict):
        await shop.ledger.post(other)
    assert everything(shop) == left


async def test_documents_in_every_order_end_the_same(shop: Shop) -> None:
    """All 24 orders of payment, shipment, return and inspection, at once, with two loops beside them."""
    stories = list(enumerate(permutations(range(4))))
    await shop.stocked(len(stories))
    for number, _ in stories:
        await shop.tell(*cast.commands_to_capture(f"co_{number}"))
    async with another_ledger(shop.database, pool_size=20) as other:

        async def tell(number: int, order: tuple[int, ...]) -> None:
            name = f"co_{number}"
            told: list[Command] = [
                cast.confirm(name),
                warehouse.ship(order=name, shipment=f"S{number}"),
                warehouse.take_back(location=MUNICH, order=name, name=f"R{number}"),
                warehouse.inspect(0, 1, returned=f"R{number}", inspection=f"I{number}"),
            ]
            for place in order:
                await other.post(told[place])

        first = [tell(number, order) for number, order in stories[:12]]
        await asyncio.gather(*first, apply_due(shop.ledger), apply_due(other))
        rest = [tell(number, order) for number, order in stories[12:]]
        await asyncio.gather(*rest, apply_due(shop.ledger), apply_due(other))
        for _ in range(4):
            await asyncio.gather(apply_due(shop.ledger), apply_due(other))
    assert shop.database.rows("SELECT state, count(*) FROM document GROUP BY 1") == [
        ("applied", 72)
    ]
    assert shop.database.rows("SELECT state, count(*) FROM orders GROUP BY 1") == [("returned", 24)]
    assert (shop.pile("damaged"), shop.pile("sellable"), shop.pile("transit")) == (24, 0, 0)
    assert [shop.movements(kind) for kind in ("ship", "transfer", "damage")] == [24, 48, 24]


async def test_a_document_is_booked_once_by_whoever_is_first(shop: Shop) -> None:
    """The warehouse tells it again while two loops find that its order has come."""
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            shipment = warehouse.ship(order=name, shipment=f"S{n}")
            await shop.tell(*cast.commands_to_capture(name))
            (early,) = await shop.ledger.post_batch([shipment])
            assert early.waiting
            await shop.tell(cast.confirm(name))
            await asyncio.gather(
                apply_due(shop.ledger), apply_due(other), other.post(shipment), apply_due(other)
            )
            assert shop.movements("ship") == n + 1
    assert shop.database.rows("SELECT DISTINCT state FROM document") == [("applied",)]


async def test_a_waiting_document_holds_its_id(shop: Shop) -> None:
    """Another body is refused; told again by another person at another time, it waits as it was first told."""
    await shop.stocked(2)
    await shop.tell(warehouse.ship())
    with pytest.raises(KeyConflict):
        await shop.ledger.post(warehouse.ship(2))
    retold = replace(warehouse.ship(), actor="emil", occurred_at=NOON)
    await shop.tell(retold)
    ((actor, occurred_at, received_at, state),) = shop.database.rows(
        "SELECT actor, occurred_at, received_at, state FROM document"
    )
    assert (actor, occurred_at, state) == ("otto", received_at, "waiting")
    assert shop.database.value("SELECT count(*) FROM operation WHERE key LIKE 'shipment/%%'") == 0
    await shop.tell(*cast.commands_to_confirm())
    await apply_due(shop.ledger)
    assert shop.database.rows(
        "SELECT actor, occurred_at FROM movement WHERE kind = 'ship'"
    ) == shop.database.rows("SELECT actor, occurred_at FROM document WHERE state = 'applied'")


async def test_a_waiting_document_that_is_refused_at_last_says_why(shop: Shop) -> None:
    """Nobody was there to be told no. Its id is free for a better body."""
    await shop.stocked(2)
    await shop.tell(warehouse.ship(2))
    await shop.tell(*cast.commands_to_confirm())
    tried = await apply_due(shop.ledger)
    assert [(one.document_id, one.outcome) for one in tried] == [("S1", "more-than-sold")]
    assert shop.database.rows("SELECT state, reason FROM document") == [
        ("refused", "more-than-sold")
    ]
    assert await apply_due(shop.ledger) == []
    with pytest.raises(Refused):
        await shop.ledger.post(warehouse.ship(2))
    await shop.tell(warehouse.ship(1))
    assert shop.database.rows("SELECT state, reason FROM document") == [("applied", None)]


async def test_a_document_of_a_cancelled_order_does_not_wait_for_ever(shop: Shop) -> None:
    """The order came and went."""
    await shop.stocked(2)
    await shop.tell(warehouse.take_back())
    await shop.tell(*cast.commands_to_confirm(), cast.cancel_order())
    assert {tried.outcome for tried in await apply_due(shop.ledger)} == {"order-cancelled"}


@pytest.mark.parametrize(
    "early",
    [warehouse.ship(), warehouse.take_back(), warehouse.inspect(), warehouse.short()],
    ids=lambda told: type(told).__name__,
)
async def test_without_its_predecessor_nothing_is_tried(shop: Shop, early: DocumentCommand) -> None:
    """However often the loop looks."""
    await shop.tell(early)
    assert await apply_due(shop.ledger) == []


async def test_an_unreadable_document_does_not_stop_the_others(shop: Shop) -> None:
    """Another version's body, say: it waits for somebody to look, and is told of."""
    await shop.stocked(2)
    await shop.tell(warehouse.ship(shipment="S0"), warehouse.ship())
    shop.database.run("UPDATE document SET body = '{}' WHERE document_id = 'S0'")
    await shop.tell(*cast.commands_to_confirm())
    tried = {one.document_id: one.outcome for one in await apply_due(shop.ledger)}
    assert tried == {"S0": "unreadable", "S1": "applied"}
    assert shop.database.rows("SELECT document_id FROM document WHERE state = 'waiting'") == [
        ("S0",)
    ]


async def test_a_kind_that_only_a_later_version_knows_does_not_stop_the_others(shop: Shop) -> None:
    """While the new version is brought in, the old one's loop meets its documents."""
    await shop.stocked(2)
    await shop.tell(warehouse.ship(shipment="S0"), warehouse.ship())
    shop.database.run("ALTER TABLE document DROP CONSTRAINT document_kind_is_known")
    shop.database.run("UPDATE document SET kind = 'balloon' WHERE document_id = 'S0'")
    await shop.tell(*cast.commands_to_confirm())
    tried = {one.document_id: one.outcome for one in await apply_due(shop.ledger)}
    assert tried == {"S0": "unreadable", "S1": "applied"}


async def test_a_transfer_to_a_new_place_is_sent_and_arrives_in_one_batch(shop: Shop) -> None:
    """Where it arrives is not known when rows are locked: the batch is split, and ends right."""
    await shop.stocked(5)
    answers = await shop.tell(
        cast.receive(1, cast.RUG),
        warehouse.send(2),
        warehouse.arrive(2),
        cast.receive(1, receipt="r-2"),
    )
    assert not any(answer.waiting or answer.replayed for answer in answers)
    assert shop.database.rows("SELECT location, sku, sellable FROM stock ORDER BY 1, 2") == [
        ("BER1", LAMP, 4),
        ("BER1", cast.RUG, 1),
        (MUNICH, LAMP, 2),
    ]


async def test_commands_of_one_batch_see_each_other(shop: Shop) -> None:
    """Order, shipment, return elsewhere, inspection; send and arrival: all in one post."""
    await shop.stocked(5)
    answers = await shop.tell(
        *cast.commands_to_confirm(),
        warehouse.ship(),
        warehouse.take_back(location=MUNICH),
        warehouse.inspect(),
        warehouse.send(2),
        warehouse.arrive(2),
    )
    assert not any(answer.waiting for answer in answers)
    assert (shop.pile("sellable"), shop.pile("transit")) == (5, 0)
    assert shop.database.value("SELECT state FROM orders") == "returned"


async def test_notes_are_kept_in_one_place(shop: Shop) -> None:
    """Not in history, events, answers or documents: there alone they can be erased."""
    await shop.stocked(5)
    await shop.tell(warehouse.adjust(-1, note="ask Ada Lovelace"))
    tables = ("movement", "outbox", "operation", "document", "review", "stock")
    for table in tables:
        found = shop.database.superuser.execute(
            f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%Lovelace%'".encode()  # noqa: S608
        ).fetchone()
        assert found == (0,), table
    assert shop.database.rows("SELECT operation_key, text FROM note") == [
        ("adjustment/A1", "ask Ada Lovelace")
    ]


async def test_lines_of_a_transfer_are_told_by_sku(shop: Shop) -> None:
    """Half of one and all of another arrive."""
    await shop.stocked(3)
    await shop.stocked(3, cast.RUG)
    both = (Quantity(sku=LAMP, quantity=3), Quantity(sku=cast.RUG, quantity=2))
    half = (Quantity(sku=LAMP, quantity=1), Quantity(sku=cast.RUG, quantity=2))
    await shop.tell(replace(warehouse.send(), lines=both))
    await shop.tell(replace(warehouse.arrive(), lines=half))
    assert shop.database.rows("SELECT sku, quantity - received FROM transfer_line ORDER BY 1") == [
        (LAMP, 2),
        (cast.RUG, 0),
    ]
    assert await outcome(shop.ledger.post(warehouse.arrive(3, receipt="TR2"))) == "more-than-sent"
