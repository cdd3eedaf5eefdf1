"""Where the story of a checkout goes on, told from its rows alone: one pure function."""

from __future__ import annotations

from dataclasses import replace

from activities.standing import Standing
from ledger.checkouts import PaymentState, ReservationState, Status
from workflows.declines import Declines
from workflows.steps import PaymentHinted, Stage, Step
from workflows.story import Story

LOOK = PaymentHinted(event_id="resumed", kind="resumed")
"""Nobody knows what was heard of the payment meanwhile: it is looked at first of all."""

_OVER = frozenset(
    {
        Status.OUT_OF_STOCK,
        Status.LIMIT_EXCEEDED,
        Status.CONFIRMED,
        Status.REFUNDED,
        Status.NEEDS_REVIEW,
    }
)
_VOIDED = frozenset({PaymentState.VOIDED, PaymentState.REFUNDED})


def resumed(rows: Standing, *, payment_attempts: int = 1) -> Story:
    """Give the story as it must have been when its workflow was lost, so far as the ledger knows.

    What the lost workflow had under way may have happened, may happen yet, or not: all its steps are
    safe to repeat, so the story goes on with the step that would have followed what is written down.
    """
    story = Story(
        payment_attempts=payment_attempts,
        status=rows.status,
        ordinal=max(rows.ordinal, 1),
        extension=rows.extension,
        declines=Declines(count=rows.declines),
    )
    match rows.status:
        case Status.RESERVING:
            return replace(story, undo=_stock(rows))
        case Status.AWAITING_PAYMENT:
            undo = (Step.RELEASE_STOCK, Step.VOID_PAYMENT)
            return replace(story, stage=Stage.AWAITING_PAYMENT, undo=undo, hints=(LOOK,))
        case Status.COMMITTING:
            undo = (Step.RELEASE_STOCK, Step.VOID_PAYMENT)
            captured = rows.payment is PaymentState.CAPTURED
            return replace(story, stage=Stage.COMMITTING, undo=undo, captured=captured)
        case Status.DECLINED | Status.CANCELLED | Status.EXPIRED:
            asked = rows.payment_asked_for and rows.payment not in _VOIDED
            return _undoing(story, rows, Step.VOID_PAYMENT if asked else None)
        case Status.REFUND_PENDING:
            # Looked at once more where it may still be sold, and where nobody knows whether it was taken.
            looks = _may_be_sold(rows) or rows.payment is PaymentState.UNKNOWN
            return _undoing(story, rows, Step.VOID_PAYMENT if looks else Step.REFUND_PAYMENT)
        case _:
            assert rows.status in _OVER
            return replace(story, stage=Stage.CLOSED)


def _stock(rows: Standing) -> tuple[Step, ...]:
    return () if rows.reservation is ReservationState.NONE else (Step.RELEASE_STOCK,)


def _may_be_sold(rows: Standing) -> bool:
    expired = rows.reservation is ReservationState.EXPIRED
    return expired and rows.payment is not PaymentState.REFUNDING


def _undoing(story: Story, rows: Standing, step: Step | None) -> Story:
    undo = () if step is None else (step,)
    return replace(story, stage=Stage.UNDOING, undo=undo, rescuing=_may_be_sold(rows))
