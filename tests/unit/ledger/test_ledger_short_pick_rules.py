"""What was paid for and not found: looked for, and served from elsewhere or paid back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkouts import (
    OrderState,
    PaymentOperationKind,
    PaymentState,
    ReservationState,
    Status,
)
from ledger.commands import Command, MissingUnits
from ledger.documents.values import DocumentState
from ledger.refunds import WHOLE, Refund, RefundState
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH, NOON, PRICE, RUG, do, stock, world
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    keep_back,
    kinds,
    piles,
    refused,
    research,
    ship,
    short,
    take_back,
    told_in_turn,
)

HAMBURG = "HAM1"
NOTHING = replace(short(), lines=())


def ordered(
    lamps: int = 3, *, spare: int = 0, in_munich: int = 0, in_hamburg: int = 0, rugs: int = 0
) -> World:
    """Give a world with Ada's paid order of lamps (and rugs) in Berlin, and what is for sale beside it."""
    shop = world(
        stock(sellable=lamps),
        stock(location=MUNICH),
        stock(location=HAMBURG),
        stock(RUG, sellable=rugs),
        stock(RUG, MUNICH),
    )
    wanted = {LAMP: lamps, RUG: rugs} if rugs else {LAMP: lamps}
    total = PRICE * sum(wanted.values())
    allowed = cast.Seen(state=PaymentState.AUTHORIZED, authorized=total, amount=total)
    taken = cast.Seen(state=PaymentState.CAPTURED, authorized=total, captured=total, amount=total)
    told_in_turn(
        shop,
        cast.open_checkout(lines=wanted),
        cast.reserve(lines=wanted),
        cast.start(PaymentOperationKind.AUTHORIZE),
        cast.record(allowed, proves=PaymentOperationKind.AUTHORIZE),
        cast.fence(),
        cast.start(PaymentOperationKind.CAPTURE),
        cast.record(taken, proves=PaymentOperationKind.CAPTURE),
        cast.confirm(),
    )
    for place, units in ((BERLIN, spare), (MUNICH, in_munich), (HAMBURG, in_hamburg)):
        if units:
            do(shop, cast.receive(units, location=place, receipt=f"spare-{place}"))
    return shop


def line(shop: World, location: str = BERLIN) -> tuple[int, int, int]:
    """Give of Ada's line of lamps from a location what it is, what is short, and what is still to be sent."""
    found = shop.order_lines[ADA, LAMP, location]
    return found.quantity, found.short, found.to_ship


def standing(shop: World) -> tuple[Status, OrderState]:
    """Say where Ada's checkout and order stand."""
    return shop.checkouts[ADA].status, shop.checkouts[ADA].order_state


def debt(shop: World, name: str = "P1") -> int:
    """Say what a short pick owes."""
    refund = shop.refunds.get((ADA, f"short-{name}"))
    return refund.amount_minor if refund else 0


# What becomes of the units


def test_what_is_nowhere_else_is_looked_for_and_owed() -> None:
    """At the price it was sold for; the rest of the order goes on."""
    shop = ordered(3)
    before = len(shop.movements)
    (answer,) = told_in_turn(shop, short(2))
    assert answer == {
        "short_id": "P1",
        "order_id": ADA,
        "status": "applied",
        "lines": [{"sku": LAMP, "location": BERLIN, "quantity": 2}],
        "replaced": [],
        "refunded": [{"sku": LAMP, "quantity": 2}],
        "refund_minor": 2 * PRICE,
    }
    assert (piles(shop), line(shop)) == ({"sold": 1, "researching": 2}, (3, 2, 1))
    assert kinds(shop, before) == ["research"]
    assert shop.refunds[ADA, "short-P1"] == Refund(
        checkout_id=ADA, refund_id="short-P1", amount_minor=2 * PRICE
    )
    assert standing(shop) == (Status.CONFIRMED, OrderState.PLACED)
    told_in_turn(shop, ship(1))
    assert standing(shop) == (Status.CONFIRMED, OrderState.SHIPPED)


