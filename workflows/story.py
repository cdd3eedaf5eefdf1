"""What a checkout does next: one pure function from a state and an event to a state and commands.

The workflow carries the commands out and reports back what happened; the model checker and the
simulator do the same without Temporal. Facts are folded into the state as they come in, at any
moment; what to do next is then read off the state alone, whenever no step is under way. So an event
that arrives during a step is never lost and never interrupts it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ledger.checkouts import ReservationState, Status
from workflows.declines import Declines
from workflows.steps import (
    LATE_PAYMENT,
    Asker,
    Began,
    CancelAsked,
    Command,
    Done,
    Event,
    ExtendAsked,
    GaveUp,
    PaymentHinted,
    Stage,
    Step,
    TimeOver,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything decided so far. `undo` is what must be taken back, remembered before it is done."""

    payment_attempts: int = 1
    stage: Stage = Stage.RESERVING
    status: Status = Status.RESERVING
    under_way: Command | None = None
    undo: tuple[Step, ...] = ()
    ending: Status | None = None
    reason: str | None = None
    compensating: bool = False
    extension: int = 0
    declines: Declines = field(default_factory=Declines)
    time_over: bool = False
    ordinal: int = 1
    """The newest reservation's number."""
    rescuing: bool = False
    """True once the hold has expired by its time: a payment that came after all may be sold again."""
    late: bool = False
    """True once a payment was found that came after the hold had expired."""
    extensions_asked: tuple[ExtendAsked, ...] = ()
    cancel_asked_by: Asker | None = None
    hints: tuple[PaymentHinted, ...] = ()
    seen_events: frozenset[str] = frozenset()
    captured: bool = False
    acceptance_gave_up: bool = False
    """Set where the provider could not be asked: then the end of the TTL is not put off for it."""

    @property
    def closed(self) -> bool:
        """True once nothing is left to do: stock and payment are both at an end."""
        return self.stage is Stage.CLOSED

    @property
    def decided(self) -> bool:
        """True once the caller who asked for stock can be told: held and payable, or refused."""
        return self.status is not Status.RESERVING or self.closed

    @property
    def past_fence(self) -> bool:
        """True from the final validation on: a customer's cancel is too late."""
        return self.stage is Stage.COMMITTING or self.status in (
            Status.CONFIRMED,
            Status.REFUND_PENDING,
            Status.REFUNDED,
        )


Decision = tuple[Story, tuple[Command, ...]]


def decide(story: Story, event: Event) -> Decision:
    """Fold one event in, and say what to do next; no commands means wait."""
    if story.closed:
        return story, ()
    after = _folded(story, event)
    if after.under_way is not None:
        return after, ()
    return _next(after)


def _folded(story: Story, event: Event) -> Story:  # noqa: PLR0911 - one return a kind of event
    match event:
        case Began():
            return story
        case PaymentHinted():
            if event.event_id in story.seen_events:
                return story
            return replace(
                story,
                hints=(*story.hints, event),
                seen_events=story.seen_events | {event.event_id},
            )
        case TimeOver():
            return replace(story, time_over=True)
        case CancelAsked():
            stronger = story.cancel_asked_by is Asker.OPERATOR
            return story if stronger else replace(story, cancel_asked_by=event.by)
        case ExtendAsked():
            return replace(story, extensions_asked=(*story.extensions_asked, event))
        case GaveUp():
            return replace(_gave_up(story, event), under_way=None)
        case Done():
            answered = _FOLD[event.step](replace(story, status=event.status), event)
            return replace(answered, under_way=None)


def _gave_up(story: Story, event: GaveUp) -> Story:
    if event.step is Step.ACCEPT_PAYMENT:
        return replace(story, acceptance_gave_up=True)
    if event.step is Step.EXTEND_HOLD:
        return _extension_answered(story)
    if event.asks_too:
        story = _asked_for_money(story)
    return _ended(story, Status.CANCELLED, event.code)


def _ended(story: Story, ending: Status, reason: str, *, compensating: bool = False) -> Story:
    return replace(
        story, stage=Stage.UNDOING, ending=ending, reason=reason, compensating=compensating
    )


def _asked_for_money(story: Story) -> Story:
    return replace(story, undo=(*_without(story.undo, Step.VOID_PAYMENT), Step.VOID_PAYMENT))


