"""The words of a checkout's story: what it can do, what can happen to it, and where it can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ledger.checkouts import ReservationState, Status

LATE_PAYMENT = "late-payment"
"""Of a void: what was to be voided has been paid for since, and is left as it is."""

PAYMENT_FAILED = "payment_intent.payment_failed"


class Step(StrEnum):
    """Everything a checkout can do. One at a time; each is one activity."""

    RESERVE_STOCK = "reserve_stock"
    REQUEST_PAYMENT = "request_payment"
    ACCEPT_PAYMENT = "accept_payment"
    CAPTURE_PAYMENT = "capture_payment"
    CONFIRM_ORDER = "confirm_order"
    RELEASE_STOCK = "release_stock"
    EXTEND_HOLD = "extend_hold"
    EXPIRE_HOLD = "expire_hold"
    REACQUIRE_STOCK = "reacquire_stock"
    VOID_PAYMENT = "void_payment"
    CANCEL_ORDER = "cancel_order"
    REFUND_PAYMENT = "refund_payment"


class Stage(StrEnum):
    """Where the story is, for people: the search attribute `CheckoutStage`."""

    RESERVING = "reserving"
    AWAITING_PAYMENT = "awaiting_payment"
    COMMITTING = "committing"
    UNDOING = "undoing"
    CLOSED = "closed"


UNDO_STEPS = frozenset(
    {
        Step.RELEASE_STOCK,
        Step.EXPIRE_HOLD,
        Step.VOID_PAYMENT,
        Step.CANCEL_ORDER,
        Step.REFUND_PAYMENT,
    }
)
FORWARD_STEPS = frozenset(
    {Step.RESERVE_STOCK, Step.REQUEST_PAYMENT, Step.ACCEPT_PAYMENT, Step.EXTEND_HOLD}
)
"""Steps that may be given up: nothing is taken from anybody yet. All others are tried for ever."""


class Asker(StrEnum):
    """Who wants the checkout cancelled. Only an operator may want it after the fence."""

    CUSTOMER = "customer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One step to carry out.

    `ending` and `reason` are of a release, the events of an acceptance, `extension` of an expiry or
    extension with its `seconds`. `ordinal` numbers the reservation; `rescuing` is of a void that must
    not void what came too late and may still be sold.
    """

    step: Step
    ending: Status | None = None
    reason: str | None = None
    compensating: bool = False
    extension: int = 0
    seconds: int = 0
    ordinal: int = 1
    rescuing: bool = False
    webhook_events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The workflow runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHinted:
    """A webhook says that something happened to the payment."""

    event_id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOver:
    """The timer of the hold fired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """Somebody wants out."""

    by: Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendAsked:
    """The customer wants more time: for the first or second `extension`."""

    extension: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """A forward step did not get through in its time. It may have happened all the same."""

    step: Step
    code: str
    asks_too: bool = False
    """Of a reserve that goes on to ask for the payment: that may have happened as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step answered.

    `status` is the checkout's in the ledger after it, `code` the refusal if there was one, and
    `reservation` where the hold stood when it was refused. `declined` is the provider's no,
    and `attempt` its name for what it declined.
    """

    step: Step
    status: Status
    code: str | None = None
    reservation: ReservationState | None = None
    declined: bool = False
    attempt: str | None = None
    extension: int | None = None
    asks_too: bool = False
    """Of a reserve that tried to ask for the payment as well: it may have, though nothing says so."""


Event = Began | PaymentHinted | TimeOver | CancelAsked | ExtendAsked | GaveUp | Done
