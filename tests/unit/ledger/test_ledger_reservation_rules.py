"""A hold is taken once, ended once, and never revived."""

from __future__ import annotations

from collections.abc import Callable
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
from ledger.errors import Broken
from ledger.stock import MovementKind
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import (
    ADA,
    BERLIN,
    LAMP,
    MUNICH,
    NOON,
    PRICE,
    RUG,
    TEAPOT,
    TTL_SECONDS,
    do,
    refusal,
    stock,
    told,
    world,
)

Fault = Callable[[World], object]
ONE_LAMP = (LAMP, BERLIN, 1)


def a_shop(quantity: int = 3) -> World:
    """Put some lamps in Berlin, and have Ada's checkout just opened."""
    shop = world(stock(sellable=quantity))
    shop.checkouts[ADA] = cast.checkout()
    return shop


def with_reservation(
    state: ReservationState, status: Status, *, payment_state: PaymentState = PaymentState.NONE
) -> World:
    """Ada's one lamp is in this state."""
    shop = world(stock(sellable=2, reserved=1))
    shop.reservations[f"{ADA}/1"] = cast.reservation(state, ONE_LAMP)
    shop.checkouts[ADA] = cast.checkout(
        status=status, ordinal=1, reservation_state=state, payment_state=payment_state
    )
    return shop


def spoil_reservation(**fields: object) -> Fault:
    """Change Ada's reservation, if she has one."""

    def spoil(shop: World) -> None:
        for name, row in shop.reservations.items():
            shop.reservations[name] = replace(row, **fields)  # type: ignore[arg-type]

    return spoil


def spoil_checkout(**fields: object) -> Fault:
    """Change Ada's checkout row."""

    def spoil(shop: World) -> None:
        shop.checkouts[ADA] = replace(shop.checkouts[ADA], **fields)  # type: ignore[arg-type]

    return spoil


# Reserve


RESERVE_FAULTS: list[tuple[str, Fault]] = [
    ("unknown-checkout", lambda shop: shop.checkouts.clear()),
    (
        "reservation-released",
        lambda shop: shop.reservations.update(
            {f"{ADA}/1": cast.reservation(ReservationState.RELEASED)}
        ),
    ),
    ("already-cancelled", spoil_checkout(status=Status.CANCELLED)),
    ("unknown-sku", lambda shop: shop.products.pop(RUG)),
    (
        "limit-exceeded",
        lambda shop: (shop.products.update({LAMP: 2}), shop.claimed.update({("ada", LAMP): 1})),
    ),
    (
        "insufficient-stock",
        lambda shop: shop.stock.update({(LAMP, BERLIN): stock(sellable=1)}),
    ),
]


def two_lamps_and_a_rug() -> World:
    """Everything that Ada wants is there."""
    shop = world(stock(sellable=2), stock(RUG, sellable=1))
    shop.checkouts[ADA] = cast.checkout()
    return shop


WANTED = cast.reserve(lines={LAMP: 2, RUG: 1})


@pytest.mark.parametrize("index", range(len(RESERVE_FAULTS)), ids=[c for c, _ in RESERVE_FAULTS])
def test_reserve_refuses_in_its_documented_order(index: int) -> None:
    """The first fault in the list answers, whatever comes behind it."""
    shop = two_lamps_and_a_rug()
    for _, spoil in reversed(RESERVE_FAULTS[index:]):
        spoil(shop)
    assert refusal(shop, WANTED).code == RESERVE_FAULTS[index][0]


def test_reserve_takes_every_line_out_of_sale() -> None:
    """And says until when, by the ledger's clock."""
    shop = two_lamps_and_a_rug()
    change = do(shop, WANTED)
    assert change.answer == {
        "status": "reserving",
        "reservation_id": f"{ADA}/1",
        "state": "held",
        "extension": 0,
        "expires_at": (NOON + timedelta(seconds=TTL_SECONDS)).isoformat(),
        "lines": [
            {"sku": LAMP, "location": BERLIN, "quantity": 2},
            {"sku": RUG, "location": BERLIN, "quantity": 1},
        ],
    }
    assert [(r.sellable, r.reserved) for r in shop.stock.values()] == [(0, 2), (0, 1)]
    assert shop.checkouts[ADA].reservation_state is ReservationState.HELD
    assert shop.checkouts[ADA].status is Status.RESERVING


def test_reserve_tells_the_shortages_of_all_lines() -> None:
    """A customer corrects a cart once, not once a line; nothing of it is held."""
    shop = world(
        stock(sellable=1), stock(LAMP, MUNICH, sellable=1), stock(RUG), stock(TEAPOT, sellable=9)
    )
    shop.checkouts[ADA] = cast.checkout()
    change = do(shop, cast.reserve(lines={LAMP: 5, RUG: 2, TEAPOT: 1}))
    assert change.refusal is not None
    assert change.refusal.facts["shortages"] == [
        {"sku": LAMP, "requested": 5, "available": 2},
        {"sku": RUG, "requested": 2, "available": 0},
    ]
    assert shop.movements == []
    assert shop.reservations == {}
    assert shop.checkouts[ADA].status is Status.OUT_OF_STOCK


def test_two_lines_of_one_sku_are_one_demand() -> None:
    """medusa#16502: six and eight were each checked against the same ten."""
    shop = a_shop(10)
    lines = (Quantity(sku=LAMP, quantity=6), Quantity(sku=LAMP, quantity=8))
    command = Reserve(actor="workflow", reservation_id=f"{ADA}/1", lines=lines)
    assert refusal(shop, command).facts["shortages"] == [
        {"sku": LAMP, "requested": 14, "available": 10}
    ]


