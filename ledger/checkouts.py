"""A checkout and what hangs on it: its lines, reservation, payment and order, and which states go together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """What has become of a checkout, in one word."""

    RESERVING = "reserving"
    OUT_OF_STOCK = "out_of_stock"
    LIMIT_EXCEEDED = "limit_exceeded"
    AWAITING_PAYMENT = "awaiting_payment"
    COMMITTING = "committing"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUND_PENDING = "refund_pending"
    REFUNDED = "refunded"
    NEEDS_REVIEW = "needs_review"


class ReservationState(StrEnum):
    """Where a hold stands. `none` is a checkout without a reservation, never a stored reservation."""

    NONE = "none"
    HELD = "held"
    COMMITTING = "committing"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


class PaymentState(StrEnum):
    """What is known of the money. `unknown` is a state and not an error."""

    NONE = "none"
    REQUIRES_PAYMENT = "requires_payment"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURING = "capturing"
    UNKNOWN = "unknown"
    CAPTURED = "captured"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    FAILED = "failed"
    VOIDING = "voiding"
    VOIDED = "voided"


class OrderState(StrEnum):
    """Where an order stands; `none` is a checkout that never became one."""

    NONE = "none"
    PLACED = "placed"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"
    CANCELLED = "cancelled"


_R, _P, _O = ReservationState, PaymentState, OrderState

_NOT_TAKEN = frozenset(
    {
        _P.NONE,
        _P.REQUIRES_PAYMENT,
        _P.PROCESSING,
        _P.AUTHORIZED,
        _P.FAILED,
        _P.VOIDING,
        _P.VOIDED,
    }
)
_UNDONE = frozenset({_P.CAPTURED, _P.UNKNOWN, _P.REFUNDING, _P.REFUNDED})
_NO_ORDER = frozenset({_O.NONE})

Combination = tuple[frozenset[ReservationState], frozenset[PaymentState], frozenset[OrderState]]

COMBINATIONS: dict[Status, Combination] = {
    Status.RESERVING: (frozenset({_R.NONE, _R.HELD}), frozenset({_P.NONE}), _NO_ORDER),
    Status.OUT_OF_STOCK: (frozenset({_R.NONE}), frozenset({_P.NONE}), _NO_ORDER),
    Status.LIMIT_EXCEEDED: (frozenset({_R.NONE}), frozenset({_P.NONE}), _NO_ORDER),
    Status.AWAITING_PAYMENT: (
        frozenset({_R.HELD}),
        frozenset({_P.REQUIRES_PAYMENT, _P.PROCESSING, _P.AUTHORIZED, _P.CAPTURED}),
        _NO_ORDER,
    ),
    Status.COMMITTING: (
        frozenset({_R.COMMITTING}),
        frozenset({_P.AUTHORIZED, _P.CAPTURING, _P.UNKNOWN, _P.CAPTURED}),
        _NO_ORDER,
    ),
    Status.CONFIRMED: (
        frozenset({_R.CONFIRMED}),
        frozenset({_P.CAPTURED, _P.REFUNDING, _P.REFUNDED}),
        frozenset(OrderState) - {_O.NONE, _O.CANCELLED},
    ),
    Status.DECLINED: (frozenset({_R.NONE, _R.RELEASED}), _NOT_TAKEN, _NO_ORDER),
    Status.CANCELLED: (frozenset({_R.NONE, _R.RELEASED}), _NOT_TAKEN, _NO_ORDER),
    Status.EXPIRED: (frozenset({_R.NONE, _R.EXPIRED}), _NOT_TAKEN, _NO_ORDER),
    Status.REFUND_PENDING: (
        frozenset({_R.RELEASED, _R.EXPIRED, _R.CONFIRMED}),
        _UNDONE,
        frozenset({_O.NONE, _O.CANCELLED}),
    ),
    Status.REFUNDED: (
        frozenset({_R.RELEASED, _R.EXPIRED, _R.CONFIRMED}),
        _UNDONE,
        frozenset({_O.NONE, _O.CANCELLED}),
    ),
    Status.NEEDS_REVIEW: (
        frozenset(ReservationState),
        frozenset(PaymentState),
        frozenset(OrderState),
    ),
}
"""Which states go with which status (the contract's table); the checkout row's CHECK is this table."""

TAKEN = frozenset({_P.CAPTURED, _P.REFUNDING, _P.REFUNDED})
"""The money was with us, and may still be."""

UNDECIDED = frozenset({Status.RESERVING})
LIVE = frozenset({Status.RESERVING, Status.AWAITING_PAYMENT, Status.COMMITTING})
"""A checkout that may still take money for its cart. The index of live carts is this set."""

MAY_STILL_BE_PAID = frozenset(
    {_P.REQUIRES_PAYMENT, _P.PROCESSING, _P.AUTHORIZED, _P.CAPTURING, _P.UNKNOWN, _P.VOIDING}
)
"""Money that may still be taken for a checkout, whatever has become of its stock."""

TERMINAL_PAYMENTS = frozenset({_P.NONE, _P.CAPTURED, _P.REFUNDED, _P.VOIDED})
"""Nothing more will happen to the money unless somebody asks for it."""


def combination_allowed(
    status: Status, reservation: ReservationState, payment: PaymentState, order: OrderState
) -> bool:
    """Tell whether a checkout may be in this status with these states."""
    reservations, payments, orders = COMBINATIONS[status]
    return reservation in reservations and payment in payments and order in orders


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutLine:
    """One sku of a checkout at the price of that moment. `price_minor` is per unit."""

    sku: str
    quantity: int
    price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """The row that promises a workflow. `ordinal` numbers its newest reservation, 0 is none yet."""

    checkout_id: str
    owner: str
    customer_id: str
    cart_id: str | None
    lines: tuple[CheckoutLine, ...]
    total_minor: int
    currency: str
    ttl_seconds: int
    status: Status = Status.RESERVING
    reason: str | None = None
    ordinal: int = 0
    reservation_state: ReservationState = ReservationState.NONE
    payment_state: PaymentState = PaymentState.NONE
    order_state: OrderState = OrderState.NONE

    @property
    def claims_its_cart(self) -> bool:
        """True while money may be taken for the cart: a second checkout of it would be paid twice."""
        return self.status in LIVE or self.payment_state in MAY_STILL_BE_PAID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationLine:
    """Units of one sku held at one location."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A hold. A tombstone is a released one without lines and without `expires_at`."""

    reservation_id: str
    checkout_id: str
    state: ReservationState
    lines: tuple[ReservationLine, ...] = ()
    extension: int = 0
    expires_at: datetime | None = None


class PaymentOperationKind(StrEnum):
    """What is asked of the provider."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class PaymentOperationState(StrEnum):
    """`requested` is written before the call; only a proved outcome ends it."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


NOT_DONE = "not-done"
"""The code of an operation that the provider proved it never began: it is asked for again, under a new key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOperation:
    """One thing asked of the provider, under the key it was asked with."""

    key: str
    checkout_id: str
    kind: PaymentOperationKind
    state: PaymentOperationState
    amount_minor: int
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The money of one checkout. Amounts are minor units of its currency."""

    checkout_id: str
    amount_minor: int
    currency: str
    state: PaymentState = PaymentState.NONE
    payment_intent: str | None = None
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    declines: int = 0
