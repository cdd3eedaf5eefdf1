"""What is owed to customers: how it arises, is asked for, fails and is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkouts import PaymentOperationKind, PaymentOperationState, PaymentState, Status
from ledger.commands import (
    Command,
    FailPaymentOperation,
    RecordPayment,
    StartPaymentOperation,
    StartRefund,
)
from ledger.refunds import WHOLE, Refund, RefundState, ShownRefund
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, CAPTURED, PRICE, REFUNDED, do, record, refund, refusal
from tests.unit.ledger.warehouse_cast import inspect, ship, sold, take_back, told_in_turn

DONE, FAILED, PENDING = ShownRefund.SUCCEEDED, ShownRefund.FAILED, ShownRefund.PENDING
REFUND = PaymentOperationKind.REFUND
PART = "inspection-I1"


def start(part: str = WHOLE) -> StartRefund:
    """Ask the provider for it."""
    return StartRefund(actor="workflow", checkout_id=ADA, refund_id=part)


def cancelled() -> World:
    """Give a world in which Ada's order was cancelled."""
    return cast.told([*cast.commands_to_confirm(), cast.cancel_order()])


def returned(units: int = 3, refunded: int = 1) -> World:
    """Give a world in which some of Ada's units came back and were looked at, each sold for PRICE."""
    shop = sold(units)
    total = units * PRICE
    shop.payments[ADA] = replace(
        shop.payments[ADA], amount_minor=total, authorized_minor=total, captured_minor=total
    )
    told_in_turn(shop, ship(units), take_back(units), inspect(units, refund=refunded))
    return shop


def debt(shop: World, part: str = WHOLE) -> Refund:
    """Give a debt."""
    return shop.refunds[ADA, part]


def money(shop: World) -> tuple[PaymentState, int, Status]:
    """Say where the money stands, and the checkout."""
    payment, checkout = shop.payments[ADA], shop.checkouts[ADA]
    assert payment.state is checkout.payment_state
    return payment.state, payment.refunded_minor, checkout.status


# How debts arise


def test_a_cancelled_order_owes_all_of_it() -> None:
    """In the same transaction: nobody has to remember it."""
    assert debt(cancelled()) == Refund(checkout_id=ADA, refund_id=WHOLE, amount_minor=PRICE)


@pytest.mark.parametrize(
    "ending", [cast.expire(), cast.release(), cast.release(ending=Status.DECLINED)]
)
def test_money_that_comes_after_the_end_is_owed(ending: Command) -> None:
    """And while nothing has come, nothing is."""
    shop = cast.told([*cast.commands_to_authorize(), ending])
    assert shop.refunds == {}
    do(shop, record(CAPTURED))
    assert debt(shop).amount_minor == PRICE


def test_an_inspection_owes_what_the_units_were_sold_for() -> None:
    """As many as it grants, and none where it grants none."""
    assert debt(returned(3, refunded=2), PART).amount_minor == 2 * PRICE
    assert returned(3, refunded=0).refunds == {}


def test_no_more_is_owed_than_was_captured() -> None:
    """Whatever the documents say; and the document is booked all the same."""
    shop = sold(3)
    told_in_turn(shop, ship(3), take_back(3), inspect(2, refund=2))
    assert debt(shop, PART).amount_minor == PRICE
    told_in_turn(shop, inspect(1, refund=1, inspection="I2"))
    assert list(shop.refunds) == [(ADA, PART)]


def test_the_rest_is_owed_beside_what_is_owed_already() -> None:
    """Debts add up to what was captured, and never to more."""
    shop = cast.told(cast.commands_to_confirm())
    known = Refund(checkout_id=ADA, refund_id="short-S1", amount_minor=1_000)
    shop.refunds[known.identity] = known
    do(shop, cast.cancel_order())
    assert debt(shop).amount_minor == PRICE - 1_000


def test_an_order_that_is_paid_back_already_owes_nothing_more() -> None:
    """Cancelled, it is refunded at once."""
    shop = cast.told([*cast.commands_to_confirm(), record(REFUNDED)])
    assert do(shop, cast.cancel_order()).answer["status"] == "refunded"
    assert shop.refunds == {}


# Asking


@pytest.mark.parametrize("before", [cast.commands_to_capture(), cast.commands_to_confirm()])
def test_what_is_not_owed_is_not_asked_for(before: list[Command]) -> None:
    """The provider would pay it all the same."""
    assert refusal(cast.told(before), start()).code == "no-refund-owed"


def test_one_key_while_the_outcome_is_open_and_another_after_a_failure() -> None:
    """A provider repeats its first answer to a key, and pays twice for two."""
    shop = cancelled()
    assert do(shop, start()).answer["key"] == f"{ADA}:refund:1"
    assert do(shop, start()).answer["key"] == f"{ADA}:refund:1"
    do(shop, refund(FAILED))
    assert do(shop, start()).answer["key"] == f"{ADA}:refund:2"
    assert do(returned(), start(PART)).answer["key"] == f"{ADA}:refund-{PART}:1"


def test_a_debt_of_before_there_were_debts_is_written_down_when_it_is_asked_for() -> None:
    """A version that only knew the status may have cancelled the order."""
    shop = cancelled()
    shop.refunds.clear()
    assert do(shop, start()).answer["amount_minor"] == PRICE
    assert debt(shop).state is RefundState.REQUESTED


# What comes of it


