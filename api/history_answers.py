"""How the past of a sku is told: entries with what the row was like after them, and a moment explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from api.answers import Answer
from api.queries import positions_token
from ledger.movements import Movement
from ledger.reading.history import Explained, OpenHold
from ledger.stock import Pile, Stock
from workflows.starting import checkout_workflow_id


class CauseAnswer(Answer):
    """What made a movement: a reservation, an order, a document, a policy."""

    kind: str
    id: str


class RowAnswer(Answer):
    """A row of stock as it was after one of its entries. The last three piles are the outside world."""

    on_hand: int
    available: int
    held_back: int
    sellable: int
    reserved: int
    sold: int
    shipped: int
    returned: int
    damaged: int
    researching: int
    supply: int
    adjustment: int
    transit: int
    safety_stock: int
    feed_buffer: int
    paused: tuple[str, ...]


class MovementAnswer(Answer):
    """One entry of the ledger. `occurred_at` is when it happened, as told; `recorded_at` when it was known."""

    location: str
    sequence: int
    kind: str
    source: str | None
    target: str | None
    quantity: int
    cause: CauseAnswer
    operation_key: str | None
    actor: str
    reason: str | None
    occurred_at: datetime
    recorded_at: datetime
    after: RowAnswer
    hash: str


class MovementsAnswer(Answer):
    """A page of entries, oldest first. `next` is null where there are no more at this moment."""

    sku: str
    movements: tuple[MovementAnswer, ...]
    next: str | None


class HeldBackAnswer(Answer):
    """Units that policy keeps out of sale, and which policy: `safety_stock`, `feed_buffer`, or a pause's reasons."""

    because: str
    reasons: tuple[str, ...]
    quantity: int


class LocationThenAnswer(RowAnswer):
    """A location as it was. `version` is its last entry by then, recorded at `recorded_at`."""

    location: str
    version: int
    recorded_at: datetime
    because: tuple[HeldBackAnswer, ...]


class HoldAnswer(Answer):
    """Units that a checkout claimed. `seconds_left` of its time to live at that moment; 0 is over time or fenced."""

    reservation_id: str
    checkout_id: str
    workflow_id: str
    location: str
    state: str
    quantity: int
    extensions: int
    expires_at: datetime
    seconds_left: float


class NumbersThenAnswer(Answer):
    """The numbers of a sku over all its locations at one moment."""

    on_hand: int
    reserved: int
    available: int
    held_back: int
    sold: int
    shipped: int
    returned: int
    damaged: int
    researching: int
    in_transit: int
    version: int


class ExplainedAnswer(Answer):
    """Why a sku's numbers were what they were at `at`, and what has happened to it since.

    `difference` is now minus then. `movements` are the first of those that made it; `next` leads to the
    others. `holds_complete` is false where a hold lies too far back in a long history to be named.
    """

    sku: str
    at: datetime
    as_of: datetime
    then: NumbersThenAnswer
    now: NumbersThenAnswer
    difference: NumbersThenAnswer
    locations: tuple[LocationThenAnswer, ...]
    holds: tuple[HoldAnswer, ...]
    holds_complete: bool
    movements: tuple[MovementAnswer, ...]
    next: str | None


_SUMMED = tuple(
    name for name in NumbersThenAnswer.model_fields if name not in ("in_transit", "version")
)
_PILES = tuple(pile.value for pile in Pile)


def movements_answer(
    sku: str, movements: Sequence[Movement], read: dict[str, int], limit: int
) -> MovementsAnswer:
    """Tell a page that follows what was `read`."""
    return MovementsAnswer(
        sku=sku,
        movements=tuple(_movement(movement) for movement in movements),
        next=_next(movements, read, limit),
    )


def explained_answer(sku: str, explained: Explained, limit: int) -> ExplainedAnswer:
    """Tell a moment and what came after it."""
    then, now = _numbers(explained.then_rows), _numbers(explained.now_rows)
    read = {row.location: row.sequence for row in explained.then_rows}
    return ExplainedAnswer(
        sku=sku,
        at=explained.at,
        as_of=explained.now,
        then=then,
        now=now,
        difference=NumbersThenAnswer(
            **{
                name: getattr(now, name) - getattr(then, name)
                for name in NumbersThenAnswer.model_fields
            }
        ),
        locations=tuple(_location(row) for row in explained.then_rows),
        holds=tuple(_hold(hold, explained.at) for hold in explained.holds),
        holds_complete=sum(hold.quantity for hold in explained.holds) == then.reserved,
        movements=tuple(_movement(movement) for movement in explained.later),
        next=_next(explained.later, read, limit),
    )


def _next(movements: Sequence[Movement], read: dict[str, int], limit: int) -> str | None:
    if len(movements) < limit:
        return None
    last = {movement.after.location: movement.after.sequence for movement in movements}
    return positions_token({**read, **last})


def _movement(movement: Movement) -> MovementAnswer:
    after, cause = movement.after, movement.cause
    return MovementAnswer(
        location=after.location,
        sequence=after.sequence,
        kind=movement.kind,
        source=movement.source,
        target=movement.target,
        quantity=movement.quantity,
        cause=CauseAnswer(kind=cause.kind, id=cause.id),
        operation_key=cause.operation_key,
        actor=cause.actor,
        reason=cause.reason,
        occurred_at=movement.occurred_at,
        recorded_at=movement.recorded_at,
        after=RowAnswer(**_row(after)),
        hash=after.hash.hex(),
    )


def _row(row: Stock) -> dict[str, object]:
    return {
        "on_hand": row.on_hand,
        "available": row.available,
        "held_back": row.held_back,
        **{name: getattr(row, name) for name in _PILES},
        "safety_stock": row.safety_stock,
        "feed_buffer": row.feed_buffer,
        "paused": row.paused,
    }


def _location(row: Stock) -> LocationThenAnswer:
    assert row.recorded_at is not None
    return LocationThenAnswer(
        location=row.location,
        version=row.sequence,
        recorded_at=row.recorded_at,
        because=tuple(
            HeldBackAnswer(
                because=policy, reasons=row.paused if policy == "pause" else (), quantity=quantity
            )
            for policy, quantity in row.held_back_by
        ),
        **_row(row),
    )


def _hold(hold: OpenHold, at: datetime) -> HoldAnswer:
    left = (hold.expires_at - at).total_seconds() if hold.state == "held" else 0.0
    return HoldAnswer(
        reservation_id=hold.reservation_id,
        checkout_id=hold.checkout_id,
        workflow_id=checkout_workflow_id(hold.checkout_id),
        location=hold.location,
        state=hold.state,
        quantity=hold.quantity,
        extensions=hold.extension,
        expires_at=hold.expires_at,
        seconds_left=max(left, 0.0),
    )


def _numbers(rows: Iterable[Stock]) -> NumbersThenAnswer:
    all_rows = list(rows)
    return NumbersThenAnswer(
        **{name: sum(getattr(row, name) for row in all_rows) for name in _SUMMED},
        in_transit=sum(row.transit for row in all_rows),
        version=sum(row.sequence for row in all_rows),
    )