def test_what_lies_elsewhere_is_sold_from_there() -> None:
    """A reservation of the order's own, confirmed as it is made; nothing is owed."""
    shop = ordered(3, in_munich=5)
    before = len(shop.movements)
    (answer,) = told_in_turn(shop, short(2))
    assert answer["replaced"] == [{"sku": LAMP, "location": MUNICH, "quantity": 2}]
    assert (answer["refunded"], answer["refund_minor"], shop.refunds) == ([], 0, {})
    assert (line(shop), line(shop, MUNICH)) == ((3, 2, 1), (2, 0, 2))
    assert piles(shop, location=MUNICH) == {"sellable": 3, "sold": 2}
    assert kinds(shop, before) == ["research", "reserve", "confirm"]
    assert [(m.cause.kind, m.cause.id, m.cause.reason) for m in shop.movements[before:]] == [
        ("short", "P1", "short"),
        *[("reservation", f"{ADA}/2", "short")] * 2,
    ]
    assert {m.cause.operation_key for m in shop.movements[before:]} == {"short/P1"}
    assert (shop.checkouts[ADA].ordinal, shop.reservations[f"{ADA}/2"].state) == (
        2,
        ReservationState.CONFIRMED,
    )
    told_in_turn(shop, ship(1), ship(2, location=MUNICH, shipment="S2"))
    assert standing(shop) == (Status.CONFIRMED, OrderState.SHIPPED)


def test_an_order_with_something_from_elsewhere_to_send_is_not_all_sent() -> None:
    """Whatever was found has left already; what comes instead has not."""
    shop = ordered(3, in_munich=5)
    told_in_turn(shop, ship(2), short(1))
    assert (line(shop), line(shop, MUNICH)) == ((3, 1, 0), (1, 0, 1))
    assert standing(shop) == (Status.CONFIRMED, OrderState.PARTLY_SHIPPED)
    told_in_turn(shop, ship(1, location=MUNICH, shipment="S2"))
    assert standing(shop) == (Status.CONFIRMED, OrderState.SHIPPED)


def test_the_search_began_when_it_is_said_and_the_new_sale_now() -> None:
    """A feed that was read in between knows of the empty shelf, and not of what was sold elsewhere since."""
    shop = ordered(1, in_munich=1)
    earlier = NOON.replace(hour=7)
    do(shop, replace(short(), occurred_at=earlier))
    assert [movement.occurred_at for movement in shop.movements[-3:]] == [earlier, NOON, NOON]


def test_as_many_as_there_are_come_from_elsewhere_and_the_rest_is_owed() -> None:
    """By priority first, and each place gives what may be sold there."""
    shop = ordered(5, in_munich=1, in_hamburg=2)
    (answer,) = told_in_turn(shop, short(5))
    assert answer["replaced"] == [
        {"sku": LAMP, "location": MUNICH, "quantity": 1},
        {"sku": LAMP, "location": HAMBURG, "quantity": 2},
    ]
    assert answer["refunded"] == [{"sku": LAMP, "quantity": 2}]
    assert debt(shop) == 2 * PRICE
    assert standing(shop) == (Status.CONFIRMED, OrderState.PLACED)


def test_what_is_kept_back_or_paused_elsewhere_is_not_taken() -> None:
    """An order that was short is served like any other."""
    shop = ordered(3, in_munich=2, in_hamburg=3)
    told_in_turn(shop, keep_back(1, location=MUNICH), cast.pause(location=HAMBURG), short(3))
    assert (line(shop, MUNICH), debt(shop)) == ((1, 0, 1), 2 * PRICE)
    assert piles(shop, location=HAMBURG) == {"sellable": 3}


def test_the_shelf_that_was_short_does_not_serve_instead() -> None:
    """Whoever picks takes any unit of a sku: one that was not there shows that the others are not either."""
    shop = ordered(2, spare=9)
    told_in_turn(shop, short(1))
    assert (piles(shop), debt(shop)) == ({"sellable": 9, "sold": 1, "researching": 1}, PRICE)


def test_a_replacement_that_is_not_found_goes_on_to_the_next_place() -> None:
    """And never back to where the order was short before."""
    shop = ordered(1, spare=4, in_munich=4, in_hamburg=1)
    told_in_turn(shop, short(), short(location=MUNICH, name="P2"))
    assert (line(shop, MUNICH), line(shop, HAMBURG)) == ((1, 1, 0), (1, 0, 1))
    told_in_turn(shop, short(location=HAMBURG, name="P3"))
    assert debt(shop, "P3") == PRICE
    assert standing(shop) == (Status.REFUND_PENDING, OrderState.CANCELLED)


