"""Where units are, what may be sold, and which way they may go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.outbox import EVENT_TYPES
from ledger.stock import ALLOWED_MOVES, OUTSIDE, TOTALS, Move, MovementKind, Pile, total_of
from tests.unit.ledger.cast import BERLIN, LAMP, stock

INSIDE = [pile for pile in Pile if pile not in OUTSIDE]


def test_a_moved_unit_is_in_exactly_one_pile() -> None:
    """Taken from one, added to the other, and nothing else touched."""
    before = stock(sellable=5, reserved=2)
    after = before.moved(Pile.SELLABLE, Pile.RESERVED, 3)
    assert (after.sellable, after.reserved, after.supply) == (2, 5, before.supply)


@pytest.mark.parametrize("pile", INSIDE)
def test_no_pile_in_the_building_goes_below_zero(pile: Pile) -> None:
    """One more than there is, is refused; all that there is, is not."""
    row = stock().moved(Pile.SUPPLY, pile, 4)
    assert getattr(row.moved(pile, Pile.ADJUSTMENT, 4), pile.value) == 0
    with pytest.raises(ValueError, match=pile.value):
        row.moved(pile, Pile.ADJUSTMENT, 5)


@pytest.mark.parametrize("pile", sorted(OUTSIDE))
def test_the_outside_world_may_owe(pile: Pile) -> None:
    """What came in is what supply owes."""
    assert getattr(stock().moved(pile, Pile.SELLABLE, 7), pile.value) == -7


@pytest.mark.parametrize(
    ("safety_stock", "feed_buffer", "paused", "available"),
    [
        (0, 0, (), 10),
        (3, 0, (), 7),
        (3, 4, (), 3),
        (8, 4, (), 0),
        (0, 0, ("operator",), 0),
        (3, 0, ("feed", "operator"), 0),
    ],
)
def test_available_is_sellable_less_what_is_held_back(
    safety_stock: int, feed_buffer: int, paused: tuple[str, ...], available: int
) -> None:
    """The contract's formula; it never goes negative, however much is to be held back."""
    row = replace(
        stock(sellable=10, reserved=5),
        safety_stock=safety_stock,
        feed_buffer=feed_buffer,
        paused=paused,
    )
    assert row.on_hand == 15
    assert row.available == available
    assert row.held_back == row.on_hand - row.reserved - row.available


def test_a_policy_change_moves_no_unit() -> None:
    """A pause has no piles, and a move without anything to do does nothing."""
    row = stock(sellable=5)
    pause = Move(kind=MovementKind.PAUSE, sku=LAMP, location=BERLIN, paused=("feed",))
    nothing = Move(kind=MovementKind.RESUME, sku=LAMP, location=BERLIN)
    assert pause.apply(row) == replace(row, paused=("feed",))
    assert nothing.apply(row) == row


def test_a_resumed_row_has_no_reasons_left() -> None:
    """An empty set of reasons is a value of its own, not a missing one."""
    row = replace(stock(sellable=5), paused=("feed",))
    resume = Move(kind=MovementKind.RESUME, sku=LAMP, location=BERLIN, paused=())
    assert resume.apply(row).available == 5


def test_every_kind_has_its_event_and_those_that_move_have_a_total() -> None:
    """A kind forgotten in one of the tables would fail in production, not here."""
    assert set(EVENT_TYPES) == set(MovementKind)
    assert {total_of(kind, None) for kind in MovementKind} - {None} == set(TOTALS)
    assert total_of(MovementKind.TRANSFER, Pile.RETURNED) == "returned"
    assert total_of(MovementKind.TRANSFER, Pile.SELLABLE) is None
    assert set(MovementKind) - set(ALLOWED_MOVES) == {
        MovementKind.SET_SAFETY_STOCK,
        MovementKind.SET_FEED_BUFFER,
        MovementKind.PAUSE,
        MovementKind.RESUME,
    }
