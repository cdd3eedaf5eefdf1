"""What goes wrong elsewhere when money and stock meet: paid too late, told twice, given back by mistake."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from ledger.checkouts import PaymentOperationKind, Status
from ledger.commands import Command
from ledger.posting import Ledger
from tests.history.conftest import Say
from tests.integration.ledger.shop import Shop, another_ledger, jittered, outcome
from tests.museum.buyers import all_told
from tests.proof import size
from tests.unit.ledger import cast
from tests.unit.ledger.cast import AUTHORIZED, CAPTURED, LAMP, REFUNDED, VOIDED

AUTHORIZE, CAPTURE, VOID, REFUND = PaymentOperationKind
RACES = size(share=60, full=2_000)
CAPTURES = "SELECT count(*) FROM payment_operation WHERE checkout_id = %s AND kind = 'capture'"
EVENTS = "SELECT type FROM outbox WHERE payload ->> 'sku' = %s AND payload ->> 'location' IS NOT NULL ORDER BY id"


async def run(ledger: Ledger, *commands: Command) -> list[str]:
    """Post one after the other, as one process that gives up at the first no; say what it was told."""
    words: list[str] = []
    for command in commands:
        words.append(await outcome(ledger.post(command)))
        if words[-1] != "done":
            break
    return words


async def last_of(ledger: Ledger, *commands: Command) -> str:
    """Post them so, and say what was told last."""
    return (await run(ledger, *commands))[-1]


@pytest.mark.proof
@pytest.mark.timeout(size(share=120, full=600))
async def test_a_hold_that_lapses_while_it_is_paid_ends_once(shop: Shop, say: Say) -> None:
    """saleor#15246: the hold was not extended while the customer paid, and somebody else got the unit.

    TigerBeetle PR #2000: between the moment of an expiry and its work, a post went through half.
    """
    random, names = Random(), [f"co_{n}" for n in range(RACES)]
    await shop.stocked(RACES)
    completing: dict[str, list[Command]] = {
        name: [cast.record(AUTHORIZED, name), cast.fence(name)] for name in names
    }
    for n, name in enumerate(names):
        await shop.tell(*cast.commands_to_hold(name), cast.start(AUTHORIZE, name))
        if n % 3:
            # Just paid for: only the final validation is to come.
            await shop.tell(completing[name].pop(0))
    async with another_ledger(shop.database) as other:

        async def race(name: str) -> str:
            paid = last_of(shop.ledger, *completing[name])
            told = await jittered(random, paid, last_of(other, cast.expire(name)))
            assert told.count("done") == 1, told
            return "paid first" if told[0] == "done" else "lapsed first"

        winners = Counter([await race(name) for name in names])
    assert set(winners) == {"paid first", "lapsed first"}
    assert shop.pile("reserved") == winners["paid first"]
    assert shop.pile("sellable") == winners["lapsed first"]
    say(f"museum 4: {RACES} payments against their expiry, {dict(winners)}")


async def test_a_second_attempt_waits_until_the_first_cannot_be_paid(shop: Shop) -> None:
    """woocommerce#67931: a hold was superseded while its order could still be paid; both were, stock fell twice."""
    await shop.stocked(2)
    first, second = (
        cast.open_checkout(name, customer="ada", cart="c1") for name in ("co_1", "co_2")
    )
    await shop.tell(first, cast.reserve("co_1"), cast.start(AUTHORIZE, "co_1"))
    while_payable = await outcome(shop.ledger.post(second))
    await shop.tell(cast.record(AUTHORIZED, "co_1"), cast.release("co_1"))
    while_authorized = await outcome(shop.ledger.post(second))
    await shop.tell(cast.start(VOID, "co_1"), cast.record(VOIDED, "co_1", proves=VOID))
    at_rest = await outcome(shop.ledger.post(second))

    assert (while_payable, while_authorized, at_rest) == ("cart-busy", "cart-busy", "done")
    assert (shop.pile("sellable"), shop.pile("reserved")) == (2, 0)


