"""How checkouts end, each told by a worker that remembers and by one that replays at every step."""

from __future__ import annotations

import pytest

from tests.workflows.shop import FAILED, SUCCEEDED, Forward, Shop, eventually
from workflows.messages import Decision
from workflows.steps import Step

TTL_SECONDS = 900


async def test_a_paid_lamp_is_sold(any_shop: Shop) -> None:
    """The straight way: one capture, one order."""
    lamp = await any_shop.stock("brass-lamp", 3)
    checkout = await any_shop.open(lamp, 2)

    decision = await checkout.ask()
    await checkout.pay()

    assert decision == Decision(status="awaiting_payment")
    assert await checkout.ended() == "confirmed"
    assert await checkout.agreed() == {
        "status": "confirmed",
        "reason": "",
        "reservation": "confirmed",
        "payment": "captured",
        "order": "placed",
    }
    assert any_shop.piles(lamp) == (1, 0, 2)
    assert checkout.steps() == [
        "reserve_stock",
        "request_payment",
        "accept_payment",
        "capture_payment",
        "confirm_order",
    ]


async def test_a_declined_card_gives_the_lamp_back(any_shop: Shop) -> None:
    """One attempt is all there is by default."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp)

    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")

    assert await checkout.ended() == "declined"
    row = await checkout.agreed()
    assert (row["reason"], row["reservation"], row["payment"]) == (
        "payment-declined",
        "released",
        "voided",
    )
    assert any_shop.piles(lamp) == (1, 0, 0)


async def test_a_second_card_may_pay_where_the_shop_allows_it(any_shop: Shop) -> None:
    """A decline is counted by its event, so the same event twice is one."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp, payment_attempts=2)

    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined", told=False)
    first = await checkout.hear(FAILED)
    await checkout.hear(FAILED, first)
    await checkout.pay("pm_card_visa")

    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_the_last_allowed_decline_ends_it(any_shop: Shop) -> None:
    """Two attempts, two declines."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp, payment_attempts=2)

    await checkout.ask()
    await checkout.pay("pm_card_chargeDeclined")
    await checkout.pay("pm_card_visa_chargeDeclinedInsufficientFunds")

    assert await checkout.ended() == "declined"
    await checkout.agreed()


async def test_out_of_stock_is_an_answer_and_not_an_error(any_shop: Shop) -> None:
    """Nothing was taken, so nothing is asked of the provider."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp, 2)

    decision = await checkout.ask()

    assert decision == Decision(status="out_of_stock")
    assert await checkout.ended() == "out_of_stock"
    assert (await checkout.agreed())["payment"] == "none"
    assert checkout.steps() == ["reserve_stock"]
    assert any_shop.piles(lamp) == (1, 0, 0)


async def test_a_customer_gets_no_more_than_the_limit(any_shop: Shop) -> None:
    """Counted over all checkouts of the customer that hold or bought."""
    lamp = await any_shop.stock("brass-lamp", 5, limit=2)
    first = await any_shop.open(lamp, 2, customer="ada")
    second = await any_shop.open(lamp, 1, customer="ada")
    other = await any_shop.open(lamp, 1, customer="bob")

    await first.ask()
    decisions = [await second.ask(), await other.ask()]
    await first.cancel()
    await other.cancel()

    assert [decision.status for decision in decisions] == ["limit_exceeded", "awaiting_payment"]
    assert await second.ended() == "limit_exceeded"
    await second.agreed()


async def test_an_unpaid_checkout_expires(any_shop: Shop, forward: Forward) -> None:
    """And no sooner than its TTL."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp, ttl_seconds=TTL_SECONDS)

    await checkout.ask()
    assert await forward(checkout, TTL_SECONDS - 5)
    before = checkout.row()["status"]
    await forward(checkout, 10)

    assert before == "awaiting_payment"
    assert await checkout.ended() == "expired"
    row = await checkout.agreed()
    assert (row["reason"], row["reservation"], row["payment"]) == ("ttl", "expired", "voided")
    assert any_shop.piles(lamp) == (1, 0, 0)


async def test_a_payment_just_before_the_end_of_the_ttl_counts(
    any_shop: Shop, forward: Forward
) -> None:
    """From the fence on no timer can take the stock."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp, ttl_seconds=TTL_SECONDS)

    await checkout.ask()
    assert await forward(checkout, TTL_SECONDS - 5)
    await checkout.pay()

    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_a_payment_nobody_told_us_of_is_sold_when_the_ttl_is_over(
    any_shop: Shop, forward: Forward
) -> None:
    """Its webhook was lost, and the stock is still there: a new reservation, born committing."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp)

    await checkout.ask()
    await checkout.pay(told=False)
    await forward(checkout, TTL_SECONDS + 1)

    assert await checkout.ended() == "confirmed"
    row = await checkout.agreed()
    assert (row["payment"], row["reason"]) == ("captured", "late-payment")
    assert checkout.reservations() == [("1", "expired"), ("2", "confirmed")]
    assert any_shop.piles(lamp) == (0, 0, 1)


@pytest.mark.parametrize(
    ("method", "payment"), [("pm_card_visa", "voided"), ("pm_usBankAccount_success", "refunded")]
)
async def test_a_payment_that_came_late_is_given_back_where_the_stock_is_gone(
    any_shop: Shop, forward: Forward, method: str, payment: str
) -> None:
    """Somebody else bought it between the end of the hold and the look at the money."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp)
    await checkout.ask()
    await checkout.pay(method, told=False)
    if payment == "refunded":
        await eventually(lambda: any_shop.shows(checkout, "captured"))
    late = any_shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    await forward(checkout, TTL_SECONDS + 1)
    await late.reached.wait()

    rival = await any_shop.open(lamp)
    await rival.ask()
    await rival.pay()
    assert await rival.ended() == "confirmed"
    late.let_go.set()

    assert await checkout.ended() == ("expired" if payment == "voided" else "refunded")
    assert (await checkout.agreed())["payment"] == payment
    assert checkout.reservations() == [("1", "expired")]
    assert any_shop.piles(lamp) == (0, 0, 1)


async def test_a_bank_debit_that_came_in_time_is_sold(any_shop: Shop) -> None:
    """A method without authorization: captured already when we look."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp)

    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: any_shop.shows(checkout, "captured"))
    await checkout.hear(SUCCEEDED)

    assert await checkout.ended() == "confirmed"
    await checkout.agreed()


async def test_a_bank_debit_that_came_too_late_is_given_back(any_shop: Shop) -> None:
    """What is captured cannot be voided; it is refunded."""
    lamp = await any_shop.stock("brass-lamp", 1)
    checkout = await any_shop.open(lamp)

    await checkout.ask()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: any_shop.shows(checkout, "captured"))
    answer = await checkout.cancel()

    assert await checkout.ended() == "refunded"
    row = await checkout.agreed()
    assert (row["reservation"], row["payment"]) == ("released", "refunded")
    assert not answer.cancelled
    assert any_shop.piles(lamp) == (1, 0, 0)
