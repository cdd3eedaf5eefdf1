"""What each kind of change adds to its hour."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from ledger.rules.short_picks import REASON as SHORT
from ledger.stock import ALLOWED_MOVES, MovementKind, Pile
from projections.analytics.fold import added, holds_of
from projections.changes import Change, Row, UncountableError
from tests.unit.projections.changes_cast import BERLIN, HOUR, LAMP, MUNICH, change

K, P = MovementKind, Pile
HERE: Row = (LAMP, BERLIN)
LINES = {"co_ada/1": [HERE]}

WAYS = [
    (change(K.RESERVE, 2), {"held": 2, "sku_holds": 1, "holds": 1}),
    (change(K.RESERVE, 2, reason="late-payment"), {"held": 2, "sku_holds": 1, "holds": 1}),
    (change(K.RESERVE, 2, reason=SHORT), {}),
    (change(K.RELEASE, 2), {"released": 2}),
    (change(K.EXPIRE, 2), {"expired": 2}),
    (change(K.CONFIRM, 2), {"confirmed": 2, "sold": 2, "sku_orders": 1, "orders": 1}),
    (change(K.CONFIRM, 2, reason=SHORT), {"sold": 2}),
    (change(K.CANCEL, 2), {"cancelled": 2}),
    (change(K.SHIP, 2), {"shipped": 2}),
    (change(K.RETURN, 2), {"returned": 2}),
    (change(K.TRANSFER, 2, move=(P.TRANSIT, P.RETURNED)), {"returned": 2}),
    (change(K.RECEIVE, 2), {"received": 2}),
    (change(K.RESEARCH, 2, move=(P.SOLD, P.RESEARCHING)), {"missing": 2}),
]
"""Changes, and what they count for."""

NAMED = {(told.source, told.target) for told, _ in WAYS}
ON_HAND_ONLY = [
    change(kind, move=move)
    for kind, moves in ALLOWED_MOVES.items()
    for move in sorted(moves)
    if move not in NAMED
]


@pytest.mark.parametrize(("told", "counted"), WAYS, ids=lambda value: getattr(value, "kind", None))
def test_a_change_counts_for_its_hour(told: Change, counted: dict[str, int]) -> None:
    """By the time at which it was recorded."""
    ((key, hour),) = added([told], LINES).items()
    assert key == (LAMP, BERLIN, HOUR)
    assert hour.counted == Counter(counted)
    assert hour.on_hand == 7


@pytest.mark.parametrize("told", ON_HAND_ONLY, ids=lambda told: f"{told.kind} {told.source}")
def test_other_moves_say_what_is_on_hand(told: Change) -> None:
    """Sell-through begins with it."""
    (hour,) = added([told], {}).values()
    assert (hour.counted, hour.on_hand) == (Counter(), 7)


@pytest.mark.parametrize("kind", [kind for kind in K if kind not in ALLOWED_MOVES])
def test_a_policy_counts_for_nothing(kind: MovementKind) -> None:
    """Nothing moved in that hour."""
    assert added([change(kind)], {}) == {}


def test_changes_of_an_hour_are_added_up() -> None:
    """The last of a row says what is on hand; the next hour is another."""
    late = HOUR + timedelta(minutes=59, seconds=59)
    told = [
        change(K.RECEIVE, 3, on_hand=3),
        change(K.RECEIVE, 4, on_hand=7, recorded_at=late),
        change(K.RECEIVE, 5, on_hand=12, recorded_at=HOUR + timedelta(hours=1)),
    ]
    hours = added(told, {})
    assert [(hour.counted["received"], hour.on_hand) for hour in hours.values()] == [
        (7, 7),
        (5, 12),
    ]


def test_a_hold_and_an_order_are_counted_once_however_many_rows_they_have() -> None:
    """Holds and orders of a sku with its first row, orders with the first row of all."""
    rows = [("a-rug", MUNICH), HERE, (LAMP, MUNICH)]
    lines = {"co_ada/1": rows}
    for kind, name in ((K.RESERVE, "holds"), (K.CONFIRM, "orders")):
        told = [change(kind, sku=sku, location=location) for sku, location in rows]
        hours = added(told, lines)
        of_skus = {key[:2]: hour.counted[f"sku_{name}"] for key, hour in hours.items()}
        of_all = {key[:2]: hour.counted[name] for key, hour in hours.items()}
        assert of_skus == {rows[0]: 1, rows[1]: 1, rows[2]: 0}
        assert of_all == {rows[0]: 1, rows[1]: 0, rows[2]: 0}
        assert holds_of(told) == {"co_ada/1"}


def test_a_hold_without_rows_cannot_be_counted() -> None:
    """It is put aside under that word."""
    with pytest.raises(UncountableError, match="reservation-unknown: brass-lamp/BER1/1"):
        added([change(K.RESERVE)], {})
