"""What the story decides next, event by event: the steps are the real ones over a small world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from ledger.checkouts import ReservationState, Status
from tests.model_check.attempts import Attempt, attempt
from tests.model_check.others import pays
from tests.model_check.small_world import Moment, Shelf, opening, shelf
from workflows.steps import (
    FORWARD_STEPS,
    UNDO_STEPS,
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
from workflows.story import Story, decide

CUSTOMER, OPERATOR = CancelAsked(by=Asker.CUSTOMER), CancelAsked(by=Asker.OPERATOR)
HINT = PaymentHinted(event_id="evt_1", kind="payment_intent.amount_capturable_updated")
FAILED = PaymentHinted(event_id="evt_2", kind="payment_intent.payment_failed")
MANY = 30
WAITING = "waiting"


@dataclass
class Teller:
    """Tells one checkout, step by step. `meanwhile` happens while the named step is under way."""

    meanwhile: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    method: str = "pm_card_visa"
    shop: tuple[Moment, Shelf] = field(default_factory=opening)
    story: Story = field(default_factory=Story)
    strides: bool = False
    steps: list[str] = field(default_factory=list)

    def tell(self) -> Status:
        """Tell it to its end; a customer pays once they can, and is patient."""
        commands = self.hear(Began())
        for _ in range(MANY):
            if self.story.closed:
                return self.story.status
            commands = self.take(commands[0]) if commands else self.wait()
        raise AssertionError(self.steps)

    def hear(self, event: Event) -> tuple[Command, ...]:
        """Fold one event in; never two steps at once."""
        busy = self.story.under_way
        self.story, commands = decide(self.story, event)
        if busy is not None and not isinstance(event, Done | GaveUp):
            assert commands == ()
        assert len(commands) <= 1
        return commands

    def take(self, command: Command) -> tuple[Command, ...]:
        """Carry a step out."""
        self.steps.append(command.step.value)
        for event in self.meanwhile.get(command.step.value, ()):
            self.hear(event)
        tried = attempt(*self.shop, Attempt(command=command), strides=self.strides)
        self.shop = (tried.now, tried.common)
        assert tried.done is not None
        return self.hear(tried.done)

    def wait(self) -> tuple[Command, ...]:
        """Let happen what happens while nothing is under way: at last the TTL is over."""
        for event in (*self.meanwhile.get(WAITING, ()), *self.paid()):
            commands = self.hear(event)
            if commands or self.story.closed:
                return commands
        return self.hear(TimeOver())

    def paid(self) -> tuple[Event, ...]:
        """Let the customer pay, and the provider tell."""
        now, common = self.shop
        change = pays(now, self.method)
        if change is None:
            return ()
        paid, kinds = change
        self.shop = (paid, common)
        return tuple(PaymentHinted(event_id=f"evt_{len(self.steps)}", kind=kind) for kind in kinds)


STRAIGHT = [
    "reserve_stock",
    "request_payment",
    "accept_payment",
    "capture_payment",
    "confirm_order",
]


def test_the_straight_way() -> None:
    """Two strides; where something is in their way, five steps, one after another."""
    striding, stepping = Teller(strides=True), Teller()

    assert (striding.tell(), stepping.tell()) == (Status.CONFIRMED, Status.CONFIRMED)
    assert striding.steps == ["reserve_stock", "accept_payment"]
    assert stepping.steps == STRAIGHT


def test_a_refused_reserve_closes_at_once() -> None:
    """Nothing was taken, so nothing is undone."""
    teller = Teller(shop=opening(common=shelf(stock=0)))

    assert teller.tell() is Status.OUT_OF_STOCK
    assert teller.steps == ["reserve_stock"]


def test_a_declined_card_is_undone_stock_first() -> None:
    """The release is where the ledger decides who won; money follows."""
    teller = Teller(method="pm_card_chargeDeclined")

    assert teller.tell() is Status.DECLINED
    assert teller.steps[-2:] == ["release_stock", "void_payment"]


BEFORE_FENCE = ("reserve_stock", "request_payment", WAITING)
PAST_FENCE = ("accept_payment", "capture_payment", "confirm_order")
UNDONE = {
    # It may have asked for the payment as well, whatever it says.
    "reserve_stock": ["reserve_stock", "release_stock", "void_payment"],
    "request_payment": ["reserve_stock", "request_payment", "release_stock", "void_payment"],
    WAITING: ["reserve_stock", "request_payment", "release_stock", "void_payment"],
}


@pytest.mark.parametrize("when", BEFORE_FENCE)
@pytest.mark.parametrize("cancel", [CUSTOMER, OPERATOR], ids=["customer", "operator"])
def test_a_cancel_before_the_fence_undoes_what_was_done(when: str, cancel: CancelAsked) -> None:
    """After the step under way, never in the middle of it."""
    teller = Teller(meanwhile={when: (cancel,)})

    assert teller.tell() is Status.CANCELLED
    assert teller.steps == UNDONE[when]
    assert teller.story.reason == cancel.by


@pytest.mark.parametrize("when", PAST_FENCE)
def test_a_customers_cancel_past_the_fence_changes_nothing(when: str) -> None:
    """From there the story goes forward."""
    teller = Teller(meanwhile={when: (CUSTOMER,)})

    assert teller.tell() is Status.CONFIRMED
    assert teller.steps == STRAIGHT


@pytest.mark.parametrize("when", PAST_FENCE)
def test_an_operators_cancel_past_the_fence_is_a_refund_at_the_end(when: str) -> None:
    """Forward first, then the units are put back before the money."""
    teller = Teller(meanwhile={when: (OPERATOR,)})

    assert teller.tell() is Status.REFUNDED
    assert teller.steps == [*STRAIGHT, "cancel_order", "refund_payment"]


@pytest.mark.parametrize("when", ["release_stock", "void_payment"])
@pytest.mark.parametrize("event", [CUSTOMER, OPERATOR, TimeOver(), HINT, FAILED], ids=repr)
def test_nothing_interrupts_an_undo(when: str, event: Event) -> None:
    """Whatever comes, it is finished and keeps its reason."""
    teller = Teller(meanwhile={when: (event,)}, method="pm_card_chargeDeclined")

    assert teller.tell() is Status.DECLINED
    assert teller.steps[-2:] == ["release_stock", "void_payment"]
    assert teller.story.reason == "payment-declined"


@pytest.mark.parametrize("when", ["reserve_stock", "request_payment"])
def test_the_end_of_the_ttl_is_not_forgotten_during_a_step(when: str) -> None:
    """It is acted on as soon as there is something to expire."""
    teller = Teller(meanwhile={when: (TimeOver(),)})

    assert teller.tell() is Status.EXPIRED
    assert teller.steps[-2:] == ["expire_hold", "void_payment"]


@pytest.mark.parametrize("when", PAST_FENCE)
def test_the_end_of_the_ttl_takes_nothing_from_a_fenced_checkout(when: str) -> None:
    """No timer can."""
    assert Teller(meanwhile={when: (TimeOver(),)}).tell() is Status.CONFIRMED


@pytest.mark.parametrize("when", [*STRAIGHT, WAITING])
@pytest.mark.parametrize("hints", [(HINT,), (HINT, HINT), (FAILED, HINT), (FAILED, FAILED)])
def test_hints_at_any_moment_only_make_us_look(when: str, hints: tuple[PaymentHinted, ...]) -> None:
    """Early, repeated or of a kind that is not true: one capture in the end."""
    teller = Teller(meanwhile={when: hints})

    assert teller.tell() is Status.CONFIRMED
    assert teller.steps.count("capture_payment") == 1


def test_a_hint_is_looked_at_once() -> None:
    """The delivery loop brings it until it is applied."""
    waiting = Story(stage=Stage.AWAITING_PAYMENT, status=Status.AWAITING_PAYMENT)
    looking, (command,) = decide(waiting, HINT)
    seen = Done(step=Step.ACCEPT_PAYMENT, status=Status.AWAITING_PAYMENT)

    after, _ = decide(looking, seen)
    again, commands = decide(after, HINT)

    assert command.webhook_events == (HINT.event_id,)
    assert (again, commands) == (after, ())


def test_a_hint_during_a_look_is_looked_at_next() -> None:
    """It may tell of what happened just after."""
    waiting = Story(stage=Stage.AWAITING_PAYMENT, status=Status.AWAITING_PAYMENT)
    looking, _ = decide(waiting, HINT)
    told, none = decide(looking, FAILED)

    _, (command,) = decide(told, Done(step=Step.ACCEPT_PAYMENT, status=Status.AWAITING_PAYMENT))

    assert none == ()
    assert command == Command(step=Step.ACCEPT_PAYMENT, webhook_events=(FAILED.event_id,))


@pytest.mark.parametrize(
    ("attempts", "hints", "ends"), [(1, 1, True), (2, 1, False), (2, 2, True), (3, 2, False)]
)
def test_declines_are_counted_by_their_events(attempts: int, hints: int, ends: bool) -> None:
    """Only the provider's no, and only once each."""
    told = Story(
        payment_attempts=attempts, stage=Stage.AWAITING_PAYMENT, status=Status.AWAITING_PAYMENT
    )
    for number in range(hints):
        told, _ = decide(told, replace(FAILED, event_id=f"evt_no_{number}"))
        no = Done(step=Step.ACCEPT_PAYMENT, status=Status.AWAITING_PAYMENT, declined=True)
        told, _ = decide(told, no)

    assert (told.ending is Status.DECLINED) is ends


