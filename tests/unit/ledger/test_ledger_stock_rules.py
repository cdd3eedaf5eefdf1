"""What may be done to stock without a checkout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.commands import ChangePause, Command, Quantity
from ledger.errors import Broken
from ledger.movements import Cause
from ledger.rules.stock import LOCATION_DISABLED
from ledger.stock import Move, MovementKind, Pile
from ledger.world import Change
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import (
    BERLIN,
    LAMP,
    MUNICH,
    NOON,
    RUG,
    TEAPOT,
    do,
    refusal,
    stock,
    world,
)
from tests.unit.ledger.warehouse_cast import buffer, keep_back


def test_received_goods_can_be_sold() -> None:
    """From supply to sellable; supply owes them from then on."""
    shop = world(stock(sellable=2))
    change = do(shop, cast.receive(5))
    row = shop.stock[LAMP, BERLIN]
    assert (row.sellable, row.supply, row.sequence) == (7, -7, 1)
    assert change.answer == {
        "receipt_id": "r-1",
        "location": BERLIN,
        "lines": [{"sku": LAMP, "quantity": 5}],
    }


def test_a_receipt_names_one_sku_once() -> None:
    """Two lines of one sku are one movement of their sum."""
    shop = world(stock(), stock(RUG))
    lines = (
        Quantity(sku=RUG, quantity=1),
        Quantity(sku=LAMP, quantity=6),
        Quantity(sku=LAMP, quantity=8),
    )
    do(shop, replace(cast.receive(1), lines=lines))
    assert [(m.after.sku, m.quantity) for m in shop.movements] == [(LAMP, 14), (RUG, 1)]


def test_a_late_document_keeps_its_own_time() -> None:
    """It happened then, and is recorded now."""
    shop = world(stock())
    do(shop, cast.receive(1, occurred_at=NOON.replace(hour=3)))
    (movement,) = shop.movements
    assert (movement.occurred_at.hour, movement.recorded_at) == (3, NOON)


def test_an_unknown_place_is_refused_before_an_unknown_sku() -> None:
    """The documented order."""
    shop = world(stock())
    assert cast.refusal(shop, cast.receive(1, "no-such", "NOWHERE")).code == "unknown-location"
    assert cast.refusal(shop, cast.receive(1, "no-such")).code == "unknown-sku"


def test_the_first_goods_at_a_disabled_place_are_not_for_sale() -> None:
    """The row is born after the place was disabled, so no movement of then paused it."""
    shop = world(stock(), disabled=BERLIN)
    do(shop, cast.receive(5))
    row = shop.stock[LAMP, BERLIN]
    assert [movement.kind for movement in shop.movements] == [
        MovementKind.PAUSE,
        MovementKind.RECEIVE,
    ]
    assert (row.paused, row.available, row.sequence) == ((LOCATION_DISABLED,), 0, 2)


@pytest.mark.parametrize("first", [cast.pause(), warehouse.keep_back(1), warehouse.buffer(1)])
def test_a_row_that_begins_with_a_policy_at_a_disabled_place_is_paused_too(first: Command) -> None:
    """Or goods that come in later find a row with a history, and are sold where nothing is sold."""
    shop = world(stock(), disabled=BERLIN)
    answer = do(shop, first).answer
    do(shop, cast.resume())
    do(shop, cast.receive(5))
    row = shop.stock[LAMP, BERLIN]
    assert (row.paused, row.available) == ((LOCATION_DISABLED,), 0)
    assert (answer["version"], LOCATION_DISABLED in answer["paused"]) == (2, True)


def test_disabling_a_place_pauses_an_empty_row_once() -> None:
    """The pause is the row's beginning and what was asked for, in one entry."""
    shop = world(stock(), disabled=BERLIN)
    assert do(shop, cast.pause(reason=LOCATION_DISABLED)).answer["version"] == 1
    assert len(shop.movements) == 1


def test_a_row_that_has_a_history_keeps_its_policy() -> None:
    """Somebody may have resumed it on purpose; goods coming in say nothing about that."""
    shop = world(replace(stock(), sequence=3), disabled=BERLIN)
    do(shop, cast.receive(5))
    assert shop.stock[LAMP, BERLIN].available == 5


