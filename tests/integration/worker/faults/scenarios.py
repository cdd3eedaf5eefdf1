"""What can become of a checkout, told so that any place of it may be disturbed once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import text
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from ledger.commands import (
    Adjust,
    AdjustmentKind,
    Command,
    Inspect,
    InspectedUnits,
    Quantity,
    Ship,
    TakeBack,
)
from ledger.promises import Promises
from tests.integration.worker.faults.customers import Customer, order_cancelled
from tests.workflows.nets import NOW
from tests.workflows.shop import AUTHORIZED, PATIENCE_SECONDS, PRICE_MINOR, SUCCEEDED, Forward, Shop
from worker.starting import any_runs, keepers_of
from workflows.starting_refunds import cancellation_id, refunds_id
from workflows.steps import Step

TTL_SECONDS = 600

Play = Callable[[Shop, Customer, Forward], Awaitable[None]]


async def paid(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Pay with a card."""
    await checkout.open()
    await checkout.pay()


async def declined(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Pay with a card that is declined."""
    await checkout.open()
    await checkout.pay("pm_card_chargeDeclined")


async def abandoned(_shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Never pay."""
    await checkout.open()
    await checkout.until_it_waits()
    await forward(checkout, TTL_SECONDS + 1)


async def cancelled(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Think better of it."""
    await checkout.open()
    await checkout.let_go()


async def sold_out(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Come too late for the last one."""
    await checkout.open()


async def extended(_shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Ask for more time, and use it."""
    await checkout.open()
    await checkout.extend_once(TTL_SECONDS)
    await checkout.until_it_waits()
    await forward(checkout, TTL_SECONDS + 1)
    await checkout.pay()


async def paid_late(_shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Pay in time, and nobody tells us: found when the hold has expired."""
    await checkout.open()
    await checkout.pay(told=False)
    await checkout.until_it_waits()
    await forward(checkout, TTL_SECONDS + 1)


async def paid_late_for_nothing(shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Pay like that, and have the lamp broken meanwhile."""
    hold = shop.gate.hold(checkout.id, Step.VOID_PAYMENT)
    await paid_late(shop, checkout, forward)
    await hold.reached.wait()
    await checkout.post(
        Adjust(
            actor="olga",
            kind=AdjustmentKind.ADJUST,
            adjustment_id=f"broken-{checkout.id}",
            sku=checkout.start.lines[0].sku,
            location="BER1",
            quantity=-1,
            reason="broken",
        )
    )
    hold.let_go.set()


async def debited_too_late(shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Be charged by one's bank after one cancelled."""
    await checkout.open()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await checkout.until(lambda: shop.shows(checkout, "captured"))
    await checkout.let_go()


async def debited(shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Be charged by one's bank in time."""
    await checkout.open()
    await checkout.pay("pm_usBankAccount_success", told=False)
    await checkout.until(lambda: shop.shows(checkout, "captured"))
    await checkout.hear(SUCCEEDED)


async def taken_back(shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Be cancelled by an operator past the fence."""
    await checkout.open()
    hold = shop.gate.hold(checkout.id, Step.CONFIRM_ORDER)
    await checkout.pay()
    await hold.reached.wait()
    await checkout.handle.cancel()
    hold.let_go.set()


async def never_begun(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Be left by a front door that died with the row stored, and be begun by the net."""
    await checkout.open_nothing_but_the_row()
    await checkout.until_row(status="awaiting_payment")
    await checkout.pay()


async def lost(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Lose one's workflow, and be finished by another."""
    await checkout.open()
    await _terminated(checkout)
    await checkout.pay()


async def lost_and_abandoned(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Lose one's workflow and never pay: the reaper ends the hold, and another voids the payment."""
    await checkout.open()
    await _terminated(checkout)


async def _terminated(checkout: Customer) -> None:
    """End its workflow, unless a fault took so long that its time was over first."""
    try:
        await checkout.handle.terminate("lost")
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def paid_in_silence(_shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Pay, and nobody tells us: found by asking."""
    await checkout.open()
    await checkout.pay(told=False)


async def given_back(shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Cancel the order that was placed."""
    await paid(shop, checkout, forward)
    await checkout.until_row(status="confirmed")
    await checkout.return_the_order()


async def owed(shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Cancel it at a front door that died before it began the refund: the net does."""
    await paid(shop, checkout, forward)
    await checkout.until_row(status="confirmed")
    await checkout.post(order_cancelled(checkout))


async def returned(shop: Shop, checkout: Customer, forward: Forward) -> None:
    """Send the lamp back, and have it inspected."""
    await paid(shop, checkout, forward)
    await checkout.until_row(status="confirmed")
    for command in _came_back(checkout):
        await checkout.post(command)


async def charged_beside(shop: Shop, checkout: Customer, _forward: Forward) -> None:
    """Be charged for a lamp that was sold out, by somebody who is not us but says so."""
    await checkout.open()
    opened = await shop.provider.authorize(
        checkout_id=checkout.id,
        amount_minor=PRICE_MINOR,
        currency="EUR",
        idempotency_key=f"stray-{checkout.id}",
    )
    intent = opened.payment_intent
    shop.gate.also(intent, checkout.id)
    checkout.strays.append(intent)
    await shop.till.pay(intent)
    name = await checkout.hear_of(intent, AUTHORIZED, f"evt_{checkout.id}_stray")
    # Nobody asks about a payment at once that may be one of ours, whose creation is being recorded.
    async with shop.ledger.engine.begin() as connection:
        await connection.execute(_OLDER, {"event_id": name})

    async def voided() -> bool:
        return (await shop.provider.look_up(payment_intent=intent)).state == "voided"

    await checkout.until(voided)


_OLDER = text(
    "UPDATE webhook_event SET received_at = received_at - interval '1 minute',"
    " next_attempt_at = clock_timestamp() WHERE event_id = :event_id"
)


def _came_back(checkout: Customer) -> tuple[Command, ...]:
    (line,) = checkout.start.lines
    lines = (Quantity(sku=line.sku, quantity=1),)
    found = InspectedUnits(sku=line.sku, restock=1, refund=1)
    name = f"r-{checkout.id}"
    return (
        Ship(
            actor="otto",
            shipment_id=f"s-{checkout.id}",
            order_id=checkout.id,
            location="BER1",
            lines=lines,
        ),
        TakeBack(actor="otto", return_id=name, order_id=checkout.id, location="BER1", lines=lines),
        Inspect(actor="otto", inspection_id=f"i-{checkout.id}", return_id=name, lines=(found,)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A way to play a checkout, and the one right ending: status, payment, and units sold."""

    play: Play
    status: str
    payment: str
    sold: int = 0
    stock: int = 1
    ttl_seconds: int = TTL_SECONDS
    or_payment: str | None = None
    """What the payment may be as well, where nobody lived to ask for it in time."""

    @property
    def name(self) -> str:
        """Name it."""
        return self.play.__name__

    async def told(
        self,
        shop: Shop,
        checkout: Customer,
        forward: Forward,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Play it to its end, and see that ledger, piles and till agree on the right one."""
        try:
            async with asyncio.timeout(patience):
                await self._lived_through(shop, checkout, forward)
        except TimeoutError as error:
            error.add_note(f"{checkout.id} stands still: {checkout.row()}")
            raise
        row = await checkout.agreed()
        (line,) = checkout.start.lines
        told = (row["status"], row["payment"], shop.piles(line.sku)[1:])
        payment = row["payment"] if row["payment"] == self.or_payment else self.payment
        assert told == (self.status, payment, (0, self.sold)), (checkout.id, told)

    async def _lived_through(self, shop: Shop, checkout: Customer, forward: Forward) -> None:
        await self.play(shop, checkout, forward)
        with suppress(WorkflowFailureError):  # ended as cancelled, or lost
            await checkout.handle.result()
        await checkout.until(lambda: self._over(checkout))
        await checkout.gone()

    async def _over(self, checkout: Customer) -> bool:
        """Tell whether it has come to its ending and rests there, and nobody looks after it any more."""
        row = checkout.row()
        ended = row["status"] == self.status and row["payment"] in (self.payment, self.or_payment)
        if not ended:
            return False
        resting = await Promises(checkout.shop.ledger.engine).at_rest([checkout.id], NOW)
        keepers = (*keepers_of(checkout.id), cancellation_id(checkout.id), refunds_id(checkout.id))
        try:
            return checkout.id in resting and not await any_runs(checkout.shop.client, keepers)
        except RPCError:
            return False


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
    Scenario(play=never_begun, status="confirmed", payment="captured", sold=1),
    Scenario(play=lost, status="confirmed", payment="captured", sold=1),
    Scenario(
        play=lost_and_abandoned,
        status="expired",
        payment="voided",
        ttl_seconds=1,
        or_payment="none",
    ),
    Scenario(play=given_back, status="refunded", payment="refunded"),
    Scenario(play=owed, status="refunded", payment="refunded"),
    Scenario(play=returned, status="confirmed", payment="refunded"),
    Scenario(play=charged_beside, status="out_of_stock", payment="none", stock=0),
)

UNTOLD = Scenario(play=paid_in_silence, status="confirmed", payment="captured", sold=1)
"""Only where the provider is asked after payments of which nobody tells."""
