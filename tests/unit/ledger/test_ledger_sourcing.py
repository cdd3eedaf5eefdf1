"""Which locations serve a cart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.rules.sourcing import sourced
from ledger.stock import Stock
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, stock

PRIORITIES = {BERLIN: 10, MUNICH: 20, "HAM1": 20}


def taken(quantity: int, *rows: Stock) -> list[tuple[str, int]] | None:
    """Say who gives how much."""
    lines = sourced(LAMP, quantity, rows, PRIORITIES)
    return None if lines is None else [(line.location, line.quantity) for line in lines]


def test_the_lowest_priority_number_serves_first() -> None:
    """Berlin is 10, Munich 20: Munich is left alone while Berlin has enough."""
    assert taken(3, stock(LAMP, MUNICH, sellable=9), stock(sellable=9)) == [(BERLIN, 3)]


def test_places_of_one_priority_serve_in_order_of_name() -> None:
    """Two processes must decide alike on the same rows, in whatever order they were read."""
    munich, hamburg = stock(LAMP, MUNICH, sellable=1), stock(LAMP, "HAM1", sellable=1)
    assert taken(2, munich, hamburg) == taken(2, hamburg, munich) == [("HAM1", 1), (MUNICH, 1)]


def test_six_here_and_eight_there_serve_exactly_ten() -> None:
    """vendure#4030: a split line allocated more than was ordered."""
    assert taken(10, stock(sellable=6), stock(LAMP, MUNICH, sellable=8)) == [
        (BERLIN, 6),
        (MUNICH, 4),
    ]


def test_an_empty_place_gives_no_line() -> None:
    """A line of zero units would violate its own CHECK."""
    assert taken(2, stock(sellable=0), stock(LAMP, MUNICH, sellable=2)) == [(MUNICH, 2)]


def test_what_is_held_back_is_not_given() -> None:
    """Safety stock and feed buffer belong to nobody's cart."""
    careful = replace(stock(sellable=6), safety_stock=2, feed_buffer=1)
    assert taken(3, careful) == [(BERLIN, 3)]
    assert taken(4, careful) is None


def test_a_paused_place_gives_nothing() -> None:
    """Paused for one reason is paused."""
    paused = replace(stock(sellable=9), paused=("operator",))
    assert taken(2, paused, stock(LAMP, MUNICH, sellable=2)) == [(MUNICH, 2)]
    assert taken(3, paused, stock(LAMP, MUNICH, sellable=2)) is None


def test_a_sku_that_lies_nowhere_cannot_be_served() -> None:
    """No rows are no units."""
    assert taken(1) is None


ROWS = st.lists(
    st.tuples(
        st.integers(0, 12), st.integers(0, 4), st.integers(0, 4), st.booleans(), st.integers(0, 3)
    ),
    max_size=6,
)


@given(rows=ROWS, quantity=st.integers(1, 30))
@settings(max_examples=200)
def test_all_units_or_none_and_never_more_than_available(
    rows: list[tuple[int, int, int, bool, int]], quantity: int
) -> None:
    """The one promise of sourcing, over whatever shelves."""
    shelves = {
        f"L{n}": replace(
            stock(LAMP, f"L{n}", sellable=sellable),
            safety_stock=safety,
            feed_buffer=buffer,
            paused=("feed",) if paused else (),
        )
        for n, (sellable, safety, buffer, paused, _) in enumerate(rows)
    }
    priorities = {f"L{n}": row[-1] for n, row in enumerate(rows)}
    lines = sourced(LAMP, quantity, shelves.values(), priorities)
    if sum(shelf.available for shelf in shelves.values()) < quantity:
        assert lines is None
        return
    assert lines is not None
    assert sum(line.quantity for line in lines) == quantity
    assert len({line.location for line in lines}) == len(lines)
    for line in lines:
        assert 0 < line.quantity <= shelves[line.location].available


@pytest.mark.parametrize("quantity", [1, 6, 14])
def test_a_later_place_serves_only_once_the_earlier_is_empty(quantity: int) -> None:
    """Priority is kept even where a line is split."""
    lines = taken(quantity, stock(sellable=6), stock(LAMP, MUNICH, sellable=8)) or []
    assert dict(lines).get(BERLIN, 0) == min(quantity, 6)
