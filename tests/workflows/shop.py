"""A shop with everything real in it: ledger, till, engine, and workers in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.worker import Worker

from activities.payments import PaymentSteps, as_seen
from activities.refunds import RefundSteps
from activities.stock import StockSteps
from ledger import crash_points, ids, inbox
from ledger.checkouts import CheckoutLine, PaymentState
from ledger.commands import OpenCheckout, Quantity, Receive
from ledger.policies import Location, Product, put_location, put_product
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.provider import PaymentProvider
from settings.model import EngineSettings
from tests.copies import Database
from tests.workflows.gate import GATE, Gate
from tests.workflows.till import Till, Wire
from worker.delivery import Delivery
from worker.engine import Engine
from worker.main import checkout_worker
from worker.starting import Starter
from workflows.checkout import CheckoutWorkflow
from workflows.messages import (
    CancelRequest,
    CartLine,
    CheckoutStart,
    Decision,
    ExtendAnswer,
    ExtendRequest,
)
from workflows.starting import (
    CANCEL_UPDATE_ID,
    DECISION_UPDATE_ID,
    checkout_workflow_id,
    start_operation,
)

PRICE_MINOR = 4_900
PATIENCE_SECONDS = 60
AUTHORIZED = "payment_intent.amount_capturable_updated"
FAILED = "payment_intent.payment_failed"
SUCCEEDED = "payment_intent.succeeded"

_NEVER_ASKED: list[str] = []


async def eventually(fact: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is true; fail when it is not in time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await fact():
            await asyncio.sleep(0.02)


@dataclass(kw_only=True)
class Checkout:
    """One customer's checkout, from the row on."""

    shop: Shop
    start: CheckoutStart
    strays: list[str] = field(default_factory=list)
    """Payments that somebody opened beside its own."""

    @property
    def id(self) -> str:
        """Name it."""
        return self.start.checkout_id

    @property
    def handle(self) -> WorkflowHandle[CheckoutWorkflow, str]:
        """Reach its workflow."""
        return self.shop.client.get_workflow_handle_for(
            CheckoutWorkflow.run, checkout_workflow_id(self.id)
        )

    async def ask(self) -> Decision:
        """Start the workflow where it does not run, and wait for its decision, as the API does."""
        operation: WithStartWorkflowOperation[Any, Any] = start_operation(
            self.start, self.shop.queue
        )
        answer: Any = await self.shop.client.execute_update_with_start_workflow(
            CheckoutWorkflow.decision, id=DECISION_UPDATE_ID, start_workflow_operation=operation
        )
        return Decision.model_validate(answer)

    async def pay(self, method: str = "pm_card_visa", *, told: bool = True) -> None:
        """Pay or fail to, and with `told` let the provider's event be stored and brought."""
        await self.shop.till.pay(await self.intent(), method)
        if told:
            await self.hear(FAILED if "Declined" in method else AUTHORIZED)

    async def hear(self, kind: str, event_id: str | None = None) -> str:
        """Store an event of the provider, and bring it as the delivery loop does."""
        name = event_id or f"evt_{next(self.shop.numbers)}"
        event = inbox.InboxEvent(
            provider="stripe",
            event_id=name,
            kind=kind,
            payment_intent=await self.intent(),
            body_sha256="00" * 32,
        )
        await inbox.store(self.shop.ledger.engine, event)
        await self.shop.delivery.round()
        return name

    async def cancel(self, *, closed: bool = True) -> Any:
        """Cancel as the customer, and give the answer."""
        request = CancelRequest(wait_until_closed=closed)
        return await self.handle.execute_update(
            CheckoutWorkflow.cancel, request, id=CANCEL_UPDATE_ID
        )

    async def extend(self, extension: int, seconds: int = 60) -> ExtendAnswer:
        """Ask for more time as the customer, and give the answer."""
        request = ExtendRequest(extension=extension, seconds=seconds)
        answer: Any = await self.handle.execute_update(CheckoutWorkflow.extend, request)
        return ExtendAnswer.model_validate(answer)

    async def intent(self) -> str:
        """Name its payment at the provider."""
        states = await self.shop.watch.states(self.id)
        assert states.payment_intent is not None
        return states.payment_intent

    async def ended(self) -> str:
        """Wait for its end, and give its status."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            status: str = await self.handle.result()
        return status

    def row(self) -> dict[str, str]:
        """Read where the ledger says it stands."""
        query = (
            "SELECT status, COALESCE(reason, ''), reservation_state, payment_state, order_state"
            " FROM checkout WHERE checkout_id = %s"
        )
        ((status, reason, reservation, payment, order),) = self.shop.database.rows(query, self.id)
        return {
            "status": status,
            "reason": reason,
            "reservation": reservation,
            "payment": payment,
            "order": order,
        }

    def reservations(self) -> list[tuple[str, str]]:
        """List this checkout's reservations, by number and state."""
        query = (
            "SELECT split_part(reservation_id, '/', 2), state FROM reservation"
            " WHERE checkout_id = %s ORDER BY 1"
        )
        return self.shop.database.rows(query, self.id)

    def steps(self) -> list[str]:
        """List the steps that were tried."""
        return self.shop.gate.steps.get(self.id, _NEVER_ASKED)

    async def agreed(self) -> dict[str, str]:
        """See that ledger, piles and till tell the same, and give the ledger's row."""
        await self.shop.agreed(self)
        return self.row()