def test_a_place_that_serves_the_order_already_serves_more_of_it() -> None:
    """Its line grows; each reservation keeps its own."""
    shop = ordered(2, in_munich=3)
    told_in_turn(shop, short(1), short(1, name="P2"))
    assert line(shop, MUNICH) == (2, 0, 2)
    assert [shop.reservations[f"{ADA}/{n}"].lines[0].quantity for n in (1, 2, 3)] == [2, 1, 1]


def test_units_of_several_skus_are_decided_one_by_one() -> None:
    """The lamps are elsewhere, the rug is not."""
    shop = ordered(2, rugs=1, in_munich=2)
    missing = (MissingUnits(sku=RUG, quantity=1), MissingUnits(sku=LAMP, quantity=1))
    (answer,) = told_in_turn(shop, replace(short(), lines=missing))
    assert [found["sku"] for found in answer["replaced"]] == [LAMP]
    assert answer["refunded"] == [{"sku": RUG, "quantity": 1}]
    assert debt(shop) == PRICE


def test_lines_of_one_shelf_are_one() -> None:
    """Summed before anything is checked, and moved at once."""
    shop = ordered(3)
    one = MissingUnits(sku=LAMP, quantity=1, location=BERLIN)
    elsewhere = replace(one, location=None)
    before = len(shop.movements)
    do(shop, replace(short(), lines=(one, elsewhere)))
    assert [movement.quantity for movement in shop.movements[before:]] == [2]
    assert refused(shop, replace(short(name="P2"), lines=(one, elsewhere))) == "more-than-sold"


# What becomes of the order and its money


def test_an_order_of_which_nothing_is_left_is_over() -> None:
    """As if it were cancelled: its money is owed once, and nothing can be sent."""
    shop = ordered(2)
    told_in_turn(shop, short(1), short(1, name="P2"))
    assert standing(shop) == (Status.REFUND_PENDING, OrderState.CANCELLED)
    assert shop.checkouts[ADA].reason == "short"
    assert (debt(shop), debt(shop, "P2")) == (PRICE, PRICE)
    assert (ADA, WHOLE) not in shop.refunds
    assert refused(shop, ship()) == "order-cancelled"
    assert refused(shop, cast.cancel_order()) == "no-order"


def test_what_a_search_by_hand_left_unpaid_is_owed_with_the_end() -> None:
    """All that was captured is owed, whoever found out that it is missing."""
    shop = ordered(3)
    told_in_turn(shop, research(1, order=ADA), short(2))
    assert standing(shop) == (Status.REFUND_PENDING, OrderState.CANCELLED)
    assert (debt(shop), shop.refunds[ADA, WHOLE].amount_minor) == (2 * PRICE, PRICE)


def test_what_was_sent_before_stays_sent() -> None:
    """The rest is short, and so the order is all sent, or all back."""
    shop = ordered(3)
    told_in_turn(shop, ship(2), short(1))
    assert standing(shop) == (Status.CONFIRMED, OrderState.SHIPPED)
    shop = ordered(3)
    told_in_turn(shop, ship(2), take_back(2), short(1))
    assert standing(shop) == (Status.CONFIRMED, OrderState.RETURNED)


def test_a_cancelled_order_gives_back_what_is_left_of_it() -> None:
    """From every place that serves it, and the rest of the money is owed."""
    shop = ordered(3, in_munich=1)
    told_in_turn(shop, short(2), cast.cancel_order())
    assert piles(shop) == {"sellable": 1, "researching": 2}
    assert piles(shop, location=MUNICH) == {"sellable": 1}
    assert (debt(shop), shop.refunds[ADA, WHOLE].amount_minor) == (PRICE, 2 * PRICE)


def test_nothing_is_paid_back_twice_that_somebody_else_gave_back() -> None:
    """The debt is written down as done, for its reason."""
    shop = ordered(2)
    total = 2 * PRICE
    back = cast.Seen(
        state=PaymentState.REFUNDED, authorized=total, captured=total, refunded=total, amount=total
    )
    told_in_turn(shop, cast.record(back), short(1))
    assert shop.refunds[ADA, "short-P1"].state is RefundState.DONE
    told_in_turn(shop, short(1, name="P2"))
    assert standing(shop) == (Status.REFUNDED, OrderState.CANCELLED)


def test_what_was_not_found_counts_no_more_for_a_customers_limit() -> None:
    """And what came instead counts once."""
    shop = ordered(3, in_munich=1)
    shop.products[LAMP] = 3
    shop.claimed["ada", LAMP] = 3
    told_in_turn(shop, short(2))
    assert shop.claimed["ada", LAMP] == 2
    told_in_turn(shop, cast.cancel_order())
    assert shop.claimed["ada", LAMP] == 0


