"""A hold ends once: expired, fenced and confirmed, whoever comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.checkouts import (
    OrderState,
    PaymentOperationKind,
    PaymentState,
    ReservationState,
    Status,
)
from ledger.commands import Command, Quantity, Reserve
from ledger.stock import MovementKind
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import (
    ADA,
    BERLIN,
    LAMP,
    NOON,
    PRICE,
    TTL_SECONDS,
    do,
    refusal,
    told,
)
from tests.unit.ledger.holds import (
    Fault,
    a_shop,
    spoil_checkout,
    spoil_reservation,
    with_reservation,
)


def held_and(faults: list[tuple[str, Fault]]) -> list[tuple[str, Fault]]:
    """Begin a list of faults with those that every change of a hold shares."""
    return [
        ("unknown-checkout", lambda shop: shop.checkouts.clear()),
        ("unknown-reservation", lambda shop: shop.reservations.clear()),
        *faults,
    ]


NOT_HELD = ("not-held", spoil_reservation(state=ReservationState.CONFIRMED))
ORDERS: dict[str, tuple[list[Command], Command, list[tuple[str, Fault]]]] = {
    "expire": (
        cast.commands_to_hold(),
        cast.expire(),
        held_and([NOT_HELD, ("extended", spoil_reservation(extension=1))]),
    ),
    "fence": (
        cast.commands_to_authorize(),
        cast.fence(),
        held_and(
            [
                NOT_HELD,
                (
                    "payment-not-authorized",
                    spoil_checkout(payment_state=PaymentState.REQUIRES_PAYMENT),
                ),
            ]
        ),
    ),
    "confirm": (
        cast.commands_to_capture(),
        cast.confirm(),
        held_and(
            [
                ("not-committing", spoil_reservation(state=ReservationState.HELD)),
                ("payment-not-captured", spoil_checkout(payment_state=PaymentState.CAPTURING)),
            ]
        ),
    ),
}


@pytest.mark.parametrize(
    ("verb", "index"),
    [(verb, index) for verb, (_, _, faults) in ORDERS.items() for index in range(len(faults))],
)
def test_a_hold_refuses_in_its_documented_order(verb: str, index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    before, command, faults = ORDERS[verb]
    shop = told(before)
    for _, spoil in reversed(faults[index:]):
        spoil(shop)
    assert refusal(shop, command).code == faults[index][0]


def test_expiry_gives_back_what_nobody_paid_for() -> None:
    """The reaper names the extension it saw."""
    shop = told(cast.commands_to_authorize())
    change = do(shop, cast.expire())
    row, checkout = shop.stock[LAMP, BERLIN], shop.checkouts[ADA]
    assert (row.sellable, row.reserved, checkout.status) == (3, 0, Status.EXPIRED)
    assert checkout.reservation_state is ReservationState.EXPIRED
    assert change.answer["status"] == "expired"
    assert shop.movements[-1].kind is MovementKind.EXPIRE


def test_expiry_does_not_look_at_a_clock() -> None:
    """Time triggers, state decides: an early reaper is the reaper's fault, seen in the record."""
    shop = told(cast.commands_to_hold())
    shop.now = NOON - timedelta(hours=1)
    assert do(shop, cast.expire()).answer["state"] == "expired"


@pytest.mark.parametrize("extension", [0, 2])
def test_expiry_that_knew_another_extension_is_refused(extension: int) -> None:
    """The hold is longer, or another one, than the caller knew."""
    shop = told(cast.commands_to_hold())
    spoil_reservation(extension=1)(shop)
    refused = refusal(shop, cast.expire(extension=extension))
    assert refused.facts == {"extension": 1, "seconds_left": TTL_SECONDS}


@pytest.mark.parametrize(
    "state",
    [s for s in ReservationState if s not in (ReservationState.NONE, ReservationState.HELD)],
)
def test_only_a_held_reservation_expires_or_is_fenced(state: ReservationState) -> None:
    """Past the fence no timer can take the stock."""
    shop = with_reservation(state, Status.NEEDS_REVIEW, payment_state=PaymentState.AUTHORIZED)
    assert refusal(shop, cast.expire()).facts == {"state": state}
    assert refusal(shop, cast.fence()).facts == {"state": state}


