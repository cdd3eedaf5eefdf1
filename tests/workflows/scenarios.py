"""What can become of a checkout, told so that any step of it may be disturbed once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from temporalio.client import WorkflowFailureError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from ledger.commands import Adjust, AdjustmentKind
from tests.workflows.shop import PATIENCE_SECONDS, SUCCEEDED, Checkout, Forward, Shop, eventually
from workflows.checkout import CheckoutWorkflow
from workflows.messages import ExtendRequest
from workflows.steps import Step

TTL_SECONDS = 600

Play = Callable[[Shop, Checkout, Forward], Awaitable[None]]


async def asked(question: Callable[[], Awaitable[object]]) -> None:
    """Ask until there is an answer, as the front door's callers do: a worker may have died of it."""
    while True:
        try:
            await question()
        except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await asyncio.sleep(0.2)
        else:
            return


async def paid(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Pay with a card."""
    await asked(checkout.ask)
    await checkout.pay()


async def declined(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Pay with a card that is declined."""
    await asked(checkout.ask)
    await checkout.pay("pm_card_chargeDeclined")


async def abandoned(_shop: Shop, checkout: Checkout, forward: Forward) -> None:
    """Never pay."""
    await asked(checkout.ask)
    await forward(checkout, TTL_SECONDS + 1)


async def cancelled(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Think better of it."""
    await asked(checkout.ask)
    await asked(checkout.cancel)


async def sold_out(_shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Come too late for the last one."""
    await asked(checkout.ask)


async def extended(_shop: Shop, checkout: Checkout, forward: Forward) -> None:
    """Ask for more time, and use it."""
    await asked(checkout.ask)
    await asked(
        lambda: checkout.handle.execute_update(
            CheckoutWorkflow.extend, ExtendRequest(extension=1, seconds=TTL_SECONDS)
        )
    )
    await forward(checkout, TTL_SECONDS + 1)
    await checkout.pay()


async def paid_late(_shop: Shop, checkout: Checkout, forward: Forward) -> None:
    """Pay in time, and nobody tells us: found when the hold has expired."""
    await asked(checkout.ask)
    await checkout.pay(told=False)
    await forward(checkout, TTL_SECONDS + 1)


async def paid_late_for_nothing(shop: Shop, checkout: Checkout, forward: Forward) -> None:
    """Pay like that, and have the lamp broken meanwhile."""
    hold = shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    await paid_late(shop, checkout, forward)
    await hold.reached.wait()
    broken = Adjust(
        actor="olga",
        kind=AdjustmentKind.ADJUST,
        adjustment_id=f"broken-{checkout.id}",
        sku=checkout.start.lines[0].sku,
        location="BER1",
        quantity=-1,
        reason="broken",
    )
    await shop.ledger.post(broken)
    hold.let_go.set()


async def debited_too_late(shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Be charged by one's bank after one cancelled."""
    await asked(checkout.ask)
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await asked(checkout.cancel)


async def debited(shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Be charged by one's bank in time."""
    await asked(checkout.ask)
    await checkout.pay("pm_usBankAccount_success", told=False)
    await eventually(lambda: shop.shows(checkout, "captured"))
    await checkout.hear(SUCCEEDED)


async def taken_back(shop: Shop, checkout: Checkout, _forward: Forward) -> None:
    """Be cancelled by an operator past the fence."""
    await asked(checkout.ask)
    hold = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.pay()
    await hold.reached.wait()
    await checkout.handle.cancel()
    hold.let_go.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A way to play a checkout, and the one right ending: status, payment, and units sold."""

    play: Play
    status: str
    payment: str
    sold: int = 0
    stock: int = 1

    @property
    def name(self) -> str:
        """Name it."""
        return self.play.__name__

    async def told(
        self,
        shop: Shop,
        checkout: Checkout,
        forward: Forward,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Play it to its end, and see that ledger, piles and till agree on the right one."""
        async with asyncio.timeout(patience):
            await self.play(shop, checkout, forward)
            with suppress(WorkflowFailureError):  # ended as cancelled
                await checkout.handle.result()
        row = await checkout.agreed()
        (line,) = checkout.start.lines
        told = (row["status"], row["payment"], shop.piles(line.sku)[1:])
        assert told == (self.status, self.payment, (0, self.sold)), (checkout.id, told)


SCENARIOS = (
    Scenario(play=paid, status="confirmed", payment="captured", sold=1),
    Scenario(play=declined, status="declined", payment="voided"),
    Scenario(play=abandoned, status="expired", payment="voided"),
    Scenario(play=cancelled, status="cancelled", payment="voided"),
    Scenario(play=sold_out, status="out_of_stock", payment="none", stock=0),
    Scenario(play=extended, status="confirmed", payment="captured", sold=1),
    Scenario(play=paid_late, status="confirmed", payment="captured", sold=1),
    Scenario(play=paid_late_for_nothing, status="expired", payment="voided"),
    Scenario(play=debited, status="confirmed", payment="captured", sold=1),
    Scenario(play=debited_too_late, status="refunded", payment="refunded"),
    Scenario(play=taken_back, status="refunded", payment="refunded"),
)
