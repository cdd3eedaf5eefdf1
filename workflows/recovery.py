"""`recover/{checkout_id}`: goes on with a checkout whose own workflow is gone, from its rows alone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.standing import CheckoutNamed, Standing
    from ledger.checkouts import ReservationState
    from workflows.checkout import CheckoutWorkflow
    from workflows.messages import CheckoutStart
    from workflows.policies import PATIENT
    from workflows.resuming import resumed
    from workflows.undivided import undivided


@workflow.defn(name="recover")
class RecoveryWorkflow(CheckoutWorkflow):
    """The same story by the same hands, told from where its rows stand."""

    @workflow.init
    def __init__(self, start: CheckoutStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CheckoutStart) -> str:
        """Find out where the checkout stands, tell it to its end and give its last status."""
        await undivided(partial(self._resume, start), self._cancelled)
        return await super().run(start)

    async def _resume(self, start: CheckoutStart) -> None:
        found: Standing = await workflow.execute_activity(
            "find_checkout",
            CheckoutNamed(checkout_id=start.checkout_id),
            result_type=Standing,
            summary="find out where the checkout stands",
            start_to_close_timeout=timedelta(seconds=start.step_seconds),
            retry_policy=PATIENT,
        )
        self.story = resumed(found, payment_attempts=start.payment_attempts)
        if found.reservation is ReservationState.HELD and found.seconds_left is not None:
            self.deadline = workflow.now() + timedelta(seconds=found.seconds_left)