# Refused, and early


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (NOTHING, "nothing-wanted"),
        (short(0, location="NOWHERE"), "nothing-wanted"),
        (short(-1), "nothing-wanted"),
        (short(9, location="NOWHERE"), "unknown-location"),
        (short(4), "more-than-sold"),
        (short(1, location=MUNICH), "more-than-sold"),
        (short(1, RUG), "more-than-sold"),
        (short(1, "no-such"), "more-than-sold"),
        (short(1, "no-such", None), "more-than-sold"),
        (short(4, location=None), "more-than-sold"),
    ],
)
def test_a_short_pick_is_refused_in_order(command: Command, code: str) -> None:
    """The first reason of several is told."""
    assert refused(ordered(3, in_munich=9), command) == code


def test_a_place_must_be_named_where_there_are_several() -> None:
    """Nobody guesses which shelf is empty; said before units are counted."""
    shop = ordered(3, in_munich=1)
    told_in_turn(shop, short(1))
    assert refused(shop, short(9, location=None, name="P2")) == "location-needed"
    told_in_turn(shop, ship(2))
    told_in_turn(shop, short(1, location=None, name="P2"))
    assert line(shop, MUNICH) == (1, 1, 0)


def test_a_short_pick_is_all_or_nothing() -> None:
    """One line too many, and none is looked for."""
    lines = (MissingUnits(sku=LAMP, quantity=1), MissingUnits(sku=RUG, quantity=1))
    assert refused(ordered(3), replace(short(), lines=lines)) == "more-than-sold"


def test_what_has_left_was_found() -> None:
    """A short pick after the shipment, and a shipment after the short pick: the first is believed."""
    shop = ordered(1)
    told_in_turn(shop, ship())
    assert refused(shop, short()) == "more-than-sold"
    shop = ordered(2)
    told_in_turn(shop, short(1))
    assert refused(shop, ship(2)) == "more-than-sold"


def test_a_cancelled_order_is_not_looked_for() -> None:
    """Whatever is said of its units; a place that nobody knows is told first."""
    shop = ordered(1)
    told_in_turn(shop, cast.cancel_order())
    assert refused(shop, short(9)) == "order-cancelled"
    assert refused(shop, short(9, location="NOWHERE")) == "unknown-location"


def test_a_checkout_that_can_never_be_an_order_has_none() -> None:
    """Sold out when it came: no document will ever fit."""
    shop = a_warehouse(0)
    told_in_turn(shop, cast.open_checkout(), cast.reserve())
    assert refused(shop, short()) == "no-order"


@pytest.mark.parametrize(
    "until", [[], cast.commands_to_hold(), cast.commands_to_capture()], ids=len
)
def test_a_short_pick_waits_for_its_order(until: list[Command]) -> None:
    """As a shipment does; another body under its id is refused meanwhile."""
    shop = a_warehouse()
    told_in_turn(shop, *until)
    rows = dict(shop.stock)
    change = do(shop, replace(short(), occurred_at=NOON))
    assert change.waiting
    assert change.answer == {"status": "waiting", "short_id": "P1", "waits_for": ADA}
    assert shop.stock == rows
    document = shop.documents["short", "P1"]
    assert document.state is DocumentState.WAITING
    assert document.body is not None
    assert document.body["order_id"] == ADA
    assert refused(shop, short(2)) == "key-reused"
    assert refused(shop, short(2, location="NOWHERE")) == "key-reused"
    told_in_turn(shop, *cast.commands_to_confirm()[len(until) :])
    told_in_turn(shop, short())
    assert shop.documents["short", "P1"].state is DocumentState.APPLIED
    assert shop.movements[-1].occurred_at == NOON


def test_the_same_units_are_the_same_short_pick() -> None:
    """Whoever tells it and when; in any order of the lines, but not of other places."""
    one = MissingUnits(sku=LAMP, quantity=1, location=BERLIN)
    other = replace(one, location=MUNICH)
    told = replace(short(), lines=(one, other, one))
    again = replace(told, lines=(other, replace(one, quantity=2)), actor="olga", occurred_at=NOON)
    assert told.key == "short/P1"
    assert told.fingerprint() == again.fingerprint()
    nameless = replace(told, lines=(replace(one, location=None), other, one))
    assert told.fingerprint() != nameless.fingerprint()
