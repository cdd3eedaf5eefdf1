"""What goes wrong elsewhere when a buyer tries again: a hold revived, two payments for one cart, blocked by oneself."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from ledger.commands import Command, Extend
from ledger.errors import Refused
from tests.integration.ledger.shop import Shop as Shelf
from tests.integration.ledger.shop import another_ledger, jittered, outcome
from tests.unit.ledger import cast
from tests.workflows.facts import captures, expire
from tests.workflows.shop import AUTHORIZED, SUCCEEDED, Checkout, Shop
from workflows.messages import CancelAnswer
from workflows.starting import late_payment_workflow_id

DEBIT = "pm_usBankAccount_success"
ROUNDS = 30


def extend(name: str) -> Command:
    """Ask for ten minutes more."""
    return Extend(actor="ada", reservation_id=f"{name}/1", extension=1, seconds=600)


async def test_a_hold_that_lapsed_is_not_revived_over_somebody_elses(shop: Shelf) -> None:
    """Spree extend.rb and Saleor reservations.py:69: more time was given to a lapsed hold, and stock not looked at."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_hold("co_ada"), cast.expire("co_ada"))
    alone = await outcome(shop.ledger.post(extend("co_ada")))
    await shop.tell(*cast.commands_to_hold("co_bob"))
    beside_another = await outcome(shop.ledger.post(extend("co_ada")))

    assert (alone, beside_another) == ("not-held", "not-held")
    assert (shop.pile("reserved"), shop.pile("sellable")) == (1, 0)
    assert shop.status("co_ada") == "expired"


async def test_an_extension_and_a_lapse_at_once_leave_one_of_them(shop: Shelf) -> None:
    """Spree extend.rb: whoever looked before the lapse wrote after it, and the unit was held for two."""
    random, seen = Random(), set[str]()
    await shop.stocked(ROUNDS)
    async with another_ledger(shop.database) as other:
        for n in range(ROUNDS):
            name = f"co_{n}"
            await shop.tell(*cast.commands_to_hold(name))
            extended, lapsed = await jittered(
                random,
                outcome(shop.ledger.post(extend(name))),
                outcome(other.post(cast.expire(name))),
            )
            assert (extended, lapsed) in {("done", "extended"), ("not-held", "done")}
            seen.add(extended)
    assert seen == {"done", "not-held"}


async def test_a_lapsed_hold_is_not_extended_through_its_checkout(own_shop: Shop) -> None:
    """Spree extend.rb: through the front door, too. Somebody else bought the lamp meanwhile, and keeps it."""
    lamp = await own_shop.stock("brass-lamp", 1)
    async with own_shop.working():
        ada = await own_shop.open(lamp)
        await ada.ask()
        await expire(own_shop, ada.id)
        bob = await own_shop.open(lamp, customer="bob")
        await bob.ask()
        answer = await ada.extend(1)
        await bob.pay()
        assert await bob.ended() == "confirmed"
        await ada.cancel()

    assert (answer.code, answer.status) == ("not-held", "expired")
    assert own_shop.piles(lamp) == (0, 0, 1)
    assert (await ada.agreed())["payment"] == "voided"


async def attempt(shop: Shop, sku: str) -> Checkout:
    """Begin a checkout of Ada's one cart."""
    return await shop.open(sku, cart="ada-1")


async def begun_again(first: Checkout, sku: str) -> Checkout:
    """Begin again as the API does: the older attempt is cancelled first, to its end at the provider."""
    with pytest.raises(Refused, match="cart-busy") as refusal:
        await attempt(first.shop, sku)
    assert refusal.value.facts == {"checkout_id": first.id}
    assert isinstance(CancelAnswer.model_validate(await first.cancel()), CancelAnswer)
    return await attempt(first.shop, sku)


async def test_a_buyer_is_never_blocked_by_their_own_hold(own_shop: Shop) -> None:
    """woocommerce#67354: the last unit was held by the buyer's own first attempt, and they were told it was gone."""
    lamp = await own_shop.stock("brass-lamp", 1, limit=1)
    async with own_shop.working():
        first = await attempt(own_shop, lamp)
        await first.ask()
        second = await begun_again(first, lamp)
        decision = await second.ask()
        await second.pay()
        assert await second.ended() == "confirmed"

    assert decision.status == "awaiting_payment"
    assert [checkout.row()["status"] for checkout in (first, second)] == ["cancelled", "confirmed"]
    assert own_shop.piles(lamp) == (0, 0, 1)


async def test_both_attempts_are_paid_and_one_is_sold(own_shop: Shop) -> None:
    """woocommerce#67931: a second attempt began while the first was being paid; both were, and stock fell twice.

    The first is a bank's debit that cannot be called back: its money comes after all, and goes back.
    """
    lamp = await own_shop.stock("brass-lamp", 5)
    async with own_shop.working():
        first = await attempt(own_shop, lamp)
        await first.ask()
        await first.pay(DEBIT, told=False)
        second = await begun_again(first, lamp)
        await second.ask()
        await second.pay()
        assert await second.ended() == "confirmed"
        await first.hear(SUCCEEDED)

    first_row, second_row = await first.agreed(), await second.agreed()
    assert (first_row["status"], first_row["payment"]) == ("refunded", "refunded")
    assert (second_row["status"], second_row["payment"]) == ("confirmed", "captured")
    assert own_shop.database.value("SELECT count(*) FROM orders") == 1
    assert own_shop.database.value("SELECT count(*) FROM refund WHERE state = 'done'") == 1
    assert own_shop.piles(lamp) == (4, 0, 1)


async def test_a_webhook_and_a_return_of_the_browser_three_times_each_are_one_order(
    own_shop: Shop,
) -> None:
    """medusa#13301: the webhook and the storefront completed one cart at once: two orders, or an error for both."""
    lamp = await own_shop.stock("brass-lamp", 2)
    async with own_shop.working():
        checkout = await own_shop.open(lamp)
        await checkout.ask()
        await checkout.pay(told=False)
        decisions = [checkout.ask() for _ in range(3)]
        webhooks = [checkout.hear(AUTHORIZED, "evt_once") for _ in range(3)]
        await asyncio.gather(*decisions, *webhooks)
        assert await checkout.ended() == "confirmed"

    assert captures(own_shop, checkout.id) == [("succeeded",)]
    assert own_shop.database.value("SELECT count(*) FROM orders") == 1
    await checkout.agreed()
    assert own_shop.piles(lamp) == (1, 0, 1)


async def test_a_first_attempt_paid_after_the_second_was_sold_gives_its_money_back(
    own_shop: Shop,
) -> None:
    """woocommerce#67931: the first payment was still pending when the second attempt had been sold.

    Here the first lapsed unpaid while nobody could void it, and its customer pays it all the same.
    """
    lamp = await own_shop.stock("brass-lamp", 1)
    async with own_shop.working():
        first = await own_shop.open(lamp)
        await first.ask()
        await first.handle.terminate("lost")
        await expire(own_shop, first.id)
        second = await own_shop.open(lamp)
        await second.ask()
        await second.pay()
        assert await second.ended() == "confirmed"
        await first.pay(told=False)
        await first.hear(AUTHORIZED)
        late = own_shop.client.get_workflow_handle(late_payment_workflow_id(await first.intent()))
        assert await late.result() == "expired"

    assert (await first.agreed())["payment"] == "voided"
    assert own_shop.piles(lamp) == (0, 0, 1)
