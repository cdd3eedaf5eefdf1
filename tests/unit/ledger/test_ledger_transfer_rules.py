"""Units that travel between two places: they leave, arrive in parts, or get lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.commands import AdjustmentKind, Command, Quantity
from ledger.documents.values import TransferLine
from ledger.errors import Refused
from ledger.rules import decide
from ledger.rules.stock import LOCATION_DISABLED
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG, do
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    adjust,
    arrive,
    keep_back,
    kinds,
    piles,
    refused,
    send,
    told_in_turn,
)

LOST = AdjustmentKind.LOST_IN_TRANSIT
LAMP_AND_RUG = (Quantity(sku=RUG, quantity=1), Quantity(sku=LAMP, quantity=9))


def travelling(lamps: int = 3) -> World:
    """Make a world in which lamps are on their way to Munich."""
    shop = a_warehouse(5)
    told_in_turn(shop, send(lamps))
    return shop


def line(shop: World, transfer: str = "T1") -> TransferLine:
    """Give a transfer's line of lamps."""
    return shop.transfer_lines[transfer, LAMP]


def test_units_leave() -> None:
    """Sellable → transit, where they left."""
    shop = a_warehouse(5)
    (answer,) = told_in_turn(shop, send(3))
    assert answer == {
        "transfer_id": "T1",
        "from": BERLIN,
        "to": MUNICH,
        "lines": [{"sku": LAMP, "quantity": 3}],
    }
    assert (piles(shop), piles(shop, location=MUNICH)) == ({"sellable": 2, "transit": 3}, {})
    assert (shop.transfers["T1"].source, shop.transfers["T1"].target) == (BERLIN, MUNICH)
    assert (kinds(shop), line(shop).travelling) == (["transfer"], 3)


def test_what_policy_holds_back_may_travel() -> None:
    """It is not for sale, but it is there."""
    shop = a_warehouse(5)
    told_in_turn(shop, keep_back(5), cast.pause(), send(5))
    assert piles(shop) == {"transit": 5}


def test_what_is_reserved_may_not_travel() -> None:
    """Somebody counts on it here."""
    shop = a_warehouse(5)
    told_in_turn(shop, *cast.commands_to_hold())
    assert refused(shop, send(5)) == "insufficient-stock"
    told_in_turn(shop, send(4))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (replace(send(target=BERLIN), lines=()), "nothing-wanted"),
        (send(0, source="NOWHERE", target="NOWHERE"), "nothing-wanted"),
        (send(9, source="NOWHERE", target="NOWHERE"), "same-location"),
        (send(9, "no-such", target="NOWHERE"), "unknown-location"),
        (send(9, "no-such", source="NOWHERE"), "unknown-location"),
        (
            replace(send(), lines=(*LAMP_AND_RUG, Quantity(sku="no-such", quantity=1))),
            "unknown-sku",
        ),
        (send(6), "insufficient-stock"),
        (send(1, source=MUNICH, target=BERLIN), "insufficient-stock"),
    ],
)
def test_sending_is_refused_in_order(command: Command, code: str) -> None:
    """The first reason of several is told."""
    assert refused(a_warehouse(5), command) == code


def test_all_shortages_are_told() -> None:
    """Summed a sku, and none is sent."""
    with pytest.raises(Refused) as caught:
        decide(a_warehouse(5), replace(send(), lines=LAMP_AND_RUG))
    assert caught.value.facts["shortages"] == [
        {"sku": LAMP, "requested": 9, "available": 5},
        {"sku": RUG, "requested": 1, "available": 0},
    ]


def test_units_arrive_in_parts() -> None:
    """Transit → sellable, where they were sent to; the rest goes on travelling."""
    shop = travelling(3)
    (answer,) = told_in_turn(shop, arrive(2))
    assert answer == {
        "receipt_id": "TR1",
        "transfer_id": "T1",
        "location": MUNICH,
        "status": "applied",
        "lines": [{"sku": LAMP, "quantity": 2}],
    }
    assert piles(shop, location=MUNICH) == {"sellable": 2, "transit": -2}
    assert (line(shop).received, line(shop).travelling) == (2, 1)
    assert refused(shop, arrive(2, receipt="TR2")) == "more-than-sent"
    told_in_turn(shop, arrive(1, receipt="TR2"))
    assert piles(shop, location=MUNICH) == {"sellable": 3, "transit": -3}


def test_units_that_arrive_at_a_closed_place_are_not_for_sale() -> None:
    """The first ones find their row paused, the next ones still do."""
    shop = cast.world(cast.stock(sellable=5), cast.stock(location=MUNICH), disabled=MUNICH)
    told_in_turn(shop, send(3), arrive(1), arrive(1, receipt="TR2"))
    row = shop.stock[LAMP, MUNICH]
    assert (row.paused, row.sellable, row.available) == ((LOCATION_DISABLED,), 2, 0)
    assert kinds(shop) == ["transfer", "pause", "transfer", "transfer"]


def test_an_arrival_waits_for_its_transfer() -> None:
    """The second half came first."""
    shop = a_warehouse(5)
    change = do(shop, arrive(9))
    assert (change.waiting, change.moves) == (True, ())
    assert change.answer == {
        "status": "waiting",
        "transfer_receipt_id": "TR1",
        "waits_for": "T1",
    }


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (replace(arrive(transfer="T9"), lines=()), "nothing-wanted"),
        (arrive(0, transfer="T9"), "nothing-wanted"),
        (arrive(4), "more-than-sent"),
        (arrive(1, RUG), "more-than-sent"),
    ],
)
def test_an_arrival_is_refused_in_order(command: Command, code: str) -> None:
    """The first reason of several is told."""
    assert refused(travelling(3), command) == code


def test_lost_units_are_written_down_where_they_left() -> None:
    """Transit → adjustment."""
    shop = travelling(3)
    (answer,) = told_in_turn(shop, adjust(2, LOST))
    assert (answer["quantity"], answer["status"], answer["kind"]) == (
        2,
        "applied",
        "lost_in_transit",
    )
    assert piles(shop) == {"sellable": 2, "transit": 1, "adjustment": 2}
    assert (line(shop).lost, line(shop).travelling) == (2, 1)
    assert refused(shop, arrive(2)) == "more-than-sent"


def test_a_loss_is_spread_over_transfers_by_their_ids() -> None:
    """Each as much as it has travelling."""
    shop = a_warehouse(9)
    told_in_turn(shop, send(3, transfer="T2"), send(3), arrive(2), adjust(3, LOST))
    assert (line(shop).lost, line(shop, "T2").lost) == (1, 2)
    assert refused(shop, adjust(2, LOST, name="A2")) == "pile-too-small"
    told_in_turn(shop, adjust(1, LOST, name="A2"))
    assert (line(shop).travelling, line(shop, "T2").travelling) == (0, 0)


def test_a_loss_is_of_what_left_there() -> None:
    """Not of what others sent, nor of another sku, nor of what came in."""
    shop = a_warehouse(5, in_munich=5)
    told_in_turn(shop, send(2, source=MUNICH, target=BERLIN))
    assert refused(shop, adjust(1, LOST)) == "pile-too-small"
    assert refused(shop, adjust(1, LOST, sku=RUG, location=MUNICH)) == "pile-too-small"
    told_in_turn(shop, adjust(2, LOST, location=MUNICH))
    assert piles(shop, location=MUNICH) == {"sellable": 3, "adjustment": 2}