Forward = Callable[[Checkout, float], Awaitable[bool]]
"""Pushes a checkout's clock by seconds."""


@dataclass(kw_only=True)
class Shop:
    """Everything a checkout meets."""

    client: Client
    ledger: Ledger
    watch: Watch
    provider: PaymentProvider
    till: Till
    wire: Wire
    database: Database
    delivery: Delivery
    queue: str
    gate: Gate = GATE
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def stock(self, sku: str, quantity: int, *, limit: int | None = None) -> str:
        """Put units of a sku of its own on sale, and give the sku."""
        name = f"{sku}-{next(self.numbers)}"
        await put_product(
            self.ledger.engine,
            Product(
                sku=name,
                title=sku,
                price_minor=PRICE_MINOR,
                currency="EUR",
                limit_per_customer=limit,
            ),
        )
        berlin = Location(
            location="BER1",
            kind="warehouse",
            seller=None,
            reports="free",
            priority=1,
            enabled=True,
        )
        await put_location(self.ledger.engine, berlin, actor="test")
        lines = (Quantity(sku=name, quantity=quantity),)
        if quantity:
            receipt = Receive(actor="test", receipt_id=f"r-{name}", location="BER1", lines=lines)
            await self.ledger.post(receipt)
        return name

    async def open(
        self,
        sku: str,
        quantity: int = 1,
        *,
        customer: str = "ada",
        ttl_seconds: int = 900,
        payment_attempts: int = 1,
        currency: str = "EUR",
        step_seconds: int = 10,
        cart: str | None = None,
    ) -> Checkout:
        """Commit the row of a checkout, as the API does before it asks the engine."""
        checkout_id = ids.checkout_id("storefront", f"{self.queue}-{next(self.numbers)}")
        total = PRICE_MINOR * quantity
        line = CheckoutLine(sku=sku, quantity=quantity, price_minor=PRICE_MINOR)
        await self.ledger.post(
            OpenCheckout(
                actor="storefront",
                checkout_id=checkout_id,
                owner="storefront",
                customer_id=customer,
                cart_id=cart,
                lines=(line,),
                total_minor=total,
                currency=currency,
                ttl_seconds=ttl_seconds,
                request_fingerprint=checkout_id,
            )
        )
        start = CheckoutStart(
            checkout_id=checkout_id,
            lines=(CartLine(sku=sku, quantity=quantity),),
            total_minor=total,
            currency=currency,
            ttl_seconds=ttl_seconds,
            payment_attempts=payment_attempts,
            step_seconds=step_seconds,
        )
        return Checkout(shop=self, start=start)

    def piles(self, sku: str) -> tuple[int, int, int]:
        """Count sellable, reserved and sold units."""
        query = "SELECT sum(sellable), sum(reserved), sum(sold) FROM stock WHERE sku = %s"
        ((sellable, reserved, sold),) = self.database.rows(query, sku)
        return int(sellable or 0), int(reserved or 0), int(sold or 0)

    async def agreed(self, checkout: Checkout) -> None:
        """See that rows follow from movements, piles from reservations, and our money from theirs."""
        sku = checkout.start.lines[0].sku
        assert self.database.rows(_ROWS_BESIDE_THEIR_MOVEMENTS, sku) == []
        assert self.database.rows(_PILES_BESIDE_THEIR_RESERVATIONS, sku) == []
        intents = [
            intent
            for intent in await self.till.intents_of(checkout.id)
            if intent["id"] not in checkout.strays
        ]
        payment = checkout.row()["payment"]
        known = (await self.watch.states(checkout.id)).payment_intent
        assert [intent["id"] for intent in intents] == ([known] if known else [])
        if known is None:
            assert payment == PaymentState.NONE
            return
        theirs = as_seen(await self.provider.look_up(payment_intent=known))
        query = "SELECT state, captured_minor, refunded_minor FROM payment WHERE checkout_id = %s"
        ours = self.database.rows(query, checkout.id)
        assert ours == [(theirs.state.value, theirs.captured_minor, theirs.refunded_minor)]

    async def shows(self, checkout: Checkout, state: str) -> bool:
        """Tell whether the provider shows a checkout's payment in this state."""
        seen = await self.provider.look_up(payment_intent=await checkout.intent())
        return seen.state == state

    async def until_accepted(self, checkout: Checkout, update: str, times: int = 1) -> None:
        """Wait until the workflow has let in that many updates of a name."""

        async def accepted() -> bool:
            history = await checkout.handle.fetch_history()
            asked = [
                event.workflow_execution_update_accepted_event_attributes.accepted_request
                for event in history.events
            ]
            return sum(each.input.name == update for each in asked) >= times

        await eventually(accepted)

    @asynccontextmanager
    async def working(self, **settings: Any) -> AsyncIterator[Worker]:
        """Run a worker on the shop's queue for the time of a block, and let its steps end after it."""
        engine = EngineSettings(task_queue=self.queue, **settings)
        steps = (
            StockSteps(self.ledger, self.watch),
            PaymentSteps(self.ledger, self.watch, self.provider),
            RefundSteps(self.ledger, self.provider, escalate_after=2),
        )
        crash_points.arm(self.gate)
        async with checkout_worker(self.client, engine, *steps) as worker:
            yield worker


