"""What a warehouse tells after the sale, over a real ledger: sent, come back, looked at, moved, corrected."""

from __future__ import annotations

from ledger.commands import AdjustmentKind
from ledger.documents.waiting import apply_due
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH


async def test_an_order_is_sent_and_comes_back_elsewhere(shop: Shop) -> None:
    """Every unit is in one pile at every step, and each document is booked once."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm())
    first = await shop.ledger.post(warehouse.ship())
    assert await shop.ledger.post(warehouse.ship()) == first
    await shop.ledger.post(warehouse.take_back(location=MUNICH))
    await shop.ledger.post(warehouse.inspect(restock=0, damaged=1))
    assert (shop.pile("sellable"), shop.pile("shipped"), shop.pile("damaged")) == (2, 0, 1)
    assert shop.pile("transit") == 0
    assert shop.database.value("SELECT state FROM orders") == "returned"


async def test_a_whole_story_in_one_transaction_owes_what_was_granted(shop: Shop) -> None:
    """The money is taken in the same batch as the inspection: nothing of it was stored when the batch began."""
    await shop.stocked(3)
    before, paid = cast.commands_to_fence(), cast.commands_to_confirm()
    await shop.tell(*before)
    documents = [warehouse.ship(), warehouse.take_back(), warehouse.inspect()]
    for answer in await shop.ledger.post_batch([*paid[len(before) :], *documents]):
        answer.accepted()
    query = "SELECT refund_id, amount_minor, state FROM refund"
    assert [(state, amount) for _, amount, state in shop.database.rows(query)] == [
        ("owed", cast.PRICE)
    ]


async def test_documents_in_any_order_wait_for_what_comes_first(shop: Shop) -> None:
    """Inspection, return and shipment came before the payment; all are booked in the end."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_capture())
    early = [warehouse.inspect(), warehouse.take_back(), warehouse.ship()]
    for document in early:
        (answer,) = await shop.ledger.post_batch([document])
        assert answer.waiting
        assert answer.body["status"] == "waiting"
    await shop.ledger.post(cast.confirm())
    outcomes = [tried.outcome for _ in range(3) for tried in await apply_due(shop.ledger)]
    assert outcomes.count("applied") == 3
    assert (shop.pile("sellable"), shop.pile("sold"), shop.pile("returned")) == (3, 0, 0)
    again = await shop.ledger.post(early[0])
    assert again["status"] == "applied"


async def test_a_transfer_arrives_in_parts_and_the_rest_gets_lost(shop: Shop) -> None:
    """What travels is known until it has arrived or is given up."""
    await shop.stocked(5)
    await shop.ledger.post(warehouse.send(4))
    await shop.ledger.post(warehouse.arrive(3))
    await shop.ledger.post(warehouse.adjust(1, AdjustmentKind.LOST_IN_TRANSIT))
    rows = shop.database.rows(
        "SELECT location, sellable, transit, adjustment FROM stock ORDER BY 1"
    )
    assert rows == [(BERLIN, 1, 3, 1), (MUNICH, 3, -3, 0)]


async def test_a_shortfall_names_who_counts_on_the_units(shop: Shop) -> None:
    """Unpaid before paid; nothing goes negative and nothing is ignored."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm())
    await shop.tell(*cast.commands_to_hold("co_bob"))
    answer = await shop.ledger.post(warehouse.adjust(-3))
    assert (answer["status"], answer["quantity"], answer["missing"]) == ("review", -1, 2)
    ((evidence,),) = shop.database.rows("SELECT evidence FROM review WHERE state = 'open'")
    assert [touched["checkout_id"] for touched in evidence["touched"]] == ["co_bob", ADA]


async def test_policy_has_a_history(shop: Shop) -> None:
    """Safety stock, buffer and search all take units out of sale, and each leaves an entry."""
    await shop.stocked(5)
    await shop.ledger.post(warehouse.keep_back(1))
    await shop.ledger.post(warehouse.buffer(1))
    await shop.ledger.post(warehouse.research(2))
    await shop.ledger.post(warehouse.resolve(1, found=True))
    await shop.ledger.post(warehouse.resolve(1, found=False, name="Y2"))
    kinds = shop.database.rows("SELECT kind FROM movement WHERE sku = %s ORDER BY sequence", LAMP)
    assert [kind for (kind,) in kinds] == [
        *("receive", "set_safety_stock", "set_feed_buffer", "research", "resolve", "resolve"),
    ]
