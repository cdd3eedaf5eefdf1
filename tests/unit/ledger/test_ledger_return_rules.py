"""What comes back: from where it was sent or elsewhere, looked at, and put on sale or aside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkouts import OrderState
from ledger.commands import Command, InspectedUnits, Quantity
from ledger.documents.values import ReturnLine
from ledger.rules.stock import LOCATION_DISABLED
from ledger.stock import Pile, total_of
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH, RUG, do
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    inspect,
    kinds,
    piles,
    refused,
    research,
    ship,
    sold,
    take_back,
    told_in_turn,
)

HAMBURG = "HAM1"


def sent(lamps: int = 3, *, in_munich: int = 0) -> World:
    """Make a world in which all of an order has been sent."""
    shop = sold(lamps, in_munich=in_munich)
    told_in_turn(shop, ship(lamps))
    if in_munich:
        told_in_turn(shop, ship(in_munich, location=MUNICH, shipment="S2"))
    return shop


def returned(quantity: int = 3) -> World:
    """Make a world in which lamps came back to Berlin."""
    shop = sent(quantity)
    told_in_turn(shop, take_back(quantity))
    return shop


def test_units_come_back_to_where_they_were_sent_from() -> None:
    """Shipped → returned, not for sale before somebody has looked."""
    shop = sent(3)
    before = len(shop.movements)
    (answer,) = told_in_turn(shop, take_back(2))
    assert answer == {
        "return_id": "R1",
        "order_id": ADA,
        "location": BERLIN,
        "status": "applied",
        "lines": [{"sku": LAMP, "quantity": 2}],
    }
    assert (piles(shop), kinds(shop, before)) == ({"shipped": 1, "returned": 2}, ["return"])
    assert shop.checkouts[ADA].order_state is OrderState.PARTLY_RETURNED
    assert shop.returns["R1"].location == BERLIN
    assert shop.return_lines["R1", LAMP] == ReturnLine(return_id="R1", sku=LAMP, quantity=2)
    told_in_turn(shop, take_back(1, name="R2"))
    assert shop.checkouts[ADA].order_state is OrderState.RETURNED


def test_units_come_back_elsewhere_through_transit() -> None:
    """They leave where they were shipped from and arrive where they are, in one step."""
    shop = sent(3)
    before = len(shop.movements)
    told_in_turn(shop, take_back(2, location=MUNICH))
    assert piles(shop) == {"shipped": 1, "transit": 2}
    assert piles(shop, location=MUNICH) == {"returned": 2, "transit": -2}
    assert kinds(shop, before) == ["transfer", "transfer"]
    leaving, arriving = shop.movements[before:]
    assert total_of(leaving.kind, leaving.target) is None
    assert total_of(arriving.kind, arriving.target) == "returned"


def test_a_place_takes_its_own_units_back_first() -> None:
    """And then those of others, by name."""
    shop = sent(2, in_munich=3)
    before = len(shop.movements)
    told_in_turn(shop, take_back(4, location=MUNICH))
    assert kinds(shop, before) == ["transfer", "return", "transfer"]
    assert piles(shop) == {"shipped": 1, "transit": 1}
    assert piles(shop, location=MUNICH) == {"returned": 4, "transit": -1}
    lines = {place: shop.order_lines[ADA, LAMP, place].returned for place in (BERLIN, MUNICH)}
    assert lines == {BERLIN: 1, MUNICH: 3}


def test_units_of_several_places_come_back_to_a_third() -> None:
    """One arrival of all of them, and its row is paused as its place is."""
    shop = sent(2, in_munich=3)
    third = cast.world(cast.stock(location=HAMBURG), disabled=HAMBURG)
    shop.stock |= third.stock
    shop.locations |= third.locations
    before = len(shop.movements)
    told_in_turn(shop, take_back(4, location=HAMBURG))
    assert piles(shop, location=HAMBURG) == {"returned": 4, "transit": -4}
    assert (piles(shop)["transit"], piles(shop, location=MUNICH)["transit"]) == (2, 2)
    assert kinds(shop, before) == ["transfer", "transfer", "pause", "transfer"]
    assert shop.stock[LAMP, HAMBURG].paused == (LOCATION_DISABLED,)


def test_a_return_waits_for_its_shipment() -> None:
    """Not all of it has been sent: none of it is taken, and all of it later."""
    shop = sold(3)
    told_in_turn(shop, ship(1))
    change = do(shop, take_back(2))
    assert (change.waiting, change.moves) == (True, ())
    assert change.answer == {"status": "waiting", "return_id": "R1", "waits_for": ADA}
    told_in_turn(shop, ship(2, shipment="S2"))
    assert not do(shop, take_back(2)).waiting
    assert piles(shop) == {"shipped": 1, "returned": 2}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (replace(take_back(location="NOWHERE"), lines=()), "nothing-wanted"),
        (take_back(0), "nothing-wanted"),
        (take_back(9, location="NOWHERE"), "unknown-location"),
        (take_back(4), "more-than-shipped"),
        (take_back(1, RUG), "more-than-shipped"),
        (
            replace(
                take_back(),
                lines=(Quantity(sku=LAMP, quantity=3), Quantity(sku=RUG, quantity=1)),
            ),
            "more-than-shipped",
        ),
    ],
)
@pytest.mark.parametrize("shipped", [0, 3])
def test_a_return_is_refused_in_order(command: Command, code: str, shipped: int) -> None:
    """Also before anything is shipped: what can never have been sent does not wait."""
    shop = sold(3)
    if shipped:
        told_in_turn(shop, ship(shipped))
    assert refused(shop, command) == code


def test_short_units_never_come_back() -> None:
    """They never left."""
    shop = sold(3)
    told_in_turn(shop, research(1, order=ADA))
    assert refused(shop, take_back(3)) == "more-than-shipped"
    assert do(shop, take_back(2)).waiting


def test_nothing_comes_back_twice() -> None:
    """A second return of the same units is refused, though its id is another."""
    assert refused(returned(3), take_back(1, name="R2")) == "more-than-shipped"


def test_returned_units_are_put_on_sale_or_aside() -> None:
    """And the inspection says how many are paid back."""
    shop = returned(3)
    before = len(shop.movements)
    (answer,) = told_in_turn(shop, inspect(2, 1, refund=2))
    assert answer == {
        "inspection_id": "I1",
        "return_id": "R1",
        "order_id": ADA,
        "location": BERLIN,
        "status": "applied",
        "lines": [{"sku": LAMP, "restock": 2, "damaged": 1, "refund": 2}],
    }
    assert (piles(shop), kinds(shop, before)) == (
        {"sellable": 2, "damaged": 1},
        ["restock", "damage"],
    )
    line = shop.return_lines["R1", LAMP]
    assert (line.restocked, line.damaged, line.refunded, line.to_inspect) == (2, 1, 2, 0)
    found = shop.inspection_lines["I1", LAMP]
    assert (found.restocked, found.damaged, found.refunded) == (2, 1, 2)


def test_a_return_is_looked_at_in_parts() -> None:
    """Each inspection of its own id, until nothing is left."""
    shop = returned(3)
    told_in_turn(shop, inspect(1), inspect(0, 1, inspection="I2"))
    assert refused(shop, inspect(2, inspection="I3")) == "more-than-returned"
    told_in_turn(shop, inspect(1, inspection="I3"))
    assert piles(shop) == {"sellable": 2, "damaged": 1}


def test_an_inspection_waits_for_its_return() -> None:
    """Whatever it says."""
    shop = sent(1)
    change = do(shop, inspect(9))
    assert (change.waiting, change.moves) == (True, ())
    assert change.answer == {"status": "waiting", "inspection_id": "I1", "waits_for": "R1"}


UNKNOWN_RETURN = inspect(9, returned="R9")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (replace(UNKNOWN_RETURN, lines=()), "nothing-wanted"),
        (inspect(0, 0, returned="R9"), "nothing-wanted"),
        (inspect(-1, 2, refund=0), "nothing-wanted"),
        (inspect(2, -1, refund=0), "nothing-wanted"),
        (inspect(1, refund=-1), "nothing-wanted"),
        (inspect(1, refund=2, returned="R9"), "refund-exceeds-inspected"),
        (inspect(3, 1), "more-than-returned"),
        (inspect(1, sku=RUG), "more-than-returned"),
    ],
)
def test_an_inspection_is_refused_in_order(command: Command, code: str) -> None:
    """The first reason of several is told."""
    assert refused(returned(3), command) == code


def test_a_negative_line_is_not_hidden_by_another_of_its_sku() -> None:
    """Three and minus two are not one."""
    lines = (InspectedUnits(sku=LAMP, restock=3), InspectedUnits(sku=LAMP, restock=-2))
    assert refused(returned(3), replace(inspect(), lines=lines)) == "nothing-wanted"


def test_lines_of_one_sku_are_inspected_as_one() -> None:
    """Summed before anything is checked."""
    shop = returned(3)
    one = InspectedUnits(sku=LAMP, restock=1, damaged=1, refund=1)
    assert refused(shop, replace(inspect(), lines=(one, one))) == "more-than-returned"
    told_in_turn(shop, replace(inspect(), lines=(one, replace(one, restock=0))))
    assert piles(shop) == {"sellable": 1, "damaged": 2}


def test_what_came_back_elsewhere_is_looked_at_there() -> None:
    """The units lie where the return says."""
    shop = sent(2)
    told_in_turn(shop, take_back(2, location=MUNICH), inspect(1, 1))
    assert piles(shop, location=MUNICH) == {"sellable": 1, "damaged": 1, "transit": -2}
    assert sum(row.units(Pile.TRANSIT) for row in shop.stock.values()) == 0


def test_a_return_of_nobody_waits() -> None:
    """Its order may still come."""
    assert do(a_warehouse(), take_back()).waiting
