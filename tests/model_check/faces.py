"""What a checkout shows to the one beside it: the little that both together are judged by."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.checkouts import OrderState, ReservationState, Status
from tests.model_check.lives import Life
from tests.model_check.small_world import COUNTED_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One checkout from outside: its units by its own rows, and how it stands."""

    status: Status | None
    state: ReservationState
    held: int
    """Units that a live reservation claims."""
    sold: int
    """Units that an order keeps."""
    again: bool
    """It took stock a second time, for a payment that came late."""
    let_go: bool
    """It had a lamp, and has none any more."""
    paid_late_and_expired: bool
    over: bool


def face_of(life: Life) -> Face:
    """Look at a life from outside."""
    now = life.now
    newest = now.reservation
    ended = now.held in (ReservationState.EXPIRED, ReservationState.RELEASED)
    cancelled = now.checkout is not None and now.row.order_state is OrderState.CANCELLED
    return Face(
        status=now.status,
        state=now.held,
        held=_units(life, *COUNTED_ON),
        sold=0 if cancelled else _units(life, ReservationState.CONFIRMED),
        again=len(now.reservations) > 1,
        let_go=ended and newest is not None and bool(newest.lines),
        paid_late_and_expired=life.story.late and now.held is ReservationState.EXPIRED,
        over=life.over,
    )


def _units(life: Life, *states: ReservationState) -> int:
    rows = [row for row in life.now.reservations if row.state in states]
    return sum(line.quantity for row in rows for line in row.lines)
