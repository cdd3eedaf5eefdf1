"""Steps on stock: each posts one command, whose key makes a repeat the same answer."""

from __future__ import annotations

from temporalio import activity

from activities.failures import crossing, telling
from activities.messages import StepInput, StepResult
from ledger import ids
from ledger.checkouts import Status
from ledger.commands import (
    CancelOrder,
    Command,
    Confirm,
    Expire,
    Extend,
    Quantity,
    Reacquire,
    Release,
    Reserve,
)
from ledger.errors import Broken, KeyConflict, Refused
from ledger.posting import Ledger
from ledger.watch import Watch

ACTOR = "workflow"


class StockSteps:
    """The hands on the ledger."""

    def __init__(self, ledger: Ledger, watch: Watch) -> None:
        self.ledger = ledger
        self.watch = watch

    @telling
    @crossing
    async def reserve_stock(self, step: StepInput) -> StepResult:
        """Hold all lines or none; out of stock is a result."""
        command = Reserve(
            actor=ACTOR,
            reservation_id=ids.reservation_id(step.checkout_id),
            lines=_wanted(step),
        )
        return await self._posted(step, command)

    @activity.defn
    @telling
    @crossing
    async def reacquire_stock(self, step: StepInput) -> StepResult:
        """Take the units again for a payment that came late, as the reservation of that number."""
        reservation_id = ids.reservation_id(step.checkout_id, step.ordinal)
        command = Reacquire(actor=ACTOR, reservation_id=reservation_id, lines=_wanted(step))
        return await self._posted(step, command)

    @activity.defn
    @telling
    @crossing
    async def extend_hold(self, step: StepInput) -> StepResult:
        """Let the hold last longer, and say how long from now."""
        command = Extend(
            actor=ACTOR,
            reservation_id=ids.reservation_id(step.checkout_id),
            extension=step.extension,
            seconds=step.seconds,
        )
        try:
            answer = await self.ledger.post(command)
        except Refused as refused:
            return await refused_result(self.watch, step.checkout_id, refused)
        except KeyConflict as conflict:
            return await refused_result(self.watch, step.checkout_id, Refused(conflict.code))
        return StepResult(
            status=answer["status"],
            extension=answer["extension"],
            seconds_left=answer["seconds_left"],
        )

    @activity.defn
    @telling
    @crossing
    async def release_stock(self, step: StepInput) -> StepResult:
        """Give the hold back, or write the tombstone that a late reserve will find."""
        return await self._posted(
            step,
            Release(
                actor=ACTOR,
                reservation_id=ids.reservation_id(step.checkout_id, step.ordinal),
                ending=step.ending or Status.CANCELLED,
                reason=step.reason or "undone",
                compensating=step.compensating,
            ),
        )

    @activity.defn
    @telling
    @crossing
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
    @crossing
    async def confirm_order(self, step: StepInput) -> StepResult:
        """Place the order. Raises Broken, and so is tried for ever, should the hold be gone all the same."""
        reservation_id = ids.reservation_id(step.checkout_id, step.ordinal)
        result = await self._posted(step, Confirm(actor=ACTOR, reservation_id=reservation_id))
        if result.code is not None:
            raise Broken(f"confirm-{result.code}", checkout_id=step.checkout_id)
        return result

    @activity.defn
    @telling
    @crossing
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


def _wanted(step: StepInput) -> tuple[Quantity, ...]:
    return tuple(Quantity(sku=line.sku, quantity=line.quantity) for line in step.lines)


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
