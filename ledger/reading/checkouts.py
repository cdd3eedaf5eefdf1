"""A checkout as it stands, and as its customer was first told of it: in one statement, so one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import ids
from ledger.checkouts import OrderState, PaymentState, ReservationState, Status
from ledger.transactions import rows_of

# The endings are looked for under every key that could have ended reservation 1.
_CHECKOUT = text("""
SELECT c.checkout_id, c.owner, c.customer_id, c.cart_id, c.total_minor, c.currency, c.ttl_seconds,
       c.status, c.reason, c.ordinal, c.reservation_state, c.payment_state, c.order_state,
       c.created_at, c.updated_at,
       (SELECT json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity,
                                          'price_minor', l.price_minor) ORDER BY l.sku)
        FROM checkout_line l WHERE l.checkout_id = c.checkout_id) AS lines,
       r.reservation_id, r.extension, r.expires_at,
       p.provider, p.payment_intent, p.client_secret, p.amount_minor, p.currency AS payment_currency,
       p.authorized_minor, p.captured_minor, p.refunded_minor,
       (SELECT fingerprint FROM operation WHERE key = :opened) AS fingerprint,
       (SELECT outcome FROM operation WHERE key = :reserved) AS reserve_outcome,
       asked.resolved_at AS payable_at,
       ended.outcome AS ending_outcome, ended.recorded_at AS ended_at
FROM checkout c
LEFT JOIN reservation r ON r.reservation_id = c.checkout_id || '/' || c.ordinal
LEFT JOIN payment p ON p.checkout_id = c.checkout_id
LEFT JOIN payment_operation asked ON asked.key = :asked AND asked.state = 'succeeded'
LEFT JOIN LATERAL (
  SELECT outcome, recorded_at FROM operation
  WHERE key = ANY(:endings)
  ORDER BY recorded_at LIMIT 1) ended ON true
WHERE c.checkout_id = :checkout_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReservation:
    """The newest reservation of a checkout."""

    reservation_id: str
    state: ReservationState
    extension: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayment:
    """The money of a checkout. Amounts are minor units of `currency`."""

    provider: str
    payment_intent: str | None
    client_secret: str | None = field(repr=False)
    amount_minor: int
    currency: str
    authorized_minor: int
    captured_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """One sku of a checkout, at the price of its beginning."""

    sku: str
    quantity: int
    price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDecision:
    """What the ledger wrote down when stock and payment were first decided.

    `reserve_outcome` is the remembered answer to the first reserve: `accepted` with the hold, or
    `refused` with `facts`; None before it. `payable_at` is when the payment could first be paid;
    `ended_as` and `ended_at` tell how and when the first hold was given up again.
    """

    reserve_outcome: Mapping[str, Any] | None
    payable_at: datetime | None
    ended_as: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckout:
    """A checkout's row with everything that hangs on it. `fingerprint` is of the request that opened it."""

    checkout_id: str
    owner: str
    customer_id: str
    cart_id: str | None
    lines: tuple[StoredLine, ...]
    total_minor: int
    currency: str
    ttl_seconds: int
    status: Status
    reason: str | None
    payment_state: PaymentState
    order_state: OrderState
    created_at: datetime
    updated_at: datetime
    fingerprint: bytes
    reservation: StoredReservation | None
    payment: StoredPayment | None
    first: FirstDecision


async def checkout_of(engine: AsyncEngine, checkout_id: str) -> StoredCheckout | None:
    """Read one checkout; None where there is none of that id. Raises Transient."""
    rows = await rows_of(engine, _CHECKOUT, checkout_id=checkout_id, **_keys(checkout_id))
    return _checkout(rows[0]) if rows else None


def _keys(checkout_id: str) -> dict[str, Any]:
    first = f"reservation/{ids.reservation_id(checkout_id)}"
    return {
        "opened": f"checkout/{checkout_id}/open",
        "reserved": f"{first}/reserve",
        "asked": ids.provider_key(checkout_id, "authorize"),
        "endings": [f"{first}/release", *(f"{first}/expire/{extension}" for extension in range(3))],
    }


def _checkout(row: RowMapping) -> StoredCheckout:
    return StoredCheckout(
        checkout_id=row["checkout_id"],
        owner=row["owner"],
        customer_id=row["customer_id"],
        cart_id=row["cart_id"],
        lines=tuple(StoredLine(**line) for line in row["lines"]),
        total_minor=row["total_minor"],
        currency=row["currency"],
        ttl_seconds=row["ttl_seconds"],
        status=Status(row["status"]),
        reason=row["reason"],
        payment_state=PaymentState(row["payment_state"]),
        order_state=OrderState(row["order_state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        fingerprint=row["fingerprint"],
        reservation=_reservation(row),
        payment=_payment(row),
        first=_first_decision(row),
    )


def _reservation(row: RowMapping) -> StoredReservation | None:
    if row["reservation_id"] is None:
        return None
    return StoredReservation(
        reservation_id=row["reservation_id"],
        state=ReservationState(row["reservation_state"]),
        extension=row["extension"],
        expires_at=row["expires_at"],
    )


def _payment(row: RowMapping) -> StoredPayment | None:
    if row["provider"] is None:
        return None
    return StoredPayment(
        provider=row["provider"],
        payment_intent=row["payment_intent"],
        client_secret=row["client_secret"],
        amount_minor=row["amount_minor"],
        currency=row["payment_currency"],
        authorized_minor=row["authorized_minor"],
        captured_minor=row["captured_minor"],
        refunded_minor=row["refunded_minor"],
    )


def _first_decision(row: RowMapping) -> FirstDecision:
    ending = row["ending_outcome"]
    return FirstDecision(
        reserve_outcome=row["reserve_outcome"],
        payable_at=row["payable_at"],
        ended_as=ending["accepted"]["status"] if ending else None,
        ended_at=row["ended_at"],
    )