def test_a_row_is_for_sale_when_no_reason_is_left() -> None:
    """An operator's pause survives the end of a feed's."""
    shop = world(stock(sellable=5))
    do(shop, cast.pause(reason="operator"))
    assert do(shop, cast.pause(reason="feed")).answer["paused"] == ["feed", "operator"]
    do(shop, cast.resume(reason="feed"))
    assert shop.stock[LAMP, BERLIN].available == 0
    do(shop, cast.resume(reason="operator"))
    assert shop.stock[LAMP, BERLIN].available == 5
    assert [m.kind.value for m in shop.movements] == ["pause", "pause", "resume", "resume"]


@pytest.mark.parametrize("command", [cast.resume(), cast.pause(reason="feed")])
def test_what_changes_nothing_writes_no_movement(command: ChangePause) -> None:
    """A repeated PUT must not grow the history."""
    shop = world(replace(stock(sellable=5), paused=("feed",)))
    assert do(shop, command).answer["paused"] == ["feed"]
    assert shop.movements == []
    assert shop.written == set()


def test_an_unknown_sku_is_refused_before_an_unknown_place() -> None:
    """The documented order of a pause."""
    shop = world(stock())
    assert cast.refusal(shop, cast.pause("no-such", "NOWHERE")).code == "unknown-sku"
    assert cast.refusal(shop, cast.pause(location="NOWHERE")).code == "unknown-location"


def test_a_rule_that_asks_for_too_much_breaks_and_changes_nothing() -> None:
    """The rules refuse before; if one forgets, nothing of its change may be left behind."""
    shop = world(stock(sellable=5), stock(TEAPOT, MUNICH, sellable=1))
    moves = tuple(
        Move(
            kind=MovementKind.RESERVE,
            sku=sku,
            location=location,
            quantity=3,
            source=Pile.SELLABLE,
            target=Pile.RESERVED,
        )
        for sku, location in ((LAMP, BERLIN), (TEAPOT, MUNICH))
    )
    cause = Cause(operation_key=None, kind="test", id="t", actor="t")
    with pytest.raises(Broken) as broken:
        shop.apply(Change(cause=cause, moves=moves))
    assert broken.value.code == "negative-pile"
    assert shop.stock[LAMP, BERLIN].sellable == 5
    assert (shop.movements, shop.written) == ([], set())


def test_two_moves_of_one_change_see_each_other() -> None:
    """Six and four of nine: the second finds three left."""
    shop = world(stock(sellable=9))
    cause = Cause(operation_key=None, kind="test", id="t", actor="t")
    six, four = (
        Move(
            kind=MovementKind.RESERVE,
            sku=LAMP,
            location=BERLIN,
            quantity=quantity,
            source=Pile.SELLABLE,
            target=Pile.RESERVED,
        )
        for quantity in (6, 4)
    )
    with pytest.raises(Broken):
        shop.apply(Change(cause=cause, moves=(six, four)))


@pytest.mark.parametrize("quantity", [0, -5])
def test_a_receipt_of_nothing_or_less_is_refused(quantity: int) -> None:
    """It would be a movement that takes units from the shelf under the name of a delivery."""
    assert refusal(world(stock(sellable=9)), cast.receive(quantity)).code == "nothing-wanted"


@pytest.mark.parametrize(
    "command", [keep_back(2), buffer(2), cast.pause()], ids=lambda command: type(command).__name__
)
def test_a_policy_may_be_what_a_row_at_a_disabled_location_begins_with(command: Command) -> None:
    """Its first movement is the pause all the same; goods that come later would be for sale otherwise."""
    shop = world(stock(), disabled=BERLIN)
    do(shop, command)
    do(shop, cast.receive(5))
    row = shop.stock[LAMP, BERLIN]
    assert LOCATION_DISABLED in row.paused
    assert (row.sellable, row.available) == (5, 0)
    assert shop.movements[0].kind is MovementKind.PAUSE


def test_disabling_a_location_pauses_an_empty_row_once() -> None:
    """The pause is itself what the row begins with."""
    shop = world(stock(), disabled=BERLIN)
    answer = do(shop, cast.pause(reason=LOCATION_DISABLED)).answer
    assert answer["paused"] == [LOCATION_DISABLED]
    assert [movement.kind for movement in shop.movements] == [MovementKind.PAUSE]
