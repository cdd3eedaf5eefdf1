"""The checkout: stock is reserved, payment awaited for as long as the hold lasts, then sold or let go.

The decisions are `workflows.story.decide`; here they are carried out. Every step is one activity and
runs undivided: a cancel, from a customer or from the Temporal UI, is an event like any other, and is
looked at between steps.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.messages import StepInput, StepResult
    from ledger.checkouts import ReservationState, Status
    from workflows.messages import (
        CancelAnswer,
        CancelRequest,
        CheckoutStart,
        Decision,
        ExtendAnswer,
        ExtendRequest,
        PaymentEvent,
        Trouble,
    )
    from workflows.policies import PATIENT, SUMMARIES, schedule_to_close
    from workflows.search_attributes import EXPIRES_AT, NEEDS_ATTENTION, STAGE, STAGE_SINCE
    from workflows.steps import (
        FORWARD_STEPS,
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
    from workflows.undivided import undivided
    from workflows.wording import details, stage_shown


_NEED_LINES = frozenset({Step.RESERVE_STOCK, Step.REACQUIRE_STOCK})


@workflow.defn(name="checkout")
class CheckoutWorkflow:
    """One checkout, from the wish for stock until its payment is terminal at the provider."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        self.start = start
        self.story = Story(payment_attempts=start.payment_attempts)
        self.events: deque[Event] = deque([Began()])
        self.deadline: datetime | None = None
        self.shown_stage = Stage.RESERVING
        self.shown_deadline: datetime | None = None
        self.trouble: Trouble | None = None
        self.shown_trouble: Trouble | None = None
        self.extensions: dict[ExtendAsked, ExtendAnswer] = {}

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:  # noqa: ARG002 - taken by __init__
        """Tell the story to its end and give the checkout's last status."""
        while not self.story.closed:
            command = self._decide()
            if command is not None:
                await undivided(partial(self._carry_out, command), self._cancelled)
            elif not self.story.closed:
                await undivided(self._wait, self._cancelled)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.story.cancel_asked_by is Asker.OPERATOR and self._was_cancelled():
            raise asyncio.CancelledError
        return self.story.status.value

    def _decide(self) -> Command | None:
        """Fold in everything that has happened; give the step to carry out, if there is one."""
        if self.deadline and workflow.now() >= self.deadline and not self.story.time_over:
            self.events.appendleft(TimeOver())
        commands: tuple[Command, ...] = ()
        while self.events and not commands:
            self.story, commands = decide(self.story, self.events.popleft())
        self._show()
        return commands[0] if commands else None

    async def _carry_out(self, command: Command) -> None:
        outcome = await self._outcome(command)
        self.trouble = None
        self.events.append(outcome)

    async def _outcome(self, command: Command) -> Event:
        try:
            result = await workflow.execute_activity(
                command.step.value,
                self._input(command),
                result_type=StepResult,
                summary=SUMMARIES[command.step],
                start_to_close_timeout=timedelta(seconds=self.start.step_seconds),
                schedule_to_close_timeout=schedule_to_close(command.step),
                retry_policy=PATIENT,
            )
        except ActivityError as error:
            if command.step not in FORWARD_STEPS:
                raise
            asks_too = self._asks_too(command)
            self._tell_extension(command, None)
            return GaveUp(step=command.step, code=_code(error), asks_too=asks_too)
        self._tell_extension(command, result)
        if command.step is Step.RESERVE_STOCK and result.code is None:
            # The interval starts when the answer arrives: the timer can be late, never early.
            self.deadline = workflow.now() + timedelta(seconds=self.start.ttl_seconds)
        if result.seconds_left is not None:
            self.deadline = workflow.now() + timedelta(seconds=result.seconds_left)
        return Done(
            step=command.step,
            status=Status(result.status),
            code=result.code,
            reservation=ReservationState(result.reservation) if result.reservation else None,
            declined=result.declined,
            attempt=result.attempt,
            extension=result.extension,
            asks_too=result.status == Status.RESERVING and self._asks_too(command),
        )

    def _asks_too(self, command: Command) -> bool:
        """Tell whether a reserve may have asked for the payment as well.

        It did not in checkouts that began before it did: they must not void what was never asked for.
        Not marked where all went well, which is every history's usual course.
        """
        return command.step is Step.RESERVE_STOCK and workflow.patched("reserve-asks-for-payment")

    def _tell_extension(self, command: Command, result: StepResult | None) -> None:
        if command.step is Step.EXTEND_HOLD:
            code = result.code if result else "timed-out"
            asked = ExtendAsked(extension=command.extension, seconds=command.seconds)
            self.extensions[asked] = ExtendAnswer(
                status=result.status if result else self.story.status.value, code=code
            )

    def _input(self, command: Command) -> StepInput:
        return StepInput(
            checkout_id=self.start.checkout_id,
            lines=self.start.lines if command.step in _NEED_LINES else (),
            ending=command.ending,
            reason=command.reason,
            compensating=command.compensating,
            extension=command.extension,
            seconds=command.seconds,
            ordinal=command.ordinal,
            rescuing=command.rescuing,
            webhook_events=command.webhook_events,
        )

    async def _wait(self) -> None:
        """Wait for an event or for the end of the hold."""
        left = self.deadline - workflow.now() if self.deadline else None
        if left is not None and left <= timedelta(0):
            return
        try:
            await workflow.wait_condition(
                lambda: bool(self.events), timeout=left, timeout_summary="TTL of the reservation"
            )
        except TimeoutError:
            return

    def _cancelled(self) -> None:
        self.events.append(CancelAsked(by=Asker.OPERATOR))

    def _was_cancelled(self) -> bool:
        return self.story.status in (Status.CANCELLED, Status.REFUNDED)

    @workflow.update(name="decision", description="Wait until stock and payment are decided")
    async def decision(self) -> Decision:
        """Answer once the checkout is payable or refused; out of stock is an answer, not an error."""
        await workflow.wait_condition(lambda: self.story.decided)
        return Decision(status=self.story.status.value)

    @workflow.update(name="cancel", description="Cancel before the fence")
    async def cancel(self, request: CancelRequest) -> CancelAnswer:
        """Let go of stock and payment, unless the fence was first."""
        self.events.append(CancelAsked(by=Asker.CUSTOMER))
        await workflow.wait_condition(lambda: self._cancel_answered(request))
        cancelled = self.story.status is Status.CANCELLED
        return CancelAnswer(cancelled=cancelled, status=self.story.status.value)

    @cancel.validator
    def _may_cancel(self, request: CancelRequest) -> None:  # noqa: ARG002 - the update's signature
        if self.story.past_fence:
            raise ApplicationError("past the fence", type="too-late", non_retryable=True)

    def _cancel_answered(self, request: CancelRequest) -> bool:
        if self.story.closed or self.story.past_fence:
            return True
        return self.story.status is Status.CANCELLED and not request.wait_until_closed

    @workflow.update(name="extend", description="Let the hold last longer")
    async def extend(self, request: ExtendRequest) -> ExtendAnswer:
        """Commit the extension in the ledger, then arm the timer anew."""
        asked = ExtendAsked(extension=request.extension, seconds=request.seconds)
        self.extensions.pop(asked, None)
        self.events.append(asked)
        await workflow.wait_condition(
            lambda: asked in self.extensions or not self._may_still_extend()
        )
        gone = ExtendAnswer(status=self.story.status.value, code="not-held")
        return self.extensions.get(asked, gone)

    @extend.validator
    def _may_extend(self, request: ExtendRequest) -> None:  # noqa: ARG002 - the update's signature
        if not self._may_still_extend():
            raise ApplicationError("no hold to extend", type="not-held", non_retryable=True)

    def _may_still_extend(self) -> bool:
        return self.story.stage in (Stage.RESERVING, Stage.AWAITING_PAYMENT)

    @workflow.signal(name="payment_event", description="A verified webhook of the provider")
    def payment_event(self, event: PaymentEvent) -> None:
        """Take the hint; the step that follows looks at the provider itself."""
        self.events.append(PaymentHinted(event_id=event.event_id, kind=event.kind))

    @workflow.query(name="story")
    def told(self) -> dict[str, str | None]:
        """Tell where the checkout is and what it waits for."""
        under_way = self.story.under_way
        return {
            "stage": self.story.stage.value,
            "status": self.story.status.value,
            "reason": self.story.reason,
            "step": under_way.step.value if under_way else None,
            "deadline": self.deadline.isoformat() if self.deadline else None,
        }

    @workflow.update(name="trouble", description="A step has been failing for long")
    def troubled(self, trouble: Trouble) -> None:
        """Let operators find this checkout until the step has answered. Told by the step's own attempts."""
        under_way = self.story.under_way
        if under_way is not None and under_way.step == trouble.step:
            self.trouble = trouble
            self._show()

    def _show(self) -> None:
        """Keep the Temporal UI true: what operators search by, and the reason in words."""
        workflow.set_current_details(
            details(self.story, deadline=self.deadline, trouble=self.trouble)
        )
        updates: list[SearchAttributeUpdate[Any]] = []
        if self.story.stage is not self.shown_stage:
            self.shown_stage = self.story.stage
            updates.append(STAGE.value_set(stage_shown(self.story)))
            updates.append(STAGE_SINCE.value_set(workflow.now()))
        awaiting = self.story.stage is Stage.AWAITING_PAYMENT
        if awaiting and self.deadline and self.deadline != self.shown_deadline:
            self.shown_deadline = self.deadline
            updates.append(EXPIRES_AT.value_set(self.deadline))
        if bool(self.trouble) != bool(self.shown_trouble):
            updates.append(NEEDS_ATTENTION.value_set(bool(self.trouble)))
        self.shown_trouble = self.trouble
        if updates:
            workflow.upsert_search_attributes(updates)


def _code(error: ActivityError) -> str:
    """Give the stable code of what made a step fail, for the checkout's `reason`."""
    cause = error.cause
    code = cause.type if isinstance(cause, ApplicationError) else None
    return code or "timed-out"
