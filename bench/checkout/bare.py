"""What the engine costs by itself: sagas of the contract's shape and of our checkout's, whose steps do nothing."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import StepInput, StepResult
    from ledger.checkouts import Status
    from workflows.messages import CheckoutStart, Decision, PaymentEvent
    from workflows.policies import GIVE_UP_AFTER, PATIENT
    from workflows.search_attributes import EXPIRES_AT, STAGE, STAGE_SINCE

TASK_QUEUE = "bare"
SUMMARY = "nothing"


@activity.defn
async def do_nothing(step: StepInput) -> StepResult:  # noqa: ARG001 - as large as a real one
    """Answer."""
    return StepResult(status=Status.CONFIRMED)


class _Bare:
    """What all have in common: an answer to wait for, and a signal that lets them go on."""

    def __init__(self) -> None:
        self.decided = self.paid = False

    @workflow.update(name="decision")
    async def decision(self) -> Decision:
        """Answer once the hold would be there."""
        await workflow.wait_condition(lambda: self.decided)
        return Decision(status=Status.AWAITING_PAYMENT)

    @workflow.signal(name="payment_event")
    def payment_event(self, _event: PaymentEvent) -> None:
        """Go on."""
        self.paid = True

    async def step(self, start: CheckoutStart) -> None:
        """Do nothing, under the policies of a real step."""
        await workflow.execute_activity(
            do_nothing,
            StepInput(checkout_id=start.checkout_id, lines=start.lines),
            summary=SUMMARY,
            start_to_close_timeout=timedelta(seconds=start.step_seconds),
            schedule_to_close_timeout=GIVE_UP_AFTER,
            retry_policy=PATIENT,
        )

    async def signalled(self, start: CheckoutStart) -> None:
        """Wait for the signal under a timer."""
        hold = timedelta(seconds=start.ttl_seconds)
        await workflow.wait_condition(lambda: self.paid, timeout=hold, timeout_summary=SUMMARY)


@workflow.defn
class BareStart(_Bare):
    """Update-with-Start with one activity: what a caller waits for at the least."""

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Decide, and end."""
        await self.step(start)
        self.decided = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Status.AWAITING_PAYMENT.value


@workflow.defn
class BareSaga(_Bare):
    """The contract's: three activities, a timer and a signal."""

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Hold, ask, wait, confirm."""
        await self.step(start)
        await self.step(start)
        self.decided = True
        await self.signalled(start)
        await self.step(start)
        return Status.CONFIRMED.value


@workflow.defn
class BareTwin(_Bare):
    """Our checkout's own shape: event by event the same history, with nothing done."""

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Hold, show it, wait, confirm, show it."""
        await self.step(start)
        expiry = workflow.now() + timedelta(seconds=start.ttl_seconds)
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(Status.AWAITING_PAYMENT),
                STAGE_SINCE.value_set(workflow.now()),
                EXPIRES_AT.value_set(expiry),
            ]
        )
        self.decided = True
        await self.signalled(start)
        await self.step(start)
        workflow.upsert_search_attributes(
            [STAGE.value_set(Status.CONFIRMED), STAGE_SINCE.value_set(workflow.now())]
        )
        return Status.CONFIRMED.value


Bare = type[BareStart] | type[BareSaga] | type[BareTwin]
