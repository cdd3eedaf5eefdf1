"""What is found of a checkout whose workflow is gone, and of a payment that nobody waited for."""

from __future__ import annotations

from enum import StrEnum

from activities.messages import CartLine, Message
from ledger.checkouts import PaymentState, ReservationState, Status


class Standing(Message):
    """Where a checkout stands, by its rows: enough to go on with it.

    `seconds_left` is of a hold, when this was read; `declines` are the failed attempts to pay so far.
    """

    checkout_id: str
    lines: tuple[CartLine, ...]
    total_minor: int
    currency: str
    ttl_seconds: int
    status: Status
    reservation: ReservationState
    payment: PaymentState
    payment_asked_for: bool
    ordinal: int
    extension: int = 0
    seconds_left: float | None = None
    declines: int = 0


class CheckoutNamed(Message):
    """The input of `find_checkout`."""

    checkout_id: str

    @property
    def of(self) -> str:
        """What it is about."""
        return self.checkout_id


class PaymentNamed(Message):
    """The input of the steps on a payment that nobody waited for."""

    payment_intent: str

    @property
    def of(self) -> str:
        """What it is about."""
        return self.payment_intent


class Verdict(StrEnum):
    """Whose a payment is that nobody waited for."""

    UNKNOWN = "unknown"
    """Not of a checkout of ours, as far as the provider can tell."""
    LIVE = "live"
    """Of a checkout that is under way, and will see it by itself."""
    LATE = "late"
    """Of a checkout that is over, whose payment it is."""
    STRAY = "stray"
    """Beside the payment of one of our checkouts, or of one that never asked for any."""


class LatePaymentFound(Message):
    """What the provider and the rows say of a payment. `checkout` where it is of one of ours."""

    verdict: Verdict
    checkout: Standing | None = None
