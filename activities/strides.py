"""Steps that go on to the next one at once, where nothing is in the way.

Each thing they do has an operation key of its own and is done by the hands of that name. They only spare
the engine the way there and back: whatever does not go through at once is left to the step that has it
as its own, where it is tried again and can be seen.
"""

from __future__ import annotations

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.messages import StepInput, StepResult
from activities.payments import PaymentSteps
from activities.stock import StockSteps
from ledger.checkouts import Status

log = structlog.get_logger("activities")


class Strides:
    """Two or three steps in one."""

    def __init__(self, stock: StockSteps, payments: PaymentSteps) -> None:
        self.stock = stock
        self.payments = payments

    @activity.defn
    async def reserve_stock(self, step: StepInput) -> StepResult:
        """Hold all lines or none, and ask for the payment; out of stock is a result."""
        reserved = await self.stock.reserve_stock(step)
        if reserved.code is not None or reserved.status != Status.RESERVING:
            return reserved
        try:
            asked = await self.payments.request_payment(step)
        except ApplicationError as error:
            return _left(step, reserved, "request_payment", error)
        return reserved if asked.code is not None else asked

    @activity.defn
    async def accept_payment(self, step: StepInput) -> StepResult:
        """Look at the payment; where it is authorized, fence the hold, take the money and place the order."""
        accepted = await self.payments.accept_payment(step)
        if accepted.code is not None or accepted.status != Status.COMMITTING:
            return accepted
        try:
            captured = await self.payments.capture_payment(step)
            return accepted if captured.declined else await self.stock.confirm_order(step)
        except ApplicationError as error:
            # The fence stands: from here the story goes forward by the steps themselves.
            return _left(step, accepted, "capture_payment", error)


def _left(step: StepInput, so_far: StepResult, to: str, error: ApplicationError) -> StepResult:
    log.info("left to its own step", checkout_id=step.checkout_id, step=to, code=error.type)
    return so_far