def _reserved(story: Story, event: Done) -> Story:
    if event.status is Status.AWAITING_PAYMENT:
        return replace(_asked_for_money(story), stage=Stage.AWAITING_PAYMENT)
    if event.code is None:
        # Past `reserving` the payment was asked for, though the hold may be over already.
        asked = event.asks_too or event.status is not Status.RESERVING
        return _asked_for_money(story) if asked else story
    if event.status is Status.RESERVING:
        return _ended(story, Status.CANCELLED, event.code)
    return replace(story, stage=Stage.CLOSED, undo=())


def _payment_requested(story: Story, event: Done) -> Story:
    if event.code is not None:
        return _ended(story, Status.CANCELLED, event.code)
    if event.status is not Status.AWAITING_PAYMENT:
        return _hold_gone(story, event)
    return replace(story, stage=Stage.AWAITING_PAYMENT)


def _payment_accepted(story: Story, event: Done) -> Story:
    looked_at, unread = _read(story)
    story = replace(story, hints=unread, acceptance_gave_up=False)
    if event.status is Status.CONFIRMED:
        return _confirmed(story, event)
    if event.status is Status.COMMITTING:
        return replace(story, stage=Stage.COMMITTING)
    if event.code == "not-held":
        return _hold_gone(story, event)
    if event.code is not None:
        return _ended(story, Status.DECLINED, event.code)
    if event.declined:
        story = replace(story, declines=story.declines.after(looked_at, event.attempt))
        if story.declines.count >= story.payment_attempts:
            return _ended(story, Status.DECLINED, "payment-declined")
    return story


def _read(story: Story) -> tuple[list[PaymentHinted], tuple[PaymentHinted, ...]]:
    events = story.under_way.webhook_events if story.under_way else ()
    looked_at = [hint for hint in story.hints if hint.event_id in events]
    return looked_at, tuple(hint for hint in story.hints if hint.event_id not in events)


def _captured(story: Story, event: Done) -> Story:
    if event.declined:
        return _ended(story, Status.DECLINED, event.code or "capture-declined", compensating=True)
    return replace(story, captured=True)


def _confirmed(story: Story, event: Done) -> Story:  # noqa: ARG001 - one shape for all
    if story.cancel_asked_by is Asker.OPERATOR:
        return replace(story, stage=Stage.UNDOING, undo=(Step.REFUND_PAYMENT, Step.CANCEL_ORDER))
    return replace(story, stage=Stage.CLOSED, undo=())


def _let_go(story: Story, event: Done) -> Story:
    if event.code in ("not-held", "too-late") or (event.code or "").startswith("already-"):
        return _hold_gone(story, event)
    if event.code == "extended":
        extension = story.extension if event.extension is None else event.extension
        return replace(story, stage=Stage.AWAITING_PAYMENT, time_over=False, extension=extension)
    expired = event.step is Step.EXPIRE_HOLD
    return replace(_let_go_of_stock(story), rescuing=expired)


def _let_go_of_stock(story: Story) -> Story:
    return replace(story, stage=Stage.UNDOING, undo=_without(story.undo, Step.RELEASE_STOCK))


def _hold_gone(story: Story, event: Done) -> Story:
    if event.reservation is ReservationState.COMMITTING:
        return replace(story, stage=Stage.COMMITTING, ending=None)
    if event.reservation is ReservationState.CONFIRMED:
        return _confirmed(story, event)
    expired = event.reservation is ReservationState.EXPIRED
    return replace(_let_go_of_stock(story), rescuing=expired)


def _extended(story: Story, event: Done) -> Story:
    """Go on waiting, longer or not: what else became of the hold shows at the next step."""
    story = _extension_answered(story)
    if event.code is not None:
        return story
    extension = story.extension if event.extension is None else event.extension
    return replace(story, extension=extension, time_over=False)


def _extension_answered(story: Story) -> Story:
    """Forget the wish that was carried out, and its twins; another one that came meanwhile is next."""
    if story.under_way is None:
        return story
    answered = ExtendAsked(extension=story.under_way.extension, seconds=story.under_way.seconds)
    waiting = tuple(asked for asked in story.extensions_asked if asked != answered)
    return replace(story, extensions_asked=waiting)


def _reacquired(story: Story, event: Done) -> Story:
    story = replace(story, rescuing=False)
    return story if event.code is not None else _held_again(story)


def _held_again(story: Story) -> Story:
    undo = (Step.RELEASE_STOCK, *story.undo)
    return replace(
        story, stage=Stage.COMMITTING, rescuing=False, ordinal=story.ordinal + 1, undo=undo
    )


