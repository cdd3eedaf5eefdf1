"""Steps that find out where something stands which nobody looks after any more, and give stray money back."""

from __future__ import annotations

from temporalio import activity

from activities import asking
from activities.failures import crossing, telling
from activities.messages import CartLine
from activities.payments import as_seen
from activities.standing import (
    CheckoutNamed,
    LatePaymentFound,
    PaymentNamed,
    Standing,
    Verdict,
)
from activities.stock import ACTOR
from ledger.checkouts import LIVE, PaymentOperationKind, PaymentState
from ledger.commands import RecordPayment
from ledger.errors import Broken, Refused, Transient
from ledger.posting import Ledger
from ledger.promises import CheckoutStanding, Promises
from payments.errors import PaymentRefused
from payments.provider import PaymentProvider
from payments.values import ProviderPayment, ProviderState

STRAY = "stray-given-back"


class RecoverySteps:
    """The hands of whoever finishes what others began."""

    def __init__(self, ledger: Ledger, promises: Promises, provider: PaymentProvider) -> None:
        self.ledger = ledger
        self.promises = promises
        self.provider = provider

    @activity.defn
    @telling
    @crossing
    async def find_checkout(self, named: CheckoutNamed) -> Standing:
        """Read where a checkout stands."""
        found = await self.promises.standing(named.checkout_id)
        if found is None:
            raise Broken("checkout-without-a-row", checkout_id=named.checkout_id)
        return _told(found)

    @activity.defn
    @telling
    @crossing
    async def find_late_payment(self, named: PaymentNamed) -> LatePaymentFound:
        """Ask the provider whose payment this is, and write it down where nobody had heard of it."""
        try:
            seen = await self.provider.look_up(payment_intent=named.payment_intent)
        except PaymentRefused:
            return LatePaymentFound(verdict=Verdict.UNKNOWN)
        found = await self.promises.standing(seen.checkout_id) if seen.checkout_id else None
        if found is None:
            return LatePaymentFound(verdict=Verdict.UNKNOWN)
        verdict = await self._verdict(found, seen)
        if verdict is Verdict.LATE:
            found = await self.promises.standing(found.checkout_id) or found
        return LatePaymentFound(verdict=verdict, checkout=_told(found))

    @activity.defn
    @telling
    @crossing
    async def give_back_stray(self, named: PaymentNamed) -> str:
        """Void or refund money that no sale of ours is behind; done only when the provider shows it."""
        intent = named.payment_intent
        seen = await self.provider.look_up(payment_intent=intent)
        if seen.state is ProviderState.PROCESSING:
            raise Transient("payment-under-way", payment_intent=intent)
        if seen.state is ProviderState.CAPTURED:
            await self._refund(seen)
        elif seen.state is not ProviderState.VOIDED:
            await self._void(intent)
        seen = await self.provider.look_up(payment_intent=intent)
        if as_seen(seen).state not in (PaymentState.VOIDED, PaymentState.REFUNDED):
            raise Transient("stray-not-given-back-yet", payment_intent=intent)
        await self.promises.settle_payment(intent, STRAY)
        return as_seen(seen).state.value

    async def _verdict(self, found: CheckoutStanding, seen: ProviderPayment) -> Verdict:
        if found.payment_intent not in (None, seen.payment_intent):
            return Verdict.STRAY
        if found.status in LIVE:
            return Verdict.LIVE
        try:
            await self.ledger.post(
                RecordPayment(
                    actor=ACTOR,
                    checkout_id=found.checkout_id,
                    seen=as_seen(seen),
                    proves=PaymentOperationKind.AUTHORIZE,
                )
            )
        except Refused:
            # Such a checkout has never asked for money, so there is no row that could hold it.
            return Verdict.STRAY
        return Verdict.LATE

    async def _void(self, intent: str) -> None:
        # A key of its own for each attempt: a provider repeats its first answer, a refusal too.
        attempt = activity.info().attempt
        try:
            async with asking.VOID(intent):
                await self.provider.void(
                    payment_intent=intent, idempotency_key=f"stray:{intent}:void:{attempt}"
                )
        except PaymentRefused as refused:
            raise Transient("void-refused", payment_intent=intent) from refused

    async def _refund(self, seen: ProviderPayment) -> None:
        left = seen.captured_minor - seen.refunded_minor
        if left <= 0:
            return
        # One key for one amount: it is never given back twice, and a rest can be.
        key = f"stray:{seen.payment_intent}:refund:{seen.refunded_minor}"
        try:
            async with asking.REFUND(seen.payment_intent):
                await self.provider.refund(
                    payment_intent=seen.payment_intent, amount_minor=left, idempotency_key=key
                )
        except PaymentRefused as refused:
            raise Transient("refund-refused", payment_intent=seen.payment_intent) from refused


def _told(found: CheckoutStanding) -> Standing:
    return Standing(
        checkout_id=found.checkout_id,
        lines=tuple(CartLine(sku=sku, quantity=quantity) for sku, quantity in found.lines),
        total_minor=found.total_minor,
        currency=found.currency,
        ttl_seconds=found.ttl_seconds,
        status=found.status,
        reservation=found.reservation,
        payment=found.payment,
        payment_asked_for=found.payment_asked_for,
        ordinal=found.ordinal,
        extension=found.extension,
        seconds_left=found.seconds_left,
        declines=found.declines,
    )
