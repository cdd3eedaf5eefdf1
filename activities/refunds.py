"""Steps that pay back what is owed: asked for once under a key, and done only when the provider shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from prometheus_client import Counter
from temporalio import activity

from activities import asking
from activities.failures import crossing, telling
from activities.messages import (
    DebtsResult,
    RefundInput,
    RefundResult,
    ReturnInput,
    StepInput,
    StepResult,
)
from activities.payments import as_seen
from activities.stock import ACTOR
from ledger.checkouts import NOT_DONE, PaymentState
from ledger.commands import RecordPayment, RecordRefund, StartRefund
from ledger.errors import Transient
from ledger.posting import Ledger
from ledger.reading.refunds import open_refunds, paid_refunds, return_debts
from ledger.refunds import WHOLE, RefundState, ShownRefund
from payments.errors import PaymentRefused, PaymentUnknown
from payments.provider import PaymentProvider
from payments.values import ProviderRefund
from payments.values import RefundState as ProviderRefundState

log = structlog.get_logger("activities")

FAILED = Counter("onhand_refunds_refused_total", "Refunds that failed at the provider", ["code"])
ESCALATED = Counter("onhand_refunds_escalated_total", "Refunds a person was asked to look at")

FAILED_LATER = "failed-later"


class RefundSteps:
    """The hands that give money back."""

    def __init__(self, ledger: Ledger, provider: PaymentProvider, *, escalate_after: int) -> None:
        self.ledger = ledger
        self.provider = provider
        self.escalate_after = escalate_after

    @activity.defn
    @telling
    @crossing
    async def refund_payment(self, step: StepInput) -> StepResult:
        """Give all the money of an undone checkout back; tried until the provider shows it as done."""
        refund = await self._paid(step.checkout_id, WHOLE)
        if refund.state != RefundState.DONE:
            raise Transient("refund-not-done-yet", checkout_id=step.checkout_id)
        return StepResult(status=refund.status)

    @activity.defn
    @telling
    @crossing
    async def pay_refund(self, debt: RefundInput) -> RefundResult:
        """Ask for one refund, or look at one that was asked for; its failure is a result."""
        return await self._paid(debt.checkout_id, debt.refund_id or WHOLE)

    @activity.defn
    @telling
    @crossing
    async def find_debts(self, debt: RefundInput) -> DebtsResult:
        """List what is owed to a checkout's customer, and look at what was paid: it may have failed since."""
        for paid in await paid_refunds(self.ledger.engine, debt.checkout_id):
            shown = await self.provider.look_up_refund(provider_refund=paid.provider_refund)
            if shown.state is ProviderRefundState.FAILED:
                asked = {"key": paid.operation_key, "provider_refund": paid.provider_refund}
                await self._record(debt.checkout_id, paid.refund_id, asked, shown, FAILED_LATER)
        return DebtsResult(refunds=await open_refunds(self.ledger.engine, debt.checkout_id))

    @activity.defn
    @telling
    @crossing
    async def find_return_debts(self, returned: ReturnInput) -> DebtsResult:
        """List what the inspections of a return owe, and count the units that wait for one."""
        debts = await return_debts(self.ledger.engine, returned.return_id)
        return DebtsResult(refunds=debts.refunds, to_inspect=debts.to_inspect)

    async def _paid(self, checkout_id: str, refund_id: str) -> RefundResult:
        start = StartRefund(actor=ACTOR, checkout_id=checkout_id, refund_id=refund_id)
        asked = await self.ledger.post(start)
        if asked["state"] == RefundState.DONE:
            return _told(asked)
        try:
            shown = await self._shown(checkout_id, asked)
        except PaymentRefused as refused:
            told = await self._record(checkout_id, refund_id, asked, None, refused.code)
            return await self._returned_elsewhere(checkout_id, asked) or _told(told)
        return _told(await self._record(checkout_id, refund_id, asked, shown, "refund-failed"))

    async def _shown(self, checkout_id: str, asked: Mapping[str, Any]) -> ProviderRefund:
        """Look at the refund; a repeated request would give its first answer again, however it stands by now."""
        name = asked["provider_refund"]
        if name is None:
            name = (await self._asked_for(checkout_id, asked)).refund_id
        return await self.provider.look_up_refund(provider_refund=name)

    async def _asked_for(self, checkout_id: str, asked: Mapping[str, Any]) -> ProviderRefund:
        """Ask for the refund, or find it. Raises PaymentRefused with `not-done` where it never was begun."""
        intent, key = asked["payment_intent"], asked["key"]
        try:
            async with asking.REFUND(checkout_id):
                return await self.provider.refund(
                    payment_intent=intent, amount_minor=asked["amount_minor"], idempotency_key=key
                )
        except PaymentUnknown as unknown:
            if not unknown.replayed:
                raise
        # The provider stored a failure of its own for the key, and will say nothing else for it.
        found = await self.provider.find_refund(payment_intent=intent, idempotency_key=key)
        if found is None:
            raise PaymentRefused(NOT_DONE)
        return found

    async def _returned_elsewhere(
        self, checkout_id: str, asked: Mapping[str, Any]
    ) -> RefundResult | None:
        """See whether somebody gave all of it back at the provider: then there is nothing left to refund."""
        seen = as_seen(await self.provider.look_up(payment_intent=asked["payment_intent"]))
        if seen.state is not PaymentState.REFUNDED:
            return None
        record = RecordPayment(actor=ACTOR, checkout_id=checkout_id, seen=seen)
        answer = await self.ledger.post(record)
        done = answer["payment"] == PaymentState.REFUNDED
        return RefundResult(state=RefundState.DONE, status=answer["status"]) if done else None

    async def _record(
        self,
        checkout_id: str,
        refund_id: str,
        asked: Mapping[str, Any],
        shown: ProviderRefund | None,
        code: str,
    ) -> Mapping[str, Any]:
        state = ShownRefund(shown.state.value) if shown else ShownRefund.FAILED
        failed = state is ShownRefund.FAILED
        answer = await self.ledger.post(
            RecordRefund(
                actor=ACTOR,
                checkout_id=checkout_id,
                refund_id=refund_id,
                operation_key=asked["key"],
                shown=state,
                provider_refund=shown.refund_id if shown else None,
                code=code if failed else None,
                escalate_after=self.escalate_after,
            )
        )
        if failed:
            FAILED.labels(code).inc()
            if answer["failures"] == self.escalate_after:
                ESCALATED.inc()
            log.error("refund failed", checkout_id=checkout_id, refund_id=refund_id, code=code)
        return {**answer, "code": code if failed else None}


def _told(answer: Mapping[str, Any]) -> RefundResult:
    code = answer.get("code")
    state = "failed" if code else answer["state"]
    return RefundResult(
        state="pending" if state == RefundState.REQUESTED else state,
        code=code,
        status=answer["status"],
        failures=answer["failures"],
        escalated=answer["escalated"],
    )