@pytest.mark.parametrize("step", sorted(FORWARD_STEPS))
def test_a_forward_step_may_be_given_up(step: Step) -> None:
    """It is undone as if it had happened, or looked at again later."""
    told, _ = decide(_about_to(step), GaveUp(step=step, code="timed-out"))

    if step is Step.ACCEPT_PAYMENT:
        assert (told.stage, told.acceptance_gave_up) == (Stage.AWAITING_PAYMENT, True)
        assert told.under_way == Command(step=step, webhook_events=(HINT.event_id,))
    elif step is Step.EXTEND_HOLD:
        assert (told.stage, told.under_way) == (Stage.AWAITING_PAYMENT, None)
    else:
        assert (told.stage, told.ending, told.reason) == (
            Stage.UNDOING,
            Status.CANCELLED,
            "timed-out",
        )
        assert told.under_way is not None
        assert told.under_way.step is Step.RELEASE_STOCK


def test_the_end_of_the_ttl_is_not_put_off_for_a_provider_that_is_away() -> None:
    """A look that was given up is not tried again when the time is over."""
    looking, _ = decide(_about_to(Step.ACCEPT_PAYMENT), TimeOver())

    told, _ = decide(looking, GaveUp(step=Step.ACCEPT_PAYMENT, code="payment-unknown"))

    assert told.under_way == Command(step=Step.EXPIRE_HOLD)


