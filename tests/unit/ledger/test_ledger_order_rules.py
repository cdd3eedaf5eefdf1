"""What happens to an order after the sale: it is sent, or taken back before that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkouts import OrderState, PaymentOperationKind, PaymentState, Status
from ledger.commands import Quantity
from ledger.documents.values import DocumentState, OrderLine, order_state
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH, NOON, RUG, do
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    kinds,
    piles,
    refused,
    research,
    ship,
    sold,
    take_back,
    told_in_turn,
)

NOTHING = replace(ship(), lines=())
REFUND = PaymentOperationKind.REFUND


def line(shop: World, location: str = BERLIN) -> OrderLine:
    """Give Ada's line of lamps from a location."""
    return shop.order_lines[ADA, LAMP, location]


def standing(shop: World) -> OrderState:
    """Say where Ada's order stands."""
    return shop.checkouts[ADA].order_state


def test_a_confirmed_order_is_owed_its_lines() -> None:
    """One for each place that serves it."""
    shop = sold(3, in_munich=2)
    assert (line(shop).quantity, line(shop, MUNICH).quantity) == (3, 2)
    assert line(shop).to_ship == 3
    assert standing(shop) is OrderState.PLACED


def test_an_order_is_sent_in_parts() -> None:
    """Sold → shipped, and the state follows the units."""
    shop = sold(3)
    before = len(shop.movements)
    (answer,) = told_in_turn(shop, ship(2))
    assert answer == {
        "shipment_id": "S1",
        "order_id": ADA,
        "location": BERLIN,
        "status": "applied",
        "lines": [{"sku": LAMP, "quantity": 2}],
    }
    assert (standing(shop), piles(shop)) == (OrderState.PARTLY_SHIPPED, {"sold": 1, "shipped": 2})
    told_in_turn(shop, ship(shipment="S2"))
    assert (standing(shop), piles(shop)) == (OrderState.SHIPPED, {"shipped": 3})
    assert kinds(shop, before) == ["ship", "ship"]
    assert (line(shop).shipped, line(shop).to_ship, line(shop).outside) == (3, 0, 3)


def test_each_place_sends_what_it_serves() -> None:
    """Until the last has sent, the order is partly sent."""
    shop = sold(1, in_munich=2)
    told_in_turn(shop, ship(2, location=MUNICH))
    assert standing(shop) is OrderState.PARTLY_SHIPPED
    told_in_turn(shop, ship(1, shipment="S2"))
    assert standing(shop) is OrderState.SHIPPED
    assert (piles(shop), piles(shop, location=MUNICH)) == ({"shipped": 1}, {"shipped": 2})


def test_lines_of_one_sku_are_sent_as_one() -> None:
    """Summed before anything is checked."""
    shop = sold(3)
    one = Quantity(sku=LAMP, quantity=1)
    before = len(shop.movements)
    do(shop, replace(ship(), lines=(one, one)))
    assert [movement.quantity for movement in shop.movements[before:]] == [2]
    assert refused(shop, replace(ship(), lines=(one, one))) == "more-than-sold"


def test_a_shipment_keeps_its_own_time_and_id() -> None:
    """For whoever asks what was sent when."""
    shop = sold(1)
    do(shop, ship(occurred_at=NOON.replace(hour=7)))
    movement = shop.movements[-1]
    assert (movement.occurred_at.hour, movement.cause.kind, movement.cause.id) == (
        7,
        "shipment",
        "S1",
    )
    document = shop.documents["shipment", "S1"]
    assert (document.state, document.refers_to, document.body) == (DocumentState.APPLIED, ADA, None)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (replace(NOTHING, location="NOWHERE"), "nothing-wanted"),
        (ship(0, location="NOWHERE"), "nothing-wanted"),
        (ship(-1), "nothing-wanted"),
        (ship(9, location="NOWHERE"), "unknown-location"),
        (ship(4), "more-than-sold"),
        (ship(1, location=MUNICH), "more-than-sold"),
        (ship(1, RUG), "more-than-sold"),
        (ship(1, "no-such"), "more-than-sold"),
    ],
)
def test_a_shipment_is_refused_in_order(command: object, code: str) -> None:
    """The first reason of several is told."""
    assert refused(sold(3), command) == code  # type: ignore[arg-type]


def test_a_shipment_is_all_or_nothing() -> None:
    """One line too many, and none is sent."""
    lines = (Quantity(sku=LAMP, quantity=1), Quantity(sku=RUG, quantity=1))
    assert refused(sold(3), replace(ship(), lines=lines)) == "more-than-sold"


def test_a_cancelled_order_is_not_sent() -> None:
    """Whatever the shipment says of units."""
    shop = sold(1)
    told_in_turn(shop, cast.cancel_order())
    assert refused(shop, ship(9)) == "order-cancelled"
    assert refused(shop, ship(9, location="NOWHERE")) == "unknown-location"
    assert refused(shop, take_back(9)) == "order-cancelled"


