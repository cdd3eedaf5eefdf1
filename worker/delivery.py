"""The delivery loop: brings each stored webhook to its checkout, until the database shows it applied.

An acknowledged signal is not enough: a reset or a restored engine can lose it. So an event is brought
again and again, ever more rarely, until the step that acted on it has marked it, or until the
checkout has ended and the event says nothing new.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from prometheus_client import Counter
from temporalio.service import RPCError

from ledger.checkouts import PaymentState, Status
from ledger.watch import DueWebhook, Watch
from worker.engine import Engine
from workflows.checkout import CheckoutWorkflow
from workflows.messages import PaymentEvent, RefundsStart
from workflows.starting import checkout_workflow_id
from workflows.starting_refunds import refunds_id, start_refunds

log = structlog.get_logger("worker.delivery")

SIGNALS = Counter("onhand_webhooks_signalled_total", "Webhooks brought to a workflow", ["outcome"])

REFUNDS_FAILED = Counter("onhand_refunds_failed_total", "Refunds that failed after they were made")

REFUND_FAILED = "refund.failed"

RPC_TIMEOUT = timedelta(seconds=5)

UNKNOWN_AFTER = timedelta(minutes=10)
"""How long a payment nobody knows may still turn out to be one whose creation is being recorded."""

_LISTENING = frozenset({Status.RESERVING, Status.AWAITING_PAYMENT})
_OVER = frozenset({PaymentState.CAPTURED, PaymentState.REFUNDED, PaymentState.VOIDED})


class Delivery:
    """Carries events from the inbox to the workflows."""

    def __init__(
        self, watch: Watch, engine: Engine, *, task_queue: str = "checkout", step_seconds: int = 10
    ) -> None:
        self.watch = watch
        self.engine = engine
        self.task_queue = task_queue
        self.step_seconds = step_seconds

    async def round(self) -> None:
        """Bring everything that is due."""
        while events := await self.watch.take_due_webhooks():
            for event in events:
                await self._bring(event)

    async def _bring(self, event: DueWebhook) -> None:
        if event.checkout_id is None:
            if event.age > UNKNOWN_AFTER:
                await self.watch.settle_webhook(event.event_id, "unknown-payment")
        elif event.status in _LISTENING:
            # Without the engine it stays due; what needs none is settled all the same.
            if self.engine.connected:
                await self._signal(event, event.checkout_id)
        elif event.kind == REFUND_FAILED:
            if self.engine.connected:
                await self._look_again(event, event.checkout_id)
        elif event.payment in _OVER:
            await self.watch.settle_webhook(event.event_id, self._last_word(event))

    def _last_word(self, event: DueWebhook) -> str:
        """Say what becomes of an event on a checkout that is over; a refund is looked at by its own story."""
        return "not-acted-on" if event.kind.startswith("refund.") else "already-known"

    async def _look_again(self, event: DueWebhook, checkout_id: str) -> None:
        """Have the checkout's refunds looked at: one that was done is not any more, and is owed again."""
        REFUNDS_FAILED.inc()
        log.error("refund failed afterwards", checkout_id=checkout_id)
        # A story of its own for each event: one that runs may have looked already.
        name = f"{refunds_id(checkout_id)}/{event.event_id}"
        start = RefundsStart(checkout_id=checkout_id, step_seconds=self.step_seconds)
        try:
            await start_refunds(await self.engine.client(), name, start, self.task_queue)
        except RPCError as error:
            log.warning(
                "refund not looked at yet", checkout_id=checkout_id, outcome=error.status.name
            )
        else:
            await self.watch.settle_webhook(event.event_id, "looked-at")

    async def _signal(self, event: DueWebhook, checkout_id: str) -> None:
        client = await self.engine.client()
        handle = client.get_workflow_handle(checkout_workflow_id(checkout_id))
        hint = PaymentEvent(event_id=event.event_id, kind=event.kind)
        try:
            await handle.signal(CheckoutWorkflow.payment_event, hint, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            # It stays due. One that does not get through must not hold up the others.
            outcome = error.status.name.lower()
            SIGNALS.labels(outcome).inc()
            log.warning("webhook not brought", checkout_id=checkout_id, outcome=outcome)
        else:
            SIGNALS.labels("ok").inc()
