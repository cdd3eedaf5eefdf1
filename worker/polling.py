"""The polling loop: asks the provider about payments of which nothing was heard for a while.

A webhook may be lost for good. Then the checkout is told by this loop instead, later: what it is told is
a hint like any other, and the step that follows looks for itself.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic

import structlog
from prometheus_client import Counter
from temporalio.service import RPCError

from ledger.checkouts import PaymentState
from ledger.crash_points import Around
from ledger.promises import Promises, SilentPayment
from payments.errors import PaymentError
from payments.provider import PaymentProvider
from payments.values import ProviderPayment
from worker.engine import Engine
from worker.starting import bring
from workflows.declines import POLLED
from workflows.messages import PaymentEvent
from workflows.steps import PAYMENT_FAILED

log = structlog.get_logger("worker.polling")

LOOKED_UP = Counter("onhand_payments_polled_total", "Silent payments looked up", ["outcome"])

TELL = Around("polling.tell")

NEWS = "poll"


class Polling:
    """Looks silent payments up, each again only after another silence."""

    def __init__(
        self, promises: Promises, provider: PaymentProvider, engine: Engine, silence: timedelta
    ) -> None:
        self.promises = promises
        self.provider = provider
        self.engine = engine
        self.silence = silence
        self._looked_at: dict[str, float] = {}

    async def round(self) -> None:
        """Look up every payment that has been silent for too long."""
        if not self.engine.connected:
            return
        now = monotonic()
        self._looked_at = {intent: due for intent, due in self._looked_at.items() if due > now}
        for payment in await self.promises.silent_payments(self.silence):
            if payment.payment_intent not in self._looked_at:
                self._looked_at[payment.payment_intent] = now + self.silence.total_seconds()
                LOOKED_UP.labels(await self._look(payment)).inc()

    async def _look(self, payment: SilentPayment) -> str:
        try:
            seen = await self.provider.look_up(payment_intent=payment.payment_intent)
            hint = news(payment, seen)
            if hint is None:
                return "nothing-new"
            async with TELL(payment.checkout_id):
                await bring(await self.engine.client(), payment.checkout_id, hint)
        except PaymentError as error:
            return error.code
        except RPCError as error:
            return error.status.name.lower()
        log.info("silent payment has moved", checkout_id=payment.checkout_id, kind=hint.event_id)
        return "told"


def news(payment: SilentPayment, seen: ProviderPayment) -> PaymentEvent | None:
    """Say what the provider shows beyond what is stored; None where that is nothing.

    Named by what is shown, so that a workflow that was told once takes a second telling for the same.
    A declined attempt is told of where no event ever told of any; an event of it that comes after all is
    not counted again.
    """
    if seen.decline_code is not None and not payment.decline_told:
        attempt = seen.declined or payment.payment_intent
        return PaymentEvent(event_id=f"{POLLED}{attempt}-declined", kind=PAYMENT_FAILED)
    if PaymentState(seen.state.value) is payment.payment and not _may_go_on(payment):
        return None
    name = f"{POLLED}{payment.payment_intent}-{seen.state.value}"
    return PaymentEvent(event_id=name, kind=NEWS)


def _may_go_on(payment: SilentPayment) -> bool:
    """Tell whether what is stored should have led to the fence: then even nothing new is news."""
    return payment.payment in (PaymentState.AUTHORIZED, PaymentState.CAPTURED)
