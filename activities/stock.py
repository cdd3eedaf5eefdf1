"""Steps on stock: each posts one command, whose key makes a repeat the same answer."""

from __future__ import annotations

from temporalio import activity

from activities.failures import telling
from activities.messages import StepInput, StepResult
from ledger import ids
from ledger.checkouts import Status
from ledger.commands import (
    CancelOrder,
    Command,
    Confirm,
    Expire,
    Quantity,
    Release,
    Reserve,
)
from ledger.errors import Broken, Refused
from ledger.posting import Ledger
from ledger.watch import Watch

ACTOR = "workflow"


class StockSteps:
    """The hands on the ledger."""

    def __init__(self, ledger: Ledger, watch: Watch) -> None:
        self.ledger = ledger
        self.watch = watch

    @activity.defn
    @telling
    async def reserve_stock(self, step: StepInput) -> StepResult:
        """Hold all lines or none; out of stock is a result."""
        lines = tuple(Quantity(sku=line.sku, quantity=line.quantity) for line in step.lines)
        return await self._posted(
            step,
            Reserve(actor=ACTOR, reservation_id=ids.reservation_id(step.checkout_id), lines=lines),
        )

    @activity.defn
    @telling
    async def release_stock(self, step: StepInput) -> StepResult:
        """Give the hold back, or write the tombstone that a late reserve will find."""
        return await self._posted(
            step,
            Release(
                actor=ACTOR,
                reservation_id=ids.reservation_id(step.checkout_id),
                ending=step.ending or Status.CANCELLED,
                reason=step.reason or "undone",
                compensating=step.compensating,
            ),
        )

    @activity.defn
    @telling
    async def expire_hold(self, step: StepInput) -> StepResult:
        """End the hold because its time is over, unless it was extended or somebody else was first."""
        return await self._posted(
            step,
            Expire(
                actor=ACTOR,
                reservation_id=ids.reservation_id(step.checkout_id),
                extension=step.extension,
            ),
        )

    @activity.defn
    @telling
    async def confirm_order(self, step: StepInput) -> StepResult:
        """Place the order. Raises Broken, and so is tried for ever, should the hold be gone all the same."""
        result = await self._posted(
            step, Confirm(actor=ACTOR, reservation_id=ids.reservation_id(step.checkout_id))
        )
        if result.code is not None:
            raise Broken(f"confirm-{result.code}", checkout_id=step.checkout_id)
        return result

    @activity.defn
    @telling
    async def cancel_order(self, step: StepInput) -> StepResult:
        """Put a paid order's units back on sale; its refund is the next step."""
        return await self._posted(
            step, CancelOrder(actor=ACTOR, order_id=step.checkout_id, reason="operator")
        )

    async def _posted(self, step: StepInput, command: Command) -> StepResult:
        try:
            answer = await self.ledger.post(command)
        except Refused as refused:
            return await refused_result(self.watch, step.checkout_id, refused)
        return StepResult(status=answer["status"])


async def refused_result(watch: Watch, checkout_id: str, refused: Refused) -> StepResult:
    """Tell a refusal together with where the checkout stands now."""
    states = await watch.states(checkout_id)
    return StepResult(
        status=states.status,
        code=refused.code,
        reservation=states.reservation.value,
        extension=refused.facts.get("extension"),
        seconds_left=refused.facts.get("seconds_left"),
    )
