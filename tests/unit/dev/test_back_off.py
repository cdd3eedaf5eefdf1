"""How long a child that ended stays down."""

from __future__ import annotations

from dev.keeper import BackOff

BACK_OFF = BackOff(first_seconds=0.1, longest_seconds=0.5, forgiven_after_seconds=10)


def test_it_doubles_up_to_a_limit() -> None:
    """A server that cannot start must not keep the machine busy."""
    waits = [0.0]
    for _ in range(5):
        waits.append(BACK_OFF.next(waits[-1], lived=0))
    assert waits[1:] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_a_long_life_is_forgiven() -> None:
    """One death an hour is no reason to wait."""
    assert BACK_OFF.next(0.5, lived=11) == 0.1