async def test_a_webhook_and_a_browser_three_times_each_sell_once(shop: Shop) -> None:
    """medusa#13301: the webhook and the storefront completed one cart at once: two orders, or an error for both."""
    await shop.stocked(2)
    await shop.tell(*cast.commands_to_hold("co_ada"), cast.start(AUTHORIZE, "co_ada"))
    completing = [
        cast.record(AUTHORIZED, "co_ada"),
        cast.fence("co_ada"),
        cast.start(CAPTURE, "co_ada"),
        cast.record(CAPTURED, "co_ada", proves=CAPTURE),
        cast.confirm("co_ada"),
    ]
    async with another_ledger(shop.database) as other:
        told = await asyncio.gather(
            *(run(ledger, *completing) for ledger in (shop.ledger, other) for _ in range(3))
        )

    assert told == [["done"] * len(completing)] * 6
    assert shop.status("co_ada") == "confirmed"
    assert shop.movements("confirm") == shop.database.value(CAPTURES, "co_ada") == 1
    assert (shop.pile("sellable"), shop.pile("sold")) == (1, 1)


async def test_the_undo_of_a_run_that_lost_takes_nothing_from_the_winner(shop: Shop) -> None:
    """Medusa PR #15527: a second completion failed, and its compensation refunded the capture of the first."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_confirm("co_ada"))
    undo = [
        cast.release("co_ada", compensating=True, ending=Status.DECLINED),
        cast.expire("co_ada"),
        cast.start(VOID, "co_ada"),
        cast.start(REFUND, "co_ada"),
    ]
    harmless = [cast.fail(CAPTURE, "co_ada"), cast.doubt("co_ada")]

    told, _ = await all_told(shop, undo * 3)
    await shop.tell(*harmless)

    assert "done" not in told
    assert shop.status("co_ada") == "confirmed"
    assert shop.database.rows("SELECT state, captured_minor, refunded_minor FROM payment") == [
        ("captured", cast.PRICE, 0)
    ]
    assert shop.pile("sold") == 1


async def test_a_capture_declined_after_the_fence_sells_nothing(shop: Shop) -> None:
    """medusa#4946: the order was there and the money was not; stock and shop were never told."""
    await shop.stocked(1)
    await shop.tell(
        *cast.commands_to_fence("co_ada"),
        cast.start(CAPTURE, "co_ada"),
        cast.fail(CAPTURE, "co_ada"),
    )
    too_early = await outcome(shop.ledger.post(cast.confirm("co_ada")))
    await shop.tell(
        cast.release("co_ada", compensating=True, ending=Status.DECLINED, reason="card_declined"),
        cast.start(VOID, "co_ada"),
        cast.record(VOIDED, "co_ada", proves=VOID),
    )

    assert too_early == "payment-not-captured"
    assert shop.status("co_ada") == "declined"
    assert shop.database.rows("SELECT captured_minor FROM payment") == [(0,)]
    assert (shop.pile("sellable"), shop.pile("reserved"), shop.pile("sold")) == (1, 0, 0)
    told = [kind for (kind,) in shop.database.rows(EVENTS, LAMP)]
    assert told == ["StockReceived", "StockReserved", "ReservationReleased"]


async def test_a_payment_after_the_cancel_is_owed_and_never_shipped(shop: Shop) -> None:
    """MultiSafepay/magento2#28: a second chance was paid after cancel and cleanup, and shipped unreserved."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_authorize("co_ada"), cast.release("co_ada"))
    await shop.tell(*cast.commands_to_hold("co_bob"))
    await shop.tell(cast.record(CAPTURED, "co_ada"))
    owed = shop.status("co_ada")
    sold = [
        await outcome(shop.ledger.post(c)) for c in (cast.fence("co_ada"), cast.confirm("co_ada"))
    ]
    await shop.tell(cast.start(REFUND, "co_ada"), cast.record(REFUNDED, "co_ada", proves=REFUND))

    assert (owed, shop.status("co_ada")) == ("refund_pending", "refunded")
    assert sold == ["not-held", "not-committing"]
    assert (shop.pile("reserved"), shop.pile("sold"), shop.status("co_bob")) == (1, 0, "reserving")
