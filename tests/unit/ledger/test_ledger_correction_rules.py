"""Corrections: nothing goes negative, and what cannot be taken is a question with names in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkouts import OrderState
from ledger.commands import AdjustmentKind, Command
from ledger.documents.values import Claim, Review
from ledger.rules.stock import LOCATION_DISABLED
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH, NOON, RUG
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    adjust,
    kinds,
    piles,
    refused,
    research,
    resolve,
    send,
    ship,
    sold,
    told_in_turn,
)

ADJUST, DAMAGE, REGRADE, WRITE_OFF, LOST = AdjustmentKind
BOB, EVE, FAY = "co_bob", "co_eve", "co_fay"


def the_review(shop: World) -> Review:
    """Give the only review."""
    (review,) = shop.reviews.values()
    return review


def touched(shop: World) -> list[tuple[str, int, bool]]:
    """Say who counts on units that are not there: checkout, how many, and whether they paid."""
    return [
        (claim["checkout_id"], claim["quantity"], claim["paid"])
        for claim in the_review(shop).evidence["touched"]
    ]


def test_found_units_can_be_sold() -> None:
    """Adjustment → sellable, and the answer tells the row's new version."""
    shop = a_warehouse(5)
    (answer,) = told_in_turn(shop, adjust(2))
    assert answer == {
        "adjustment_id": "A1",
        "sku": LAMP,
        "location": BERLIN,
        "kind": "adjust",
        "quantity": 2,
        "status": "applied",
        "review_id": None,
        "missing": 0,
        "version": 1,
    }
    assert piles(shop) == {"sellable": 7, "adjustment": -2}
    movement = shop.movements[-1]
    assert (movement.kind.value, movement.cause.reason, movement.cause.actor) == (
        "adjust",
        "counted",
        "olga",
    )


def test_units_found_where_none_were_are_paused_as_their_place_is() -> None:
    """A first row at a closed place."""
    shop = cast.world(cast.stock(), disabled=BERLIN)
    (answer,) = told_in_turn(shop, adjust(2))
    assert (answer["quantity"], answer["version"]) == (2, 2)
    assert shop.stock[LAMP, BERLIN].paused == (LOCATION_DISABLED,)


@pytest.mark.parametrize(
    ("command", "after", "kind"),
    [
        (adjust(-2), {"sellable": 3, "damaged": 2, "adjustment": 2}, "adjust"),
        (adjust(2, DAMAGE), {"sellable": 3, "damaged": 4}, "damage"),
        (adjust(2, REGRADE), {"sellable": 7}, "regrade"),
        (adjust(2, WRITE_OFF), {"sellable": 5, "adjustment": 2}, "write_off"),
    ],
)
def test_each_correction_moves_its_piles(
    command: Command, after: dict[str, int], kind: str
) -> None:
    """One entry of its kind."""
    shop = cast.world(cast.stock(sellable=5, damaged=2))
    (answer,) = told_in_turn(shop, command)
    assert (piles(shop), kinds(shop), answer["status"]) == (after, [kind], "applied")
    assert (answer["quantity"], answer["missing"]) == (command.quantity, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (adjust(0, sku="no-such"), "nothing-wanted"),
        (adjust(-1, DAMAGE, sku="no-such"), "nothing-wanted"),
        (adjust(0, WRITE_OFF), "nothing-wanted"),
        (adjust(1, sku="no-such", location="NOWHERE"), "unknown-sku"),
        (adjust(1, location="NOWHERE", version=7), "unknown-location"),
        (adjust(9, REGRADE, version=7), "stale-version"),
        (adjust(-9, version=7), "stale-version"),
        (adjust(1, location=MUNICH, sku=RUG, version=1), "stale-version"),
        (adjust(1, REGRADE), "pile-too-small"),
        (adjust(1, WRITE_OFF), "pile-too-small"),
        (adjust(1, LOST), "pile-too-small"),
        (adjust(-1, sku=RUG), "pile-too-small"),
        (adjust(1, DAMAGE, sku=RUG), "pile-too-small"),
    ],
)
def test_an_adjustment_is_refused_in_order(command: Command, code: str) -> None:
    """The first reason of several is told."""
    assert refused(a_warehouse(5), command) == code


