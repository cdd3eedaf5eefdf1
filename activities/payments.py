"""Steps on money: written down before the provider is asked, and settled by what the provider shows.

A step that is repeated, because its worker died or the provider did not answer, looks the payment
up before it asks anything again, and asks under the same key. Only where the provider answers that key
with the same error for ever, and a look-up shows that nothing was done, is the operation closed as
`not-done`: what is asked next has a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities import asking
from activities.failures import crossing, telling
from activities.messages import StepInput, StepResult
from activities.stock import ACTOR, refused_result
from ledger import ids
from ledger.checkouts import NOT_DONE, PaymentOperationKind, PaymentState, ReservationState
from ledger.commands import (
    DoubtCapture,
    FailPaymentOperation,
    Fence,
    RecordPayment,
    SeenPayment,
    StartPaymentOperation,
)
from ledger.errors import Refused, Transient
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.errors import PaymentRefused, PaymentUnknown
from payments.provider import PaymentProvider
from payments.values import ProviderPayment, ProviderState

_Kind = PaymentOperationKind
_PAID = (ProviderState.AUTHORIZED, ProviderState.CAPTURED)


class PaymentSteps:
    """The hands on the till."""

    def __init__(self, ledger: Ledger, watch: Watch, provider: PaymentProvider) -> None:
        self.ledger = ledger
        self.watch = watch
        self.provider = provider

    @activity.defn
    @telling
    @crossing
    async def request_payment(self, step: StepInput) -> StepResult:
        """Ask the provider for a payment that is authorized now and captured later."""
        try:
            asked = await self._start(step, _Kind.AUTHORIZE)
            if asked["state"] == "failed":
                return await refused_result(
                    self.watch, step.checkout_id, Refused("payment-refused")
                )
            seen = await self._authorize(step, asked)
            return await self._record(step, seen, _Kind.AUTHORIZE)
        except PaymentRefused as refused:
            status = await self._fail(step, _Kind.AUTHORIZE, refused.code)
            if refused.code == NOT_DONE:
                raise Transient("payment-not-opened", checkout_id=step.checkout_id) from None
            return StepResult(status=status, code="payment-refused")
        except Refused as refused:
            return await refused_result(self.watch, step.checkout_id, refused)

    @telling
    @crossing
    async def accept_payment(self, step: StepInput) -> StepResult:
        """Look at the payment; where it is authorized, fence the hold. The webhook itself is never believed."""
        states = await self.watch.states(step.checkout_id)
        if states.payment_intent is None:
            raise Transient("payment-not-known-yet", checkout_id=step.checkout_id)
        seen = await self.provider.look_up(payment_intent=states.payment_intent)
        try:
            result = await self._record(step, seen, _proved_by(seen))
            if seen.state not in _PAID:
                declined = seen.decline_code is not None
                return result.model_copy(update={"declined": declined, "attempt": seen.declined})
            fence = Fence(actor=ACTOR, reservation_id=ids.reservation_id(step.checkout_id))
            answer = await self.ledger.post(fence)
        except Refused as refused:
            return await refused_result(self.watch, step.checkout_id, refused)
        return StepResult(status=answer["status"])

    @activity.defn
    @telling
    @crossing
    async def capture_payment(self, step: StepInput) -> StepResult:
        """Take the money, once. A declined capture is a result; an unknown one is tried until it is known."""
        states = await self.watch.states(step.checkout_id)
        if states.payment is PaymentState.CAPTURED:
            return StepResult(status=states.status)
        asked = await self._start(step, _Kind.CAPTURE)
        if asked["state"] == "failed":
            return StepResult(status=states.status, code="capture-declined", declined=True)
        try:
            seen, code = await self._captured(step, asked)
        except PaymentUnknown:
            await self.ledger.post(DoubtCapture(actor=ACTOR, checkout_id=step.checkout_id))
            raise
        if seen.state is ProviderState.CAPTURED:
            return await self._record(step, seen, _Kind.CAPTURE)
        status = await self._fail(step, _Kind.CAPTURE, code)
        if code == NOT_DONE:
            raise Transient("capture-not-done", checkout_id=step.checkout_id)
        return StepResult(status=status, code=code, declined=True)

    @activity.defn
    @telling
    @crossing
    async def void_payment(self, step: StepInput) -> StepResult:
        """Make sure that nothing will be charged; where it already was, say so by `refund_pending`.

        With `rescuing`, a payment that was made all the same is left as it is, as `late-payment`: the
        stock may still be there.
        """
        states = await self.watch.states(step.checkout_id)
        if not states.payment_asked_for or states.payment is PaymentState.VOIDED:
            return StepResult(status=states.status)
        if states.reservation is ReservationState.COMMITTING:
            return await refused_result(self.watch, step.checkout_id, Refused("too-late"))
        try:
            intent = states.payment_intent or await self._learnt_intent(step)
        except PaymentRefused as refused:
            # It was never opened and never will be: there is nothing to void.
            return StepResult(status=await self._fail(step, _Kind.AUTHORIZE, refused.code))
        seen = await self.provider.look_up(payment_intent=intent)
        if seen.state is ProviderState.PROCESSING:
            # A debit under way cannot be called back; it is looked at until it fails or is taken.
            raise Transient("payment-under-way", checkout_id=step.checkout_id)
        if step.rescuing and seen.state in _PAID:
            return await self._late(step, seen)
        if seen.state not in (ProviderState.VOIDED, ProviderState.CAPTURED):
            asked = await self._start(step, _Kind.VOID)
            seen = await self._voided(step, intent, asked)
            if step.rescuing and seen.state is ProviderState.CAPTURED:
                return await self._late(step, seen)
        return await self._record(step, seen, _Kind.VOID)

    async def _late(self, step: StepInput, seen: ProviderPayment) -> StepResult:
        recorded = await self._record(step, seen, _proved_by(seen))
        return recorded.model_copy(update={"code": "late-payment"})

    async def _start(self, step: StepInput, kind: PaymentOperationKind) -> Mapping[str, Any]:
        return await self.ledger.post(
            StartPaymentOperation(actor=ACTOR, checkout_id=step.checkout_id, kind=kind)
        )

    async def _authorize(self, step: StepInput, asked: Mapping[str, Any]) -> ProviderPayment:
        """Open the payment, or find it opened. Raises PaymentRefused with `not-done` where it never will be."""
        try:
            async with asking.AUTHORIZE(step.checkout_id):
                return await self.provider.authorize(
                    checkout_id=step.checkout_id,
                    amount_minor=asked["amount_minor"],
                    currency=asked["currency"],
                    idempotency_key=asked["key"],
                )
        except PaymentUnknown as unknown:
            if not unknown.replayed:
                raise
        since = await self.watch.asked_since(step.checkout_id)
        found = await self.provider.find_payment(checkout_id=step.checkout_id, since=since)
        if found is None:
            raise PaymentRefused(NOT_DONE)
        return found

    async def _learnt_intent(self, step: StepInput) -> str:
        """Ask again under the same key for the payment whose first answer was lost: to void it, know it."""
        seen = await self._authorize(step, await self._start(step, _Kind.AUTHORIZE))
        await self._record(step, seen, _Kind.AUTHORIZE)
        return seen.payment_intent

    async def _captured(
        self, step: StepInput, asked: Mapping[str, Any]
    ) -> tuple[ProviderPayment, str]:
        """Capture, and give what the provider shows then and the code of its no, if it was one."""
        intent = asked["payment_intent"]
        if asked["asked_before"]:
            seen = await self.provider.look_up(payment_intent=intent)
            if seen.state is not ProviderState.AUTHORIZED:
                return seen, "authorization-lapsed"
        try:
            async with asking.CAPTURE(step.checkout_id):
                seen = await self.provider.capture(
                    payment_intent=intent,
                    amount_minor=asked["amount_minor"],
                    idempotency_key=asked["key"],
                )
        except PaymentRefused as refused:
            return await self.provider.look_up(payment_intent=intent), refused.code
        except PaymentUnknown as unknown:
            if not unknown.replayed:
                raise
            seen = await self.provider.look_up(payment_intent=intent)
            lapsed = seen.state is not ProviderState.AUTHORIZED
            return seen, "authorization-lapsed" if lapsed else NOT_DONE
        return seen, "capture-declined"

    async def _voided(
        self, step: StepInput, intent: str, asked: Mapping[str, Any]
    ) -> ProviderPayment:
        """Void; where the provider will not yet, close this operation so that the next has a new key."""
        try:
            async with asking.VOID(step.checkout_id):
                return await self.provider.void(payment_intent=intent, idempotency_key=asked["key"])
        except PaymentRefused as refused:
            code = refused.code
        except PaymentUnknown as unknown:
            if not unknown.replayed:
                raise
            code = NOT_DONE
        seen = await self.provider.look_up(payment_intent=intent)
        if seen.state not in (ProviderState.VOIDED, ProviderState.CAPTURED):
            await self._fail(step, _Kind.VOID, code)
            raise Transient("void-refused", payment_intent=intent)
        return seen

    async def _fail(self, step: StepInput, kind: PaymentOperationKind, code: str) -> str:
        """Write down that the provider did not do it; give the checkout's status."""
        answer = await self.ledger.post(
            FailPaymentOperation(actor=ACTOR, checkout_id=step.checkout_id, kind=kind, code=code)
        )
        return str(answer["status"])

    async def _record(
        self, step: StepInput, seen: ProviderPayment, proves: PaymentOperationKind | None
    ) -> StepResult:
        answer = await self.ledger.post(
            RecordPayment(
                actor=ACTOR,
                checkout_id=step.checkout_id,
                seen=as_seen(seen),
                proves=proves,
                webhook_events=step.webhook_events,
            )
        )
        return StepResult(status=answer["status"])


def _proved_by(seen: ProviderPayment) -> PaymentOperationKind | None:
    """Say what a look proves: whoever asked for the money may have died before it saw that it was taken."""
    return _Kind.CAPTURE if seen.state is ProviderState.CAPTURED else None


def as_seen(payment: ProviderPayment) -> SeenPayment:
    """Say in the ledger's words what the provider shows."""
    state = PaymentState(payment.state.value)
    if payment.captured_minor and payment.refunded_minor >= payment.captured_minor:
        state = PaymentState.REFUNDED
    return SeenPayment(
        payment_intent=payment.payment_intent,
        state=state,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        authorized_minor=payment.authorized_minor,
        captured_minor=payment.captured_minor,
        refunded_minor=payment.refunded_minor,
        client_secret=payment.client_secret,
    )
