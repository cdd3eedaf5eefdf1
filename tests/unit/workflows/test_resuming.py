"""Where a story goes on whose workflow is gone: each row of the contract's table has one next step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from activities.messages import CartLine
from activities.standing import Standing
from ledger.checkouts import (
    COMBINATIONS,
    PaymentState,
    ReservationState,
    Status,
)
from tests.model_check.small_world import ADA, LAMP, PRICE
from workflows.resuming import resumed
from workflows.steps import Began, Done, Step
from workflows.story import decide

_R, _P = ReservationState, PaymentState


def standing(
    status: Status,
    reservation: ReservationState,
    payment: PaymentState,
    *,
    asked: bool | None = None,
    ordinal: int | None = None,
    extension: int = 0,
    declines: int = 0,
) -> Standing:
    """Give the rows of a checkout of one lamp."""
    return Standing(
        checkout_id=ADA,
        lines=(CartLine(sku=LAMP, quantity=1),),
        total_minor=PRICE,
        currency="EUR",
        ttl_seconds=900,
        status=status,
        reservation=reservation,
        payment=payment,
        payment_asked_for=payment is not _P.NONE if asked is None else asked,
        ordinal=(0 if reservation is _R.NONE else 1) if ordinal is None else ordinal,
        extension=extension,
        declines=declines,
    )


def next_of(rows: Standing) -> Step | None:
    """Say what is done first once the story goes on; None where it is at its end."""
    story, commands = decide(resumed(rows), Began())
    assert bool(commands) is not story.closed
    return commands[0].step if commands else None


NEXT = {
    (Status.RESERVING, _R.NONE, _P.NONE): Step.RESERVE_STOCK,
    (Status.RESERVING, _R.HELD, _P.NONE): Step.REQUEST_PAYMENT,
    (Status.AWAITING_PAYMENT, _R.HELD, _P.REQUIRES_PAYMENT): Step.ACCEPT_PAYMENT,
    (Status.AWAITING_PAYMENT, _R.HELD, _P.PROCESSING): Step.ACCEPT_PAYMENT,
    (Status.AWAITING_PAYMENT, _R.HELD, _P.AUTHORIZED): Step.ACCEPT_PAYMENT,
    (Status.AWAITING_PAYMENT, _R.HELD, _P.CAPTURED): Step.ACCEPT_PAYMENT,
    (Status.COMMITTING, _R.COMMITTING, _P.AUTHORIZED): Step.CAPTURE_PAYMENT,
    (Status.COMMITTING, _R.COMMITTING, _P.CAPTURING): Step.CAPTURE_PAYMENT,
    (Status.COMMITTING, _R.COMMITTING, _P.UNKNOWN): Step.CAPTURE_PAYMENT,
    (Status.COMMITTING, _R.COMMITTING, _P.CAPTURED): Step.CONFIRM_ORDER,
    (Status.REFUND_PENDING, _R.RELEASED, _P.CAPTURED): Step.REFUND_PAYMENT,
    (Status.REFUND_PENDING, _R.RELEASED, _P.UNKNOWN): Step.VOID_PAYMENT,
    (Status.REFUND_PENDING, _R.RELEASED, _P.REFUNDING): Step.REFUND_PAYMENT,
    (Status.REFUND_PENDING, _R.RELEASED, _P.REFUNDED): Step.REFUND_PAYMENT,
    (Status.REFUND_PENDING, _R.EXPIRED, _P.CAPTURED): Step.VOID_PAYMENT,
    (Status.REFUND_PENDING, _R.EXPIRED, _P.UNKNOWN): Step.VOID_PAYMENT,
    (Status.REFUND_PENDING, _R.EXPIRED, _P.REFUNDING): Step.REFUND_PAYMENT,
    (Status.REFUND_PENDING, _R.EXPIRED, _P.REFUNDED): Step.VOID_PAYMENT,
    (Status.REFUND_PENDING, _R.CONFIRMED, _P.CAPTURED): Step.REFUND_PAYMENT,
    (Status.REFUND_PENDING, _R.CONFIRMED, _P.UNKNOWN): Step.VOID_PAYMENT,
    (Status.REFUND_PENDING, _R.CONFIRMED, _P.REFUNDING): Step.REFUND_PAYMENT,
    (Status.REFUND_PENDING, _R.CONFIRMED, _P.REFUNDED): Step.REFUND_PAYMENT,
    **{
        (status, reservation, payment): Step.VOID_PAYMENT
        for status, ended in (
            (Status.DECLINED, _R.RELEASED),
            (Status.CANCELLED, _R.RELEASED),
            (Status.EXPIRED, _R.EXPIRED),
        )
        for reservation in (_R.NONE, ended)
        for payment in (
            _P.REQUIRES_PAYMENT,
            _P.PROCESSING,
            _P.AUTHORIZED,
            _P.FAILED,
            _P.VOIDING,
        )
    },
}
"""Whatever is not here is at its end."""


def table() -> Iterator[tuple[Status, ReservationState, PaymentState]]:
    """List the contract's table, without orders: those are not this story's."""
    for status, (reservations, payments, _) in COMBINATIONS.items():
        if status is not Status.NEEDS_REVIEW:
            for reservation, payment in product(sorted(reservations), sorted(payments)):
                yield status, reservation, payment


@pytest.mark.parametrize(("status", "reservation", "payment"), list(table()))
def test_each_row_of_the_table_has_its_next_step(
    status: Status, reservation: ReservationState, payment: PaymentState
) -> None:
    """Stock or money on its way is led to its end; what is at rest is left alone."""
    rows = standing(status, reservation, payment)

    assert next_of(rows) == NEXT.get((status, reservation, payment))


def test_no_row_is_expected_that_the_table_does_not_have() -> None:
    """Or the test above would not have looked at it."""
    assert NEXT.keys() <= set(table())


@pytest.mark.parametrize("status", [Status.DECLINED, Status.CANCELLED, Status.EXPIRED])
def test_a_payment_that_was_asked_for_and_never_heard_of_is_voided(status: Status) -> None:
    """The provider may have opened it."""
    reservation = _R.EXPIRED if status is Status.EXPIRED else _R.RELEASED

    assert next_of(standing(status, reservation, _P.NONE, asked=True)) is Step.VOID_PAYMENT
    assert next_of(standing(status, reservation, _P.NONE, asked=False)) is None


def test_a_review_is_a_persons() -> None:
    """Whatever its states are."""
    for reservation, payment in product(ReservationState, PaymentState):
        assert next_of(standing(Status.NEEDS_REVIEW, reservation, payment)) is None


def test_only_what_expired_may_be_sold_again() -> None:
    """Who cancelled, or was declined, wants no lamp any more."""
    rescues = {
        (status, reservation)
        for status, reservation, payment in table()
        if resumed(standing(status, reservation, payment)).rescuing
    }

    assert rescues == {(Status.EXPIRED, _R.EXPIRED), (Status.REFUND_PENDING, _R.EXPIRED)}


def test_what_was_counted_is_remembered() -> None:
    """The newest reservation, its extensions, and the declines so far."""
    rows = standing(
        Status.COMMITTING, _R.COMMITTING, _P.CAPTURED, ordinal=2, extension=1, declines=1
    )

    story = resumed(rows, payment_attempts=3)

    assert (story.ordinal, story.extension, story.declines.count, story.payment_attempts) == (
        2,
        1,
        1,
        3,
    )


def test_a_void_that_finds_the_stock_held_again_goes_forward() -> None:
    """A lost workflow's last step went on, and was first: from the fence there is no way back."""
    story, _ = decide(resumed(standing(Status.EXPIRED, _R.EXPIRED, _P.AUTHORIZED)), Began())
    found = Done(
        step=Step.VOID_PAYMENT,
        status=Status.COMMITTING,
        code="too-late",
        reservation=_R.COMMITTING,
    )

    story, (command,) = decide(story, found)

    assert (command.step, command.ordinal) == (Step.CAPTURE_PAYMENT, 2)
    assert set(story.undo) == {Step.RELEASE_STOCK, Step.VOID_PAYMENT}