def test_a_person_who_saw_the_row_as_it_is_may_correct_it() -> None:
    """And only once: the row is another then. An empty row has version 0."""
    shop = a_warehouse(5)
    told_in_turn(shop, adjust(-1, version=0))
    assert refused(shop, adjust(-1, name="A2", version=0)) == "stale-version"
    told_in_turn(shop, adjust(-1, name="A2", version=1), adjust(-1, name="A3"))
    assert piles(shop)["sellable"] == 2


def test_a_note_is_kept_beside_the_movement() -> None:
    """Under the operation's key, and in no field of the entry."""
    shop = a_warehouse(5)
    told_in_turn(shop, adjust(-1, note="Ada dropped it"), adjust(-1, name="A2"))
    assert {note.operation_key: note.text for note in shop.notes.values()} == {
        "adjustment/A1": "Ada dropped it"
    }
    assert "dropped" not in repr(shop.movements) + repr(shop.notes)


def test_what_falls_short_names_the_unpaid_first() -> None:
    """Newest first among them, then the paid; and no further than units are missing."""
    shop = sold(3, shop=a_warehouse(6))
    told_in_turn(shop, *cast.commands_to_hold(BOB), *cast.commands_to_fence(EVE))
    (answer,) = told_in_turn(shop, adjust(-4))
    assert (answer["status"], answer["quantity"], answer["missing"]) == ("review", -1, 3)
    assert answer["review_id"] == the_review(shop).review_id == "shortfall-A1"
    assert piles(shop) == {"reserved": 2, "sold": 3, "adjustment": 1}
    assert touched(shop) == [(EVE, 1, False), (BOB, 1, False), (ADA, 3, True)]
    names = [sorted(claim) for claim in the_review(shop).evidence["touched"]]
    assert ["reservation_id" in name for name in names] == [True, True, False]
    assert "order_id" in names[2]


def test_only_as_many_are_named_as_are_missing() -> None:
    """Who is served all the same need not be asked."""
    shop = sold(3, shop=a_warehouse(5))
    told_in_turn(shop, *cast.commands_to_hold(BOB), *cast.commands_to_hold(EVE), adjust(-1))
    assert touched(shop) == [(EVE, 1, False)]


@pytest.mark.parametrize(
    ("since", "left"),
    [
        ([cast.release(BOB)], [(ADA, 3, True)]),
        ([ship(2)], [(BOB, 1, False), (ADA, 1, True)]),
        ([ship(3)], [(BOB, 1, False)]),
        ([research(1, order=ADA)], [(BOB, 1, False), (ADA, 2, True)]),
    ],
)
def test_who_counts_on_units_is_told_as_of_now(
    since: list[Command], left: list[tuple[str, int, bool]]
) -> None:
    """What the commands before it in the batch did is seen."""
    shop = sold(3, shop=a_warehouse(4))
    told_in_turn(shop, *cast.commands_to_hold(BOB), *since)
    free = shop.stock[LAMP, BERLIN].sellable
    told_in_turn(shop, adjust(-9 - free))
    assert touched(shop) == left


def test_a_cancelled_order_counts_on_nothing() -> None:
    """Its units are for sale again, and taken from there."""
    shop = sold(2)
    told_in_turn(shop, cast.cancel_order(), adjust(-3))
    assert (touched(shop), the_review(shop).quantity) == ([], 1)


def test_who_was_read_before_the_batch_is_told_too() -> None:
    """In the order read: another's hold that is none of this batch's business."""
    shop = sold(2)
    bob = Claim(checkout_id=BOB, reservation_id=f"{BOB}/1", quantity=1, paid=False)
    fay = Claim(checkout_id=FAY, reservation_id=f"{FAY}/1", quantity=1, paid=True)
    gone = replace(bob, checkout_id=ADA, reservation_id=f"{ADA}/1", quantity=2)
    shop.claims[LAMP, BERLIN] = [bob, gone, fay]
    told_in_turn(shop, adjust(-9))
    assert touched(shop) == [(BOB, 1, False), (ADA, 2, True), (FAY, 1, True)]


