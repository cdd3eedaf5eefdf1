"""Units that have left before their order was known to be paid, and orders that old code places."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.documents.waiting import apply_due
from ledger.errors import Refused
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import ADA


async def test_an_order_whose_shipment_waits_cannot_be_cancelled(shop: Shop) -> None:
    """Its units have left: put back on sale they would be sold again."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_capture())
    await shop.ledger.post(warehouse.ship())
    await shop.ledger.post(cast.confirm())
    with pytest.raises(Refused, match="already-shipped"):
        await shop.ledger.post(cast.cancel_order())
    await apply_due(shop.ledger)
    assert (shop.pile("sellable"), shop.pile("shipped")) == (0, 1)


async def test_in_one_transaction_too(shop: Shop) -> None:
    """A shipment that began to wait a command earlier counts as well."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_capture())
    answers = await shop.ledger.post_batch([warehouse.ship(), cast.confirm(), cast.cancel_order()])
    assert [answer.waiting for answer in answers] == [True, False, False]
    assert isinstance(answers[2].error, Refused)
    assert answers[2].error.code == "already-shipped"


async def test_what_waited_happened_when_it_was_told(shop: Shop) -> None:
    """Not when its order was confirmed: a count in between would add the units again."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_capture())
    await shop.ledger.post(warehouse.ship())
    ((told_at,),) = shop.database.rows("SELECT received_at FROM document")
    shop.database.run("SELECT pg_sleep(0.01)")
    await shop.ledger.post(cast.confirm())
    await apply_due(shop.ledger)
    ((occurred_at, recorded_at),) = shop.database.rows(
        "SELECT occurred_at, recorded_at FROM movement WHERE kind = 'ship'"
    )
    assert occurred_at == told_at
    assert recorded_at - occurred_at >= timedelta(milliseconds=10)


async def test_an_order_placed_by_old_code_has_its_lines(shop: Shop) -> None:
    """A worker of yesterday may still confirm while today's is brought in."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_confirm())
    shop.database.run("DELETE FROM order_line")
    with shop.database.superuser.transaction():
        shop.database.run("CREATE TEMP TABLE placed ON COMMIT DROP AS SELECT * FROM orders")
        shop.database.run("DELETE FROM orders")
        shop.database.run("INSERT INTO orders SELECT * FROM placed")
    await shop.ledger.post(warehouse.ship())
    assert shop.pile("shipped") == 1


async def test_a_sold_out_checkout_waits_for_no_shipment(shop: Shop) -> None:
    """It can never become an order, so its shipment is a mistake, and is told at once."""
    await shop.tell(cast.open_checkout())
    await shop.ledger.post_batch([cast.reserve()])
    assert shop.status(ADA) == "out_of_stock"
    with pytest.raises(Refused, match="no-order"):
        await shop.ledger.post(warehouse.ship())
