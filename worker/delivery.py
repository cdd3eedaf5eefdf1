"""The delivery loop: brings each stored webhook to its checkout, until the database shows it applied.

An acknowledged signal is not enough: a reset or a restored engine can lose it. So an event is brought
again and again, ever more rarely, until the step that acted on it has marked it, or until the
checkout has ended and the event says nothing new. Where it says that money came after the end, or for
nobody we know, a workflow of its own finds out what becomes of it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from prometheus_client import Counter
from temporalio.service import RPCError

from ledger.checkouts import PaymentState, Status
from ledger.crash_points import Around
from ledger.watch import DueWebhook, Watch
from worker.engine import Engine
from worker.starting import Starter, any_runs, bring, keepers_of
from workflows.messages import PaymentEvent, RefundsStart
from workflows.starting_refunds import refunds_id, start_refunds

log = structlog.get_logger("worker.delivery")

SIGNALS = Counter("onhand_webhooks_signalled_total", "Webhooks brought to a workflow", ["outcome"])

REFUNDS_FAILED = Counter("onhand_refunds_failed_total", "Refunds that failed after they were made")

LATE = Counter("onhand_late_payments_total", "Payments nobody waited for any more", ["outcome"])

BRING = Around("delivery.bring")
RESCUE = Around("delivery.rescue")

REFUND_FAILED = "refund.failed"

UNKNOWN_AFTER = timedelta(minutes=10)
"""How long a payment nobody knows may still turn out to be one whose creation is being recorded."""

ASKED_AFTER = timedelta(seconds=30)
"""How long that is waited for before the provider is asked whose payment it is."""

PAID = frozenset({"payment_intent.amount_capturable_updated", "payment_intent.succeeded"})
"""Events that say that there is money."""

_LISTENING = frozenset({Status.RESERVING, Status.AWAITING_PAYMENT})
_OVER = frozenset({PaymentState.CAPTURED, PaymentState.REFUNDED, PaymentState.VOIDED})


class Delivery:
    """Carries events from the inbox to the workflows."""

    def __init__(self, watch: Watch, engine: Engine, starter: Starter) -> None:
        self.watch = watch
        self.engine = engine
        self.starter = starter

    async def round(self) -> None:
        """Bring everything that is due."""
        while events := await self.watch.take_due_webhooks():
            for event in events:
                async with BRING(event.event_id):
                    await self._bring(event)

    async def _bring(self, event: DueWebhook) -> None:
        if event.checkout_id is None:
            await self._bring_unknown(event)
        elif event.status in _LISTENING:
            # Without the engine it stays due; what needs none is settled all the same.
            if self.engine.connected:
                await self._signal(event, event.checkout_id)
        elif event.kind == REFUND_FAILED:
            if self.engine.connected:
                await self._look_again(event, event.checkout_id)
        elif event.payment in _OVER:
            await self.watch.settle_webhook(event.event_id, self._last_word(event))
        elif event.status is not Status.COMMITTING and event.kind in PAID:
            await self._rescue(event, keepers_of(event.checkout_id))

    async def _bring_unknown(self, event: DueWebhook) -> None:
        """Let the provider be asked whose it is; nobody's is nobody's after a while."""
        if event.age > UNKNOWN_AFTER:
            LATE.labels("unknown").inc()
            await self.watch.settle_webhook(event.event_id, "unknown-payment")
        elif event.age > ASKED_AFTER and event.kind in PAID:
            await self._rescue(event, ())

    async def _rescue(self, event: DueWebhook, keepers: tuple[str, ...]) -> None:
        """Start a workflow for money nobody waits for, unless somebody is still about to end its checkout."""
        if event.payment_intent is None or not self.engine.connected:
            return
        client = await self.engine.client()
        try:
            if await any_runs(client, keepers):
                return
            async with RESCUE(event.event_id):
                started = await self.starter.late_payment(client, event.payment_intent)
        except RPCError as error:
            LATE.labels(error.status.name.lower()).inc()
            log.warning("late payment not taken up", payment_intent=event.payment_intent)
        else:
            if started:
                LATE.labels("taken-up").inc()
                log.warning("late payment", payment_intent=event.payment_intent)

    def _last_word(self, event: DueWebhook) -> str:
        """Say what becomes of an event on a checkout that is over; a refund is looked at by its own story."""
        return "not-acted-on" if event.kind.startswith("refund.") else "already-known"

    async def _look_again(self, event: DueWebhook, checkout_id: str) -> None:
        """Have the checkout's refunds looked at: one that was done is not any more, and is owed again."""
        REFUNDS_FAILED.inc()
        log.error("refund failed afterwards", checkout_id=checkout_id)
        # A story of its own for each event: one that runs may have looked already.
        name = f"{refunds_id(checkout_id)}/{event.event_id}"
        start = RefundsStart(checkout_id=checkout_id, step_seconds=self.starter.step_seconds)
        try:
            await start_refunds(await self.engine.client(), name, start, self.starter.task_queue)
        except RPCError as error:
            log.warning(
                "refund not looked at yet", checkout_id=checkout_id, outcome=error.status.name
            )
        else:
            await self.watch.settle_webhook(event.event_id, "looked-at")

    async def _signal(self, event: DueWebhook, checkout_id: str) -> None:
        client = await self.engine.client()
        hint = PaymentEvent(event_id=event.event_id, kind=event.kind)
        try:
            await bring(client, checkout_id, hint)
        except RPCError as error:
            # It stays due. One that does not get through must not hold up the others.
            outcome = error.status.name.lower()
            SIGNALS.labels(outcome).inc()
            log.warning("webhook not brought", checkout_id=checkout_id, outcome=outcome)
        else:
            SIGNALS.labels("ok").inc()
