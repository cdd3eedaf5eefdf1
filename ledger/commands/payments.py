"""Commands that write down what the provider is asked and what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.checkouts import PaymentOperationKind, PaymentState
from ledger.commands.base import Command, Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPaymentOperation(Command):
    """Write down what the provider will be asked, before it is asked. Repeated, it changes nothing."""

    checkout_id: str
    kind: PaymentOperationKind

    def needs(self) -> Needs:
        return _money(self.checkout_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPaymentOperation(Command):
    """The provider proved that it did not do what was asked; `code` is its reason."""

    checkout_id: str
    kind: PaymentOperationKind
    code: str

    def needs(self) -> Needs:
        return _money(self.checkout_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtCapture(Command):
    """The answer to a capture was lost: whether the money was taken is not known until it is looked up."""

    checkout_id: str

    def needs(self) -> Needs:
        return _money(self.checkout_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPayment:
    """A payment as the provider shows it now. Amounts in minor units."""

    payment_intent: str
    state: PaymentState
    amount_minor: int
    currency: str
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment(Command):
    """Store what the provider shows, never going back; `proves` is the operation it settles."""

    checkout_id: str
    seen: SeenPayment
    proves: PaymentOperationKind | None = None
    webhook_events: tuple[str, ...] = ()

    def needs(self) -> Needs:
        return _money(self.checkout_id)


def _money(checkout_id: str) -> Needs:
    checkout = frozenset({checkout_id})
    return Needs(checkouts=checkout, payments_of=checkout, refunds_of=checkout)