@pytest.mark.parametrize(("claimed", "wanted", "fits"), [(0, 2, True), (1, 1, True), (1, 2, False)])
def test_a_limit_counts_what_the_customer_has_elsewhere(
    claimed: int, wanted: int, fits: bool
) -> None:
    """Two lamps a customer, over all of their checkouts; exactly two is allowed."""
    shop = world(stock(sellable=9), limits={LAMP: 2})
    shop.checkouts[ADA] = cast.checkout()
    shop.claimed[("ada", LAMP)] = claimed
    change = do(shop, cast.reserve(lines={LAMP: wanted}))
    assert (change.refusal is None) is fits
    assert shop.checkouts[ADA].status is (Status.RESERVING if fits else Status.LIMIT_EXCEEDED)


def test_a_hold_counts_towards_the_limit_at_once_and_gives_back_when_it_ends() -> None:
    """The commands of one batch see each other."""
    shop = world(stock(sellable=9), limits={LAMP: 2})
    shop.claimed[("ada", LAMP)] = 0
    for name in (ADA, "co_again", "co_later"):
        shop.checkouts[name] = cast.checkout(name, customer_id="ada")
    do(shop, cast.reserve(lines={LAMP: 2}))
    assert refusal(shop, cast.reserve("co_again")).code == "limit-exceeded"
    do(shop, cast.release())
    assert do(shop, cast.reserve("co_later", {LAMP: 2})).refusal is None


@pytest.mark.parametrize("state", [s for s in ReservationState if s is not ReservationState.NONE])
def test_a_reservation_is_never_taken_twice(state: ReservationState) -> None:
    """Whatever became of it, the late reserve is told."""
    shop = a_shop()
    shop.reservations[f"{ADA}/1"] = cast.reservation(state, ONE_LAMP)
    assert refusal(shop, cast.reserve()).code == f"reservation-{state}"


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.RESERVING])
def test_a_checkout_past_its_beginning_takes_no_hold(status: Status) -> None:
    """Only `reserving` waits for one."""
    shop = a_shop()
    spoil_checkout(status=status)(shop)
    assert refusal(shop, cast.reserve()).code == f"already-{status}"


# Release


def test_release_gives_the_units_back_and_ends_the_checkout() -> None:
    """In the words the caller chose."""
    shop = told(cast.commands_to_authorize())
    change = do(shop, cast.release(ending=Status.DECLINED, reason="card_declined"))
    row, checkout = shop.stock[LAMP, BERLIN], shop.checkouts[ADA]
    assert (row.sellable, row.reserved) == (3, 0)
    assert (checkout.status, checkout.reason) == (Status.DECLINED, "card_declined")
    assert (change.answer["state"], change.answer["status"]) == ("released", "declined")


def test_release_before_reserve_writes_a_tombstone() -> None:
    """A late reserve of a cancelled checkout finds it; without it the hold would live on, unowned."""
    shop = a_shop()
    do(shop, cast.release())
    tombstone = shop.reservations[f"{ADA}/1"]
    assert (tombstone.state, tombstone.lines, tombstone.expires_at) == ("released", (), None)
    assert refusal(shop, cast.reserve()).code == "reservation-released"
    assert shop.movements == []


@pytest.mark.parametrize(
    "status", [Status.OUT_OF_STOCK, Status.LIMIT_EXCEEDED, Status.CANCELLED, Status.EXPIRED]
)
def test_a_checkout_that_ended_without_a_hold_gets_no_tombstone(status: Status) -> None:
    """Its ending stands."""
    shop = a_shop()
    spoil_checkout(status=status)(shop)
    assert refusal(shop, cast.release()).code == f"already-{status}"


@pytest.mark.parametrize(
    ("state", "compensating", "code"),
    [
        (ReservationState.RELEASED, False, "already-released"),
        (ReservationState.EXPIRED, False, "already-expired"),
        (ReservationState.CONFIRMED, False, "already-confirmed"),
        (ReservationState.COMMITTING, False, "too-late"),
        (ReservationState.EXPIRED, True, "already-expired"),
        (ReservationState.CONFIRMED, True, "already-confirmed"),
    ],
)
def test_release_comes_too_late(state: ReservationState, compensating: bool, code: str) -> None:
    """Whoever was first has won, and past the fence only an undo gives back."""
    shop = with_reservation(state, Status.NEEDS_REVIEW)
    assert refusal(shop, cast.release(compensating=compensating)).code == code


def test_release_of_an_unknown_checkout_is_refused() -> None:
    """There is nothing to hang a tombstone on."""
    assert refusal(world(stock()), cast.release()).code == "unknown-checkout"


def test_an_undo_gives_back_past_the_fence() -> None:
    """Once the capture is proved not to have happened."""
    shop = told(cast.commands_to_fence())
    do(shop, cast.start(PaymentOperationKind.CAPTURE))
    do(shop, cast.fail(PaymentOperationKind.CAPTURE))
    do(shop, cast.release(ending=Status.DECLINED, compensating=True))
    assert shop.stock[LAMP, BERLIN].sellable == 3
    assert shop.checkouts[ADA].status is Status.DECLINED


def test_an_undo_while_the_capture_is_unproved_breaks() -> None:
    """To give stock back while money may be taken is what the table of states forbids."""
    shop = told([*cast.commands_to_fence(), cast.start(PaymentOperationKind.CAPTURE)])
    with pytest.raises(Broken, match="impossible-combination"):
        do(shop, cast.release(ending=Status.DECLINED, compensating=True))
    assert shop.stock[LAMP, BERLIN].reserved == 1


# Expire, fence, confirm


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
    assert refusal(shop, cast.expire(extension=extension)).facts == {"extension": 1}


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
