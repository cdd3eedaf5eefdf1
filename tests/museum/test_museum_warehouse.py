"""What goes wrong elsewhere between shop and warehouse: told twice and booked twice, short and nobody told."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from ledger.commands import Command, DocumentCommand, Quantity, Ship
from tests.integration.ledger.shop import Shop as Shelf
from tests.integration.ledger.shop import another_ledger, outcome
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import LAMP
from tests.workflows.shop import Shop, eventually
from tests.workflows.test_checkout_attention import ATTENTION_AFTER_SECONDS, troubled
from workflows.steps import Step

TIMES = 10
DOCUMENTS = {
    "ship": warehouse.ship(order="co_ada"),
    "return": warehouse.take_back(order="co_ada"),
    "restock": warehouse.inspect(),
}
OPEN = (
    "SELECT count(*) FROM review r JOIN movement m ON m.operation_key = 'adjustment/' || r.cause_id"
    " WHERE r.state = 'open' AND r.xmin = m.xmin"
)


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_document_told_ten_times_moves_once(shop: Shelf, kind: str) -> None:
    """magento/inventory#2420: a shipment's call was repeated, and each time compensated: ten units from nowhere.

    At once, by two processes; and a repeat that says something else is refused.
    """
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm("co_ada"))
    earlier = list(DOCUMENTS)[: list(DOCUMENTS).index(kind)]
    await shop.tell(*(DOCUMENTS[name] for name in earlier))
    document = DOCUMENTS[kind]
    async with another_ledger(shop.database, grouped=False) as other:
        told = await asyncio.gather(
            *(outcome((shop.ledger, other)[n % 2].post(document)) for n in range(TIMES))
        )
    again = await shop.ledger.answer(document)

    assert Counter(told) == {"done": TIMES}
    assert again.replayed
    assert shop.movements(kind) == 1
    assert await outcome(shop.ledger.post(another_body(document))) == "key-reused"
    assert shop.movements(kind) == 1


def another_body(document: DocumentCommand) -> Command:
    """Say something else under the same id."""
    if isinstance(document, Ship):
        return replace(document, lines=(Quantity(sku=LAMP, quantity=2),))
    if document.document_kind == "return":
        return warehouse.take_back(2, order="co_ada")
    return warehouse.inspect(0, 1)


async def test_no_repeat_gives_back_what_was_sent(shop: Shelf) -> None:
    """magento/inventory#2420: the shop's own number stayed higher than the shelf's, for ever."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm("co_ada"), DOCUMENTS["ship"])
    for late in (cast.release("co_ada"), cast.expire("co_ada"), cast.cancel_order("co_ada")):
        assert await outcome(shop.ledger.post(late)) != "done"
    await shop.tell(DOCUMENTS["ship"], DOCUMENTS["ship"])

    assert (shop.pile("sellable"), shop.pile("shipped"), shop.pile("sold")) == (2, 1, 0)


async def test_a_paid_order_without_its_unit_is_a_question_in_the_same_transaction(
    shop: Shelf,
) -> None:
    """vendure#4930: the lock ended overselling, and the review found that a paid order's shortfall was told to nobody.

    Not seconds later: whoever is told of the correction can be told of the question, which names the order.
    """
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_hold("co_bob"), *cast.commands_to_confirm("co_ada"))
    answer = await shop.ledger.post(warehouse.adjust(-3))

    ((review, kind, missing, touched),) = shop.database.rows(
        "SELECT review_id, kind, quantity, evidence -> 'touched' FROM review WHERE state = 'open'"
    )
    assert answer["review_id"] == review
    assert (kind, missing) == ("shortfall", 2)
    assert [(claim["checkout_id"], claim["paid"]) for claim in touched] == [
        ("co_bob", False),
        ("co_ada", True),
    ]
    assert shop.database.value(OPEN) == 1


async def test_a_paid_checkout_that_cannot_go_on_is_found_by_operators(own_shop: Shop) -> None:
    """vendure#2030: paid, and stuck before its stock was booked; found when the customer asked."""
    checkout = await own_shop.open(await own_shop.stock("brass-lamp", 1))
    for _ in range(5):
        own_shop.gate.fail(checkout.id, Step.CAPTURE_PAYMENT)
    async with own_shop.working(attention_after_seconds=ATTENTION_AFTER_SECONDS):
        await checkout.ask()
        await checkout.pay()
        await eventually(troubled(checkout))
        assert await checkout.ended() == "confirmed"

    assert await troubled(checkout)() is False
    await checkout.agreed()
