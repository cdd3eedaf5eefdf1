"""What a warehouse has to do after each kind of change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.stock import ALLOWED_MOVES, MovementKind, Pile
from projections.board.fold import Task, TaskKey, Travelling, Waiting, added, tasks_of
from projections.changes import Change, UncountableError
from tests.unit.projections.changes_cast import BERLIN, LAMP, NOON, change

K, P = MovementKind, Pile
PICK: TaskKey = (LAMP, BERLIN, Task.PICK, "co_ada")
INSPECT: TaskKey = (LAMP, BERLIN, Task.INSPECT, "R1")
LATER = NOON + timedelta(hours=1)

RETURN, SHORT = ("return", "R1"), ("short", "P1")
COMES_BACK = change(K.RETURN, 2, cause=RETURN)
COMES_BACK_ELSEWHERE = change(K.TRANSFER, 2, move=(P.TRANSIT, P.RETURNED), cause=RETURN)

WORK = [
    (change(K.CONFIRM, 3), PICK, 3),
    (change(K.SHIP, 1, cause=("shipment", "S1")), PICK, -1),
    (change(K.CANCEL, 1, cause=("order", "co_ada")), PICK, -1),
    (change(K.RESEARCH, 1, move=(P.SOLD, P.RESEARCHING), cause=SHORT), PICK, -1),
    (COMES_BACK, INSPECT, 2),
    (COMES_BACK_ELSEWHERE, INSPECT, 2),
    (change(K.RESTOCK, 1, cause=("inspection", "I1"), refers_to="R1"), INSPECT, -1),
    (
        change(
            K.DAMAGE, 1, move=(P.RETURNED, P.DAMAGED), cause=("inspection", "I1"), refers_to="R1"
        ),
        INSPECT,
        -1,
    ),
]
"""Changes that bring work or do some, the task they are of, and how much."""

TRAVELS = {(P.SELLABLE, P.TRANSIT), (P.TRANSIT, P.SELLABLE)}
NO_WORK = [
    change(kind, move=move)
    for kind, moves in ALLOWED_MOVES.items()
    for move in sorted(moves)
    if not {P.SOLD, P.RETURNED} & set(move) and not (kind is K.TRANSFER and move in TRAVELS)
] + [change(kind) for kind in K if kind not in ALLOWED_MOVES]


@pytest.mark.parametrize(
    ("told", "key", "units"), WORK, ids=lambda value: getattr(value, "kind", None)
)
def test_work_comes_and_is_done(told: Change, key: TaskKey, units: int) -> None:
    """Of five units that wait; how long they have waited stays as it was."""
    before = {key: Waiting(5, LATER)}
    after = added([told], before)
    assert tasks_of([told]) == {key}
    assert after.tasks == {key: Waiting(5 + units, LATER)}
    assert not after.transfers
    assert not after.lost


@pytest.mark.parametrize("told", NO_WORK, ids=lambda told: f"{told.kind} {told.source}")
def test_other_changes_are_no_work(told: Change) -> None:
    """Neither a hold nor a policy is anything to be done."""
    after = added([told], {})
    assert (after.tasks, after.transfers) == ({}, {})
    assert after.lost == ({told.row} if told.kind is K.LOSE else set())


def test_every_move_is_in_one_of_the_lists() -> None:
    """A new kind must be thought of here."""
    listed = {(told.source, told.target) for told in [*NO_WORK, *(each for each, _, _ in WORK)]}
    assert {move for moves in ALLOWED_MOVES.values() for move in moves} - listed == TRAVELS


def test_what_is_done_leaves_and_comes_back_as_new() -> None:
    """Replaced from there a second time, it waits since then."""
    sent = change(K.SHIP, 3, cause=("shipment", "S1"))
    again = change(K.CONFIRM, 1, occurred_at=LATER)
    assert added([change(K.CONFIRM, 3), sent], {}).tasks == {PICK: None}
    after = added([change(K.CONFIRM, 3), sent, again], {})
    assert after.tasks == {PICK: Waiting(1, LATER)}


def test_a_task_waits_since_its_first_units_did() -> None:
    """And since it happened, not since somebody told."""
    more = change(K.CONFIRM, 1, occurred_at=LATER)
    early = change(K.CONFIRM, 1, recorded_at=LATER)
    assert added([early, more], {}).tasks == {PICK: Waiting(2, NOON)}


def test_a_transfer_is_told_from_both_ends() -> None:
    """In either order; what arrives names its transfer by its receipt's document."""
    leaves = change(K.TRANSFER, 4, move=(P.SELLABLE, P.TRANSIT), cause=("transfer", "T1"))
    arrives = change(
        K.TRANSFER,
        3,
        move=(P.TRANSIT, P.SELLABLE),
        cause=("transfer-receipt", "TR1"),
        refers_to="T1",
        location="MUC1",
        occurred_at=LATER,
    )
    expected = {("T1", LAMP): Travelling(sent=4, received=3, since=NOON)}
    assert added([leaves, arrives], {}).transfers == expected
    assert added([arrives, leaves], {}).transfers == expected
    assert added([arrives], {}).transfers == {("T1", LAMP): Travelling(received=3)}


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (change(K.SHIP, 2, cause=("shipment", "S1")), "more-done-than-waited"),
        (change(K.SHIP, 2, order_id=None), "order-unknown"),
        (change(K.RESTOCK, 1, cause=("inspection", "I1")), "return-unknown"),
        (change(K.TRANSFER, 1, move=(P.TRANSIT, P.SELLABLE)), "transfer-unknown"),
    ],
)
def test_what_cannot_be_counted_says_why(told: Change, code: str) -> None:
    """It is put aside under that word, with the row and the sequence."""
    before = {PICK: Waiting(1, NOON)}
    with pytest.raises(UncountableError, match=f"{code}: brass-lamp/BER1/1") as caught:
        added([told], before)
    assert caught.value.code == code