def _voided(story: Story, event: Done) -> Story:
    if event.code == LATE_PAYMENT:
        return replace(story, late=True)
    if event.reservation is ReservationState.COMMITTING:
        # Somebody else held the stock again for it: a lost workflow's last step, which went on.
        return _held_again(story)
    undo = _without(story.undo, Step.VOID_PAYMENT)
    if event.status is Status.REFUND_PENDING:
        undo = (*undo, Step.REFUND_PAYMENT)
    return replace(story, undo=undo)


def _order_cancelled(story: Story, event: Done) -> Story:
    if event.code is not None:
        return replace(story, stage=Stage.CLOSED, undo=())
    return _undone(story, event)


def _undone(story: Story, event: Done) -> Story:
    return replace(story, undo=_without(story.undo, event.step))


_FOLD = {
    Step.RESERVE_STOCK: _reserved,
    Step.REQUEST_PAYMENT: _payment_requested,
    Step.ACCEPT_PAYMENT: _payment_accepted,
    Step.CAPTURE_PAYMENT: _captured,
    Step.CONFIRM_ORDER: _confirmed,
    Step.RELEASE_STOCK: _let_go,
    Step.EXTEND_HOLD: _extended,
    Step.EXPIRE_HOLD: _let_go,
    Step.REACQUIRE_STOCK: _reacquired,
    Step.VOID_PAYMENT: _voided,
    Step.CANCEL_ORDER: _order_cancelled,
    Step.REFUND_PAYMENT: _undone,
}


def _next(story: Story) -> Decision:
    match story.stage:
        case Stage.RESERVING:
            return _next_reserving(story)
        case Stage.AWAITING_PAYMENT:
            return _next_awaiting(story)
        case Stage.COMMITTING:
            step = Step.CONFIRM_ORDER if story.captured else Step.CAPTURE_PAYMENT
            return _do(story, Command(step=step, ordinal=story.ordinal))
        case Stage.UNDOING:
            return _next_undo(story)
        case Stage.CLOSED:
            return story, ()


def _next_reserving(story: Story) -> Decision:
    if Step.RELEASE_STOCK not in story.undo:
        remembered = replace(story, undo=(*story.undo, Step.RELEASE_STOCK))
        return _do(remembered, Command(step=Step.RESERVE_STOCK))
    if story.cancel_asked_by is not None:
        return _next_undo(_ended(story, Status.CANCELLED, story.cancel_asked_by))
    return _do(_asked_for_money(story), Command(step=Step.REQUEST_PAYMENT))


def _next_awaiting(story: Story) -> Decision:
    if story.cancel_asked_by is not None:
        return _next_undo(_ended(story, Status.CANCELLED, story.cancel_asked_by))
    if story.hints and not (story.time_over and story.acceptance_gave_up):
        events = tuple(hint.event_id for hint in story.hints)
        return _do(story, Command(step=Step.ACCEPT_PAYMENT, webhook_events=events))
    if story.extensions_asked:
        asked = story.extensions_asked[0]
        return _do(
            story,
            Command(step=Step.EXTEND_HOLD, extension=asked.extension, seconds=asked.seconds),
        )
    if story.time_over:
        return _do(story, Command(step=Step.EXPIRE_HOLD, extension=story.extension))
    return story, ()


def _next_undo(story: Story) -> Decision:
    """Take back what was remembered, last in first out, but let go of stock before money.

    The release is where the ledger decides who won: only a checkout that lost its hold may have its
    authorization voided, and the contract's table has no state for the other order.
    """
    if Step.RELEASE_STOCK in story.undo:
        return _do(
            story,
            Command(
                step=Step.RELEASE_STOCK,
                ending=story.ending,
                reason=story.reason,
                compensating=story.compensating,
                ordinal=story.ordinal,
            ),
        )
    rescuing = story.rescuing and story.cancel_asked_by is None
    if rescuing and story.late:
        return _do(story, Command(step=Step.REACQUIRE_STOCK, ordinal=story.ordinal + 1))
    if story.undo:
        step = story.undo[-1]
        rescuing = rescuing and step is Step.VOID_PAYMENT
        return _do(story, Command(step=step, ordinal=story.ordinal, rescuing=rescuing))
    return replace(story, stage=Stage.CLOSED), ()


def _do(story: Story, command: Command) -> Decision:
    return replace(story, under_way=command), (command,)


def _without(undo: tuple[Step, ...], gone: Step) -> tuple[Step, ...]:
    return tuple(step for step in undo if step is not gone)