def connected(client: Client) -> Engine:
    """Give the connection to an engine that is there already."""
    engine = Engine()
    engine._connected.set_result(client)
    return engine


def starter_of(queue: str, payment_attempts: int = 1) -> Starter:
    """Give what starts workflows on a queue."""
    return Starter(task_queue=queue, payment_attempts=payment_attempts, step_seconds=10)


def delivery_of(watch: Watch, client: Client, queue: str = "checkout") -> Delivery:
    """Wire a delivery loop to a client that is there already."""
    return Delivery(watch, connected(client), starter_of(queue))


_ROWS_BESIDE_THEIR_MOVEMENTS = """
SELECT s.sku, s.location
FROM stock s
LEFT JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN target = 'sellable' THEN quantity END), 0)
         - coalesce(sum(CASE WHEN source = 'sellable' THEN quantity END), 0) AS sellable,
         coalesce(sum(CASE WHEN target = 'reserved' THEN quantity END), 0)
         - coalesce(sum(CASE WHEN source = 'reserved' THEN quantity END), 0) AS reserved,
         coalesce(sum(CASE WHEN target = 'sold' THEN quantity END), 0)
         - coalesce(sum(CASE WHEN source = 'sold' THEN quantity END), 0) AS sold,
         count(*) AS entries
  FROM movement m WHERE m.sku = s.sku AND m.location = s.location
) m ON true
WHERE s.sku = %s
  AND (s.sellable, s.reserved, s.sold, s.sequence) IS DISTINCT FROM (m.sellable, m.reserved, m.sold, m.entries)
"""

_PILES_BESIDE_THEIR_RESERVATIONS = """
SELECT s.sku, s.location
FROM stock s
LEFT JOIN LATERAL (
  SELECT coalesce(sum(l.quantity) FILTER (WHERE r.state IN ('held', 'committing')), 0) AS reserved,
         coalesce(sum(l.quantity) FILTER (
           WHERE r.state = 'confirmed' AND c.order_state = 'placed'), 0)
         - coalesce((SELECT sum(o.short) FROM order_line o JOIN orders USING (order_id)
                     WHERE (o.sku, o.location) = (s.sku, s.location) AND orders.state = 'placed'), 0) AS sold
  FROM reservation_line l
  JOIN reservation r USING (reservation_id)
  JOIN checkout c USING (checkout_id)
  WHERE l.sku = s.sku AND l.location = s.location
) h ON true
WHERE s.sku = %s AND (s.reserved, s.sold) IS DISTINCT FROM (h.reserved, h.sold)
"""
