"""Where a story goes on whose workflow is gone: each row of the contract's table has one next step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest

from activities.messages import CartLine
from activities.standing import Standing
from ledger.checkouts import (
    COMBINATIONS,
    PaymentOperationState,
    PaymentState,
    ReservationState,
    Status,
)
from tests.unit.workflows.search import Node, Search, _told
from tests.unit.workflows.small_world import (
    ADA,
    LAMP,
    PRICE,
    Attempt,
    AttemptCut,
    BrokenPromiseError,
    attempt,
)
from workflows import resuming
from workflows.resuming import resumed
from workflows.steps import PAYMENT_FAILED, Began, Done, Step
from workflows.story import Story, decide

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

    assert (story.ordinal, story.extension, story.declines, story.payment_attempts) == (2, 1, 1, 3)


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


# Everything that can happen to one checkout, and its workflow lost in the middle of it.


def rows_of(node: Node) -> Standing:
    """Read the rows as the ledger does."""
    row, payment = node.now.checkout, node.now.payment
    asked = any(
        operation.kind == "authorize" and operation.state is not PaymentOperationState.FAILED
        for operation in node.now.operations
    )
    told = (kind for event, kind in node.heard if event in node.now.applied)
    return standing(
        row.status,
        row.reservation_state,
        row.payment_state,
        asked=asked or (payment is not None and payment.payment_intent is not None),
        ordinal=row.ordinal,
        declines=sum(kind == PAYMENT_FAILED for kind in told),
    )


Turn = tuple[str, Callable[[], tuple[Node | None, bool]]]


class Losing(Search):
    """A search in which the workflow itself can be lost, and is found."""

    def _turns(self, node: Node) -> Iterator[Turn]:
        for name, turn in super()._turns(node):
            if node.story.closed and name.startswith("slow "):
                yield name, lambda turn=turn: self._found_again(turn())  # type: ignore[misc]
            else:
                yield name, turn

    def _found_again(self, turned: tuple[Node | None, bool]) -> tuple[Node | None, bool]:
        """Look at the rows once more, as the next round does: a lost step has gone on after the end."""
        node, by_itself = turned
        return (None if node is None else self._lost(node)), by_itself

    def _troubles(self, node: Node) -> Iterator[Turn]:
        yield from super()._troubles(node)
        if node.story.closed:
            return
        yield "lost", lambda: (self._lost(node), False)
        under_way = node.story.under_way
        if under_way is None or node.slow is not None:
            return
        begun = Attempt(command=under_way)
        for beats in range(1, 40):
            try:
                cut = attempt(node.now, begun, beats=beats, strides=node.strides)
            except (AttemptCut, BrokenPromiseError):
                break
            dead = replace(node, now=cut.now)
            name = f"lost in {under_way.step.value} after {beats}"
            yield name, lambda dead=dead: (self._lost(dead), False)  # type: ignore[misc]
            slow = replace(dead, slow=cut.rest)
            yield f"{name}, which goes on", lambda slow=slow: (self._lost(slow), False)  # type: ignore[misc]

    def _lost(self, node: Node) -> Node:
        story = resuming.resumed(rows_of(node), payment_attempts=node.story.payment_attempts)
        self.found.rare[f"lost: {story.status.value}"] += 1
        held = node.now.held is ReservationState.HELD
        # A cancel that was not answered is lost with the workflow: nobody was promised anything.
        return _told(replace(node, story=story, timer=held, kept_word=True), Began())


@pytest.mark.parametrize(("other", "troubles"), [("customer", 1), ("reaper", 1), ("operator", 2)])
def test_a_workflow_may_be_lost_at_any_moment(other: str, troubles: int) -> None:
    """And again in its recovery; the step that was under way goes on beside it, or does not."""
    found = Losing(troubles=troubles, kinds=frozenset({other})).run()

    assert found.broken == {}
    assert found.stuck == []
    assert found.endings.keys() >= {"confirmed", "expired"}
    seen = {name for name, times in found.rare.items() if times and name.startswith("lost: ")}
    assert seen >= {"lost: reserving", "lost: awaiting_payment", "lost: committing"}
    assert found.rare["sold though it was paid late"] > 0


def resumed_without_undo(rows: Standing, *, payment_attempts: int = 1) -> Story:
    """Forget what must be taken back."""
    return replace(resumed(rows, payment_attempts=payment_attempts), undo=())


def resumed_as_captured(rows: Standing, *, payment_attempts: int = 1) -> Story:
    """Take the fence for the money."""
    return replace(resumed(rows, payment_attempts=payment_attempts), captured=True)


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [
        (resumed_without_undo, "closed before the money came to rest"),
        (resumed_as_captured, "stuck"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_story_that_goes_on_wrongly_is_caught(
    monkeypatch: pytest.MonkeyPatch, mutant: object, seen: str
) -> None:
    """Each forgets one thing, and the search says which."""
    monkeypatch.setattr(resuming, "resumed", mutant)

    found = Losing(troubles=1, kinds=frozenset({"customer"})).run()

    assert seen in {*found.broken, "stuck" if found.stuck else "none is stuck"}