def test_the_fence_moves_no_unit() -> None:
    """It commits the hold to the sale, and nothing else."""
    shop = told(cast.commands_to_authorize())
    before = len(shop.movements)
    change = do(shop, cast.fence())
    assert change.answer["state"] == "committing"
    assert shop.checkouts[ADA].status is Status.COMMITTING
    assert len(shop.movements) == before


@pytest.mark.parametrize("payment", PaymentState)
def test_the_fence_wants_the_money_within_reach(payment: PaymentState) -> None:
    """Authorized, or captured already where a method knows no authorization."""
    shop = with_reservation(ReservationState.HELD, Status.AWAITING_PAYMENT, payment_state=payment)
    if payment in (PaymentState.AUTHORIZED, PaymentState.CAPTURED):
        assert do(shop, cast.fence()).answer["state"] == "committing"
    else:
        assert refusal(shop, cast.fence()).code == "payment-not-authorized"


@pytest.mark.parametrize("payment", PaymentState)
def test_an_order_is_placed_only_for_captured_money(payment: PaymentState) -> None:
    """Not for an authorization, and not for a capture whose outcome is unknown."""
    shop = with_reservation(ReservationState.COMMITTING, Status.COMMITTING, payment_state=payment)
    if payment is PaymentState.CAPTURED:
        assert do(shop, cast.confirm()).answer["status"] == "confirmed"
    else:
        assert refusal(shop, cast.confirm()).code == "payment-not-captured"


def test_a_confirmed_lamp_is_sold_and_still_on_the_shelf() -> None:
    """Stock leaves on hand at confirm, physically at ship."""
    shop = told(cast.commands_to_confirm())
    row, checkout = shop.stock[LAMP, BERLIN], shop.checkouts[ADA]
    assert (row.sellable, row.reserved, row.sold, row.on_hand) == (2, 0, 1, 2)
    assert (checkout.status, checkout.order_state) == (Status.CONFIRMED, OrderState.PLACED)


# Money that came before the fence


def captured_before_the_fence() -> World:
    """Pay by a method without authorization: the contract lets `awaiting_payment` be captured."""
    shop = told([*cast.commands_to_hold(), cast.start(PaymentOperationKind.AUTHORIZE)])
    do(shop, cast.record(cast.Seen(state=PaymentState.CAPTURED, captured=PRICE)))
    assert shop.checkouts[ADA].status is Status.AWAITING_PAYMENT
    return shop


def test_a_hold_whose_payment_was_captured_can_still_expire() -> None:
    """Expired and captured is a late payment: the units go back and the money is owed."""
    shop = captured_before_the_fence()
    do(shop, cast.expire())
    assert shop.stock[LAMP, BERLIN].sellable == 3
    assert shop.checkouts[ADA].status is Status.REFUND_PENDING


def test_a_hold_whose_payment_was_captured_can_still_be_cancelled() -> None:
    """Before the fence a cancel is always heard; what was taken is given back."""
    shop = captured_before_the_fence()
    do(shop, cast.release())
    assert shop.checkouts[ADA].status is Status.REFUND_PENDING


def test_one_checkout_does_not_hold_twice() -> None:
    """A second reservation is for stock acquired again after the first has ended."""
    shop = told(cast.commands_to_hold())
    second = replace(cast.reserve(), reservation_id=f"{ADA}/2")
    assert refusal(shop, second).code == "not-the-first"


def test_a_tombstone_is_not_written_beside_a_living_hold() -> None:
    """The checkout would be over, and its stock still kept without a living reason."""
    shop = told(cast.commands_to_hold())
    refusal(shop, replace(cast.release(), reservation_id=f"{ADA}/2"))


@pytest.mark.parametrize("lines", [(), (Quantity(sku=LAMP, quantity=0),)])
def test_nothing_cannot_be_held(lines: tuple[Quantity, ...]) -> None:
    """A hold without lines looks like a tombstone that never ends."""
    refusal(a_shop(), Reserve(actor="workflow", reservation_id=f"{ADA}/1", lines=lines))