def test_a_payment_asked_for_while_its_hold_was_reaped_is_voided() -> None:
    """The reserve went on to ask for it, and a cancel came meanwhile: the customer could still pay."""
    cancelled, _ = decide(_about_to(Step.RESERVE_STOCK), CUSTOMER)
    late, _ = decide(cancelled, Done(step=Step.RESERVE_STOCK, status=Status.EXPIRED))
    gone = Done(
        step=Step.RELEASE_STOCK,
        status=Status.EXPIRED,
        code="already-expired",
        reservation=ReservationState.EXPIRED,
    )

    after, commands = decide(late, gone)

    assert [command.step for command in commands] == [Step.VOID_PAYMENT]
    assert not after.closed


def test_a_release_that_came_too_late_goes_forward() -> None:
    """The fence was there, though its answer never came."""
    told = replace(
        _about_to(Step.ACCEPT_PAYMENT),
        stage=Stage.UNDOING,
        under_way=Command(step=Step.RELEASE_STOCK),
    )
    late = Done(
        step=Step.RELEASE_STOCK,
        status=Status.COMMITTING,
        code="too-late",
        reservation=ReservationState.COMMITTING,
    )

    after, (command,) = decide(told, late)

    assert after.past_fence
    assert command.step is Step.CAPTURE_PAYMENT


@pytest.mark.parametrize("event", [Began(), HINT, TimeOver(), CUSTOMER, OPERATOR], ids=repr)
def test_nothing_happens_after_the_end(event: Event) -> None:
    """A signal may still be under way when a workflow closes."""
    closed = Story(stage=Stage.CLOSED, status=Status.CONFIRMED)

    assert decide(closed, event) == (closed, ())


def test_an_operators_cancel_is_not_weakened_by_a_customers() -> None:
    """Of two, the one that may also refund counts."""
    told, _ = decide(Story(under_way=Command(step=Step.RESERVE_STOCK)), OPERATOR)
    told, _ = decide(told, CUSTOMER)

    assert told.cancel_asked_by is Asker.OPERATOR


def test_every_step_goes_forward_or_back_or_takes_the_money() -> None:
    """So that each has a policy for how long it is tried."""
    committing = {Step.CAPTURE_PAYMENT, Step.CONFIRM_ORDER, Step.REACQUIRE_STOCK}
    assert set(Step) == FORWARD_STEPS | UNDO_STEPS | committing


def _about_to(step: Step) -> Story:
    undo = {
        Step.RESERVE_STOCK: (Step.RELEASE_STOCK,),
        Step.REQUEST_PAYMENT: (Step.RELEASE_STOCK, Step.VOID_PAYMENT),
        Step.ACCEPT_PAYMENT: (Step.RELEASE_STOCK, Step.VOID_PAYMENT),
    }
    if step is Step.ACCEPT_PAYMENT:
        waiting = Story(
            stage=Stage.AWAITING_PAYMENT, status=Status.AWAITING_PAYMENT, undo=undo[step]
        )
        return decide(waiting, HINT)[0]
    if step is Step.EXTEND_HOLD:
        waiting = Story(stage=Stage.AWAITING_PAYMENT, status=Status.AWAITING_PAYMENT)
        return decide(waiting, ExtendAsked(extension=1, seconds=60))[0]
    return Story(undo=undo[step], under_way=Command(step=step))


def test_extensions_asked_for_while_one_is_under_way_queue_and_twins_do_not() -> None:
    """Each wish is carried out once; its caller waits for the answer to just this one."""
    first, second = (ExtendAsked(extension=number, seconds=60) for number in (1, 2))
    story = _about_to(Step.EXTEND_HOLD)
    for asked in (first, second):
        story, _ = decide(story, asked)

    story, (command,) = decide(
        story, Done(step=Step.EXTEND_HOLD, status=Status.AWAITING_PAYMENT, extension=1)
    )
    after, commands = decide(
        story, Done(step=Step.EXTEND_HOLD, status=Status.AWAITING_PAYMENT, extension=2)
    )

    assert (command.step, command.extension) == (Step.EXTEND_HOLD, 2)
    assert commands == ()
    assert (after.extension, after.extensions_asked) == (2, ())
