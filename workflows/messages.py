"""What goes in and out of the workflows: ids, amounts and states, never customer data."""

from __future__ import annotations

from datetime import datetime

from activities.messages import CartLine, Message

__all__ = [
    "CancelAnswer",
    "CancelRequest",
    "CartLine",
    "CheckoutStart",
    "Decision",
    "ExtendAnswer",
    "ExtendRequest",
    "LatePayment",
    "PaymentEvent",
    "RefundsStart",
    "ReturnStart",
    "Trouble",
]


class CheckoutStart(Message):
    """The input of `checkout/{checkout_id}`: what was committed in the checkout's row."""

    checkout_id: str
    lines: tuple[CartLine, ...]
    total_minor: int
    currency: str
    ttl_seconds: int
    payment_attempts: int = 1
    step_seconds: int = 10
    """How long one attempt of a step may take before it is tried again."""


class Decision(Message):
    """The answer of the update `decision`: the checkout's status when stock was decided and payment asked for."""

    status: str


class CancelRequest(Message):
    """The input of the update `cancel`. With `wait_until_closed` it answers once the provider has let go too."""

    wait_until_closed: bool = False


class CancelAnswer(Message):
    """What became of a cancel: `cancelled` is true where nothing will be charged any more."""

    cancelled: bool
    status: str


class ExtendRequest(Message):
    """The input of the update `extend`: for the first or second extension, so many seconds more."""

    extension: int
    seconds: int


class ExtendAnswer(Message):
    """What became of an extension: no `code` where the hold lasts longer now."""

    status: str
    code: str | None = None


class PaymentEvent(Message):
    """The signal `payment_event`: a verified webhook, stored under its id. A hint to look, never a fact."""

    event_id: str
    kind: str


class Trouble(Message):
    """The update `trouble`: a step under way has been failing since then, and this is how it failed last."""

    step: str
    code: str
    since: datetime


class RefundsStart(Message):
    """The input of a workflow that pays a checkout's debts: `cancel-order/{order_id}`, and others."""

    checkout_id: str
    step_seconds: int = 10


class ReturnStart(Message):
    """The input of `return/{return_id}`."""

    return_id: str
    order_id: str
    step_seconds: int = 10


class LatePayment(Message):
    """The input of `late-payment/{payment_intent}`."""

    payment_intent: str
    payment_attempts: int = 1
    step_seconds: int = 10
