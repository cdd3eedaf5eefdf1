"""What may be sold has a history: entries that move nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.commands import Command
from ledger.stock import MovementKind
from ledger.world import World
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, do
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    buffer,
    keep_back,
    kinds,
    refused,
    told_in_turn,
)


def policy(shop: World) -> tuple[int, int, tuple[str, ...]]:
    """Give safety stock, feed buffer and pauses of the lamps in Berlin."""
    row = shop.stock[LAMP, BERLIN]
    return row.safety_stock, row.feed_buffer, row.paused


@pytest.mark.parametrize(
    ("command", "kind", "after", "available"),
    [
        (keep_back(2), MovementKind.SET_SAFETY_STOCK, (2, 0, ()), 3),
        (keep_back(9), MovementKind.SET_SAFETY_STOCK, (9, 0, ()), 0),
        (buffer(1), MovementKind.SET_FEED_BUFFER, (0, 1, ()), 4),
        (cast.pause(), MovementKind.PAUSE, (0, 0, ("operator",)), 0),
    ],
)
def test_policy_takes_units_out_of_sale(
    command: Command, kind: MovementKind, after: object, available: int
) -> None:
    """And says so in an entry without piles and without a key."""
    shop = a_warehouse(5)
    change = do(shop, command)
    assert (policy(shop), shop.stock[LAMP, BERLIN].available) == (after, available)
    assert (change.answer["available"], change.answer["version"]) == (available, 1)
    (movement,) = shop.movements
    assert (movement.kind, movement.source, movement.target, movement.quantity) == (
        kind,
        None,
        None,
        0,
    )
    assert (movement.cause.operation_key, movement.cause.kind) == (None, "policy")


@pytest.mark.parametrize("command", [keep_back(0), buffer(0), cast.resume()])
def test_no_change_is_no_entry(command: Command) -> None:
    """Also at a place where the sku never was: no row is needed to say so."""
    shop = a_warehouse(5)
    assert do(shop, command).answer["version"] == 0
    assert kinds(shop) == []
    del shop.stock[LAMP, BERLIN]
    assert do(shop, command).answer == {
        "sku": LAMP,
        "location": BERLIN,
        "safety_stock": 0,
        "feed_buffer": 0,
        "paused": [],
        "available": 0,
        "version": 0,
    }


def test_policies_add_up_and_go_one_by_one() -> None:
    """Each of them touches its own part alone."""
    shop = a_warehouse(5)
    told_in_turn(shop, keep_back(2), buffer(1), cast.pause(), cast.pause(reason="feed"))
    assert policy(shop) == (2, 1, ("feed", "operator"))
    told_in_turn(shop, cast.resume(), keep_back(1), cast.pause(reason="feed"))
    assert policy(shop) == (1, 1, ("feed",))
    told_in_turn(shop, cast.resume(reason="feed"))
    assert shop.stock[LAMP, BERLIN].available == 3
    assert len(kinds(shop)) == 7


@pytest.mark.parametrize("make", [keep_back, buffer])
def test_policy_is_refused_in_order(make: object) -> None:
    """The first reason of several is told."""
    shop = a_warehouse(5)
    command = make(1)  # type: ignore[operator]
    nowhere = {"sku": "no-such", "location": "NOWHERE"}
    assert refused(shop, replace(command, quantity=-1, **nowhere)) == "negative-quantity"
    assert refused(shop, replace(command, **nowhere)) == "unknown-sku"
    assert refused(shop, replace(command, location="NOWHERE")) == "unknown-location"


def test_a_pause_is_refused_in_order() -> None:
    """Of what is not in the catalogue, then of no place."""
    shop = a_warehouse(5)
    for command in (cast.pause, cast.resume):
        assert refused(shop, command("no-such", "NOWHERE")) == "unknown-sku"
        assert refused(shop, command(LAMP, "NOWHERE")) == "unknown-location"


def test_safety_stock_of_one_place_is_not_that_of_another() -> None:
    """Rows are kept apart."""
    shop = a_warehouse(5, in_munich=5)
    told_in_turn(shop, keep_back(2, location=MUNICH))
    assert (shop.stock[LAMP, BERLIN].available, shop.stock[LAMP, MUNICH].available) == (5, 3)