@pytest.mark.parametrize(
    "until", [[], cast.commands_to_hold(), cast.commands_to_capture()], ids=len
)
def test_a_shipment_waits_for_its_order(until: list[object]) -> None:
    """No checkout, a hold, money taken: none of them is an order."""
    shop = a_warehouse()
    for command in until:
        do(shop, command)  # type: ignore[arg-type]
    stock = dict(shop.stock)
    change = do(shop, ship())
    assert change.waiting
    assert change.answer == {"status": "waiting", "shipment_id": "S1", "waits_for": ADA}
    assert shop.stock == stock
    document = shop.documents["shipment", "S1"]
    assert document.state is DocumentState.WAITING
    assert document.body is not None
    assert document.body["order_id"] == ADA


def test_what_was_not_found_is_not_sent() -> None:
    """Short units are no longer owed, and what is left of the order is all of it."""
    shop = sold(3)
    told_in_turn(shop, research(1, order=ADA))
    assert refused(shop, ship(3)) == "more-than-sold"
    told_in_turn(shop, ship(2))
    assert standing(shop) is OrderState.SHIPPED
    assert piles(shop) == {"shipped": 2, "researching": 1}


def test_a_paid_order_is_taken_back_before_it_leaves() -> None:
    """Its units are for sale again, its money is owed."""
    shop = sold(2, in_munich=1)
    (answer,) = told_in_turn(shop, cast.cancel_order())
    assert answer == {"order_id": ADA, "status": "refund_pending"}
    assert (piles(shop), piles(shop, location=MUNICH)) == ({"sellable": 2}, {"sellable": 1})
    checkout = shop.checkouts[ADA]
    assert (checkout.status, checkout.order_state) == (Status.REFUND_PENDING, OrderState.CANCELLED)


def test_a_short_order_gives_back_what_is_left() -> None:
    """What is being looked for stays where it is."""
    shop = sold(3)
    told_in_turn(shop, research(1, order=ADA), cast.cancel_order())
    assert piles(shop) == {"sellable": 2, "researching": 1}


def test_an_order_of_which_nothing_was_found_is_cancelled_without_a_movement() -> None:
    """There is nothing to give back but the money."""
    shop = sold(2)
    told_in_turn(shop, research(2, order=ADA))
    before = len(shop.movements)
    told_in_turn(shop, cast.cancel_order())
    assert kinds(shop, before) == []
    assert standing(shop) is OrderState.CANCELLED


def test_cancelling_is_refused_in_order() -> None:
    """No checkout, no order, one that has left, one that is cancelled, one that is being paid back."""
    assert refused(a_warehouse(), cast.cancel_order()) == "unknown-checkout"
    held = a_warehouse()
    told_in_turn(held, *cast.commands_to_hold())
    assert refused(held, cast.cancel_order()) == "no-order"
    shop = sold(2)
    told_in_turn(shop, ship(1))
    assert refused(shop, cast.cancel_order()) == "already-shipped"
    told_in_turn(shop, take_back(1))
    assert refused(shop, cast.cancel_order()) == "already-shipped"
    told_in_turn(gone := sold(1), cast.cancel_order())
    assert refused(gone, cast.cancel_order()) == "no-order"
    unpaid = sold(1)
    unpaid.checkouts[ADA] = replace(
        unpaid.checkouts[ADA], payment_state=PaymentState.UNKNOWN, order_state=OrderState.PLACED
    )
    assert refused(unpaid, cast.cancel_order()) == "payment-not-captured"


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([(3, 0, 0, 0)], OrderState.PLACED),
        ([(3, 0, 0, 1)], OrderState.PLACED),
        ([(3, 0, 0, 3)], OrderState.PLACED),
        ([(3, 1, 0, 0)], OrderState.PARTLY_SHIPPED),
        ([(3, 3, 0, 0), (1, 0, 0, 0)], OrderState.PARTLY_SHIPPED),
        ([(3, 2, 0, 1)], OrderState.SHIPPED),
        ([(3, 3, 0, 0), (1, 0, 0, 1)], OrderState.SHIPPED),
        ([(3, 1, 1, 0)], OrderState.PARTLY_RETURNED),
        ([(3, 3, 2, 0)], OrderState.PARTLY_RETURNED),
        ([(3, 3, 3, 0), (1, 1, 0, 0)], OrderState.PARTLY_RETURNED),
        ([(3, 3, 3, 0)], OrderState.RETURNED),
        ([(3, 1, 1, 2)], OrderState.RETURNED),
    ],
)
def test_an_order_stands_where_its_units_are(
    lines: list[tuple[int, int, int, int]], state: OrderState
) -> None:
    """Of quantity, shipped, returned and short units a line."""
    all_lines = [
        OrderLine(
            order_id=ADA,
            sku=LAMP,
            location=f"L{n}",
            quantity=quantity,
            shipped=shipped,
            returned=returned,
            short=short,
        )
        for n, (quantity, shipped, returned, short) in enumerate(lines)
    ]
    assert order_state(all_lines) is state