def test_refunded_is_said_when_the_provider_shows_it_and_not_before() -> None:
    """Not when it was asked for, not while it is pending."""
    shop = cancelled()
    do(shop, start())
    assert money(shop) == (PaymentState.REFUNDING, 0, Status.REFUND_PENDING)
    do(shop, refund(PENDING))
    assert money(shop) == (PaymentState.REFUNDING, 0, Status.REFUND_PENDING)
    assert debt(shop).provider_refund == f"re_{ADA}"
    do(shop, refund(DONE))
    assert money(shop) == (PaymentState.REFUNDED, PRICE, Status.REFUNDED)


def test_the_sum_a_provider_shows_is_not_believed_while_a_refund_is_open() -> None:
    """It counts those that are pending, and these may still fail."""
    shop = cancelled()
    do(shop, start())
    do(shop, record(REFUNDED))
    assert money(shop) == (PaymentState.REFUNDING, 0, Status.REFUND_PENDING)


def test_what_somebody_else_gave_back_is_owed_no_more() -> None:
    """By hand, at the provider, before we asked."""
    shop = cancelled()
    do(shop, record(REFUNDED))
    assert (debt(shop).state, money(shop)[2]) == (RefundState.DONE, Status.REFUNDED)
    assert do(shop, start()).answer["state"] == "done"


def test_a_refund_that_fails_is_owed_again() -> None:
    """With the reason, and what was taken is still with us."""
    shop = cancelled()
    do(shop, start())
    do(shop, refund(FAILED))
    assert money(shop) == (PaymentState.CAPTURED, 0, Status.REFUND_PENDING)
    assert (debt(shop).failures, debt(shop).code) == (1, "expired_or_canceled_card")


def test_a_refund_that_fails_after_it_was_done_is_owed_again() -> None:
    """Days later: the checkout is not refunded any more."""
    shop = cancelled()
    for command in (start(), refund(DONE), refund(FAILED)):
        do(shop, command)
    assert money(shop) == (PaymentState.CAPTURED, 0, Status.REFUND_PENDING)
    for command in (start(), refund(DONE, ordinal=2)):
        do(shop, command)
    assert money(shop) == (PaymentState.REFUNDED, PRICE, Status.REFUNDED)


def test_late_news_of_a_try_that_failed_says_nothing_of_the_next() -> None:
    """A worker that stalled tells of its own try alone: otherwise it would be paid twice."""
    shop = cancelled()
    for command in (start(), refund(FAILED), start(), refund(DONE, ordinal=2)):
        do(shop, command)
    for late in (refund(FAILED), refund(DONE), refund(PENDING), refund(DONE, ordinal=2)):
        do(shop, late)
        assert money(shop) == (PaymentState.REFUNDED, PRICE, Status.REFUNDED)
    assert debt(shop).failures == 1


def test_part_of_an_orders_money_leaves_it_captured() -> None:
    """The order goes on; the payment is being refunded only while somebody is at it."""
    shop = returned(3, refunded=1)
    do(shop, start(PART))
    assert money(shop) == (PaymentState.REFUNDING, 0, Status.CONFIRMED)
    do(shop, refund(DONE, part=PART))
    assert money(shop) == (PaymentState.CAPTURED, PRICE, Status.CONFIRMED)


def test_an_order_of_which_all_came_back_is_refunded_as_an_order() -> None:
    """`refunded` is the money's state there; the checkout stays confirmed."""
    shop = returned(3, refunded=3)
    do(shop, start(PART))
    do(shop, refund(DONE, part=PART))
    assert money(shop) == (PaymentState.REFUNDED, 3 * PRICE, Status.CONFIRMED)


def test_news_of_what_was_never_asked_is_refused() -> None:
    """Refused, so that a slip in a caller is seen."""
    assert refusal(cancelled(), refund(DONE)).code == "unknown-operation"
    assert refusal(cancelled(), refund(DONE, name="co_bob")).code == "unknown-checkout"


def test_a_person_is_asked_once_and_it_is_tried_on() -> None:
    """After so many failures, with what somebody needs to know; money and ids only."""
    shop = cancelled()
    for ordinal in (1, 2, 3):
        assert bool(shop.reviews) is (ordinal > 2)
        do(shop, start())
        do(shop, refund(FAILED, ordinal=ordinal, escalate=2))
    (review,) = shop.reviews.values()
    assert (review.review_id, review.kind) == (f"refund-{ADA}-whole", "refund")
    assert (review.evidence["amount_minor"], review.evidence["failures"]) == (PRICE, 2)
    assert debt(shop).escalated
    assert do(shop, start()).answer["key"] == f"{ADA}:refund:4"


# Nobody else's rules touch a refund


@pytest.mark.parametrize("asked", [[], [start()]], ids=["owed", "requested"])
def test_a_refund_is_never_asked_for_as_an_operation(asked: list[StartRefund]) -> None:
    """Whatever is paid back without its debt would be paid back twice."""
    shop = cancelled()
    for command in asked:
        do(shop, command)
    operation = StartPaymentOperation(actor="workflow", checkout_id=ADA, kind=REFUND)
    assert refusal(shop, operation).code == "not-now"


def test_a_refund_does_not_fail_as_an_operation() -> None:
    """Its debt would go on as requested, and nobody would ask again."""
    shop = cancelled()
    do(shop, start())
    command = FailPaymentOperation(actor="workflow", checkout_id=ADA, kind=REFUND, code="declined")
    assert refusal(shop, command).code == "unknown-operation"


def test_a_refund_is_not_proved_by_a_picture_of_the_payment() -> None:
    """Only what is shown of the refund itself says that it was made."""
    shop = cancelled()
    do(shop, start())
    picture = cast.record(CAPTURED)
    assert isinstance(picture, RecordPayment)
    do(shop, replace(picture, proves=REFUND))
    operation = shop.payment_operations[f"{ADA}:refund:1"]
    assert operation.state is PaymentOperationState.REQUESTED