def test_damage_beyond_what_is_sellable_falls_short_too() -> None:
    """The broken ones are somebody's."""
    shop = sold(3, shop=a_warehouse(4))
    (answer,) = told_in_turn(shop, adjust(2, DAMAGE))
    assert (answer["quantity"], answer["missing"], answer["version"]) == (1, 1, len(shop.movements))
    assert piles(shop) == {"sold": 3, "damaged": 1}
    assert the_review(shop).evidence["adjustment_kind"] == "damage"


def test_a_shortfall_with_nothing_to_take_moves_nothing() -> None:
    """It is a question alone, and the row is as it was."""
    shop = sold(3)
    before = len(shop.movements)
    (answer,) = told_in_turn(shop, adjust(-2))
    assert (answer["quantity"], answer["missing"]) == (0, 2)
    assert (kinds(shop, before), answer["version"]) == ([], before)


def test_disputed_units_are_held_out_of_sale() -> None:
    """Until they are found, or written down as gone."""
    shop = a_warehouse(5)
    (answer,) = told_in_turn(shop, research(3))
    assert answer == {"sku": LAMP, "location": BERLIN, "quantity": 3}
    assert piles(shop) == {"sellable": 2, "researching": 3}
    told_in_turn(shop, resolve(1, found=True), resolve(2, found=False, name="Y2"))
    assert piles(shop) == {"sellable": 3, "adjustment": 2}
    assert kinds(shop) == ["research", "resolve", "resolve"]
    causes = [(movement.cause.kind, movement.cause.id) for movement in shop.movements]
    assert causes == [("research", "X1"), ("resolution", "Y1"), ("resolution", "Y2")]


def test_an_orders_units_that_are_not_found_are_short() -> None:
    """Sold → researching; the answer names the order, and the rest of it can be sent."""
    shop = sold(3)
    (answer,) = told_in_turn(shop, research(2, order=ADA))
    assert answer == {"sku": LAMP, "location": BERLIN, "quantity": 2, "order_id": ADA}
    assert piles(shop) == {"sold": 1, "researching": 2}
    assert shop.order_lines[ADA, LAMP, BERLIN].short == 2
    assert shop.checkouts[ADA].order_state is OrderState.PLACED


def test_an_order_whose_rest_is_not_found_is_sent() -> None:
    """All of it that there is has left."""
    shop = sold(3)
    told_in_turn(shop, ship(2), research(1, order=ADA))
    assert shop.checkouts[ADA].order_state is OrderState.SHIPPED


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (research(0, sku="no-such"), "nothing-wanted"),
        (research(-1), "nothing-wanted"),
        (research(1, sku="no-such", location="NOWHERE"), "unknown-sku"),
        (research(9, location="NOWHERE"), "unknown-location"),
        (research(1), "pile-too-small"),
        (research(9, order=BOB), "no-order"),
        (research(9, order="co_nobody"), "no-order"),
        (research(4, order=ADA), "more-than-sold"),
        (research(1, order=ADA, location=MUNICH), "more-than-sold"),
        (resolve(0, found=True, sku="no-such"), "nothing-wanted"),
        (resolve(1, found=True, sku="no-such", location="NOWHERE"), "unknown-sku"),
        (resolve(1, found=False, location="NOWHERE"), "unknown-location"),
        (resolve(1, found=True), "pile-too-small"),
        (resolve(1, found=False), "pile-too-small"),
    ],
)
def test_a_search_is_refused_in_order(command: Command, code: str) -> None:
    """The first reason of several is told."""
    shop = sold(3, shop=a_warehouse(4))
    told_in_turn(shop, *cast.commands_to_hold(BOB))
    assert refused(shop, command) == code


def test_no_search_for_a_cancelled_orders_units() -> None:
    """They are nobody's any more."""
    shop = sold(1)
    told_in_turn(shop, cast.cancel_order())
    assert refused(shop, research(1, order=ADA)) == "no-order"


def test_a_late_correction_keeps_its_own_time() -> None:
    """It happened then, and is recorded now."""
    shop = a_warehouse(5)
    earlier = NOON.replace(hour=3)
    told_in_turn(shop, send(1), replace(adjust(-1), occurred_at=earlier))
    assert (shop.movements[-1].occurred_at, shop.movements[-1].recorded_at) == (earlier, NOON)
