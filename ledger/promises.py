"""Rows that promise a workflow, and what is known of a checkout whose workflow is gone.

Reads and bookkeeping only. Whatever follows for stock or money goes through `Ledger.post`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.checkouts import PaymentState, ReservationState, Status
from ledger.transactions import rows_of

PAGE = 200

# Not at rest: stock or money is still on its way somewhere. The first half is the predicate of the index
# checkout_open, word for word. The second is a payment whose creation nobody has heard the end of.
# Money of a confirmed order is given back by whoever took the goods back, and a review is a person's.
_NOT_AT_REST = """
(c.status IN ('reserving', 'awaiting_payment', 'committing', 'refund_pending')
 OR c.payment_state NOT IN ('none', 'captured', 'refunded', 'voided')
    AND c.status NOT IN ('confirmed', 'needs_review')
 OR c.payment_state = 'none' AND c.status IN ('declined', 'cancelled', 'expired')
    AND EXISTS (SELECT FROM payment_operation o
                WHERE o.checkout_id = c.checkout_id AND o.kind = 'authorize' AND o.state = 'requested'))
"""

# A union, since each half has an index of its own.
_OPEN = text("""
SELECT c.checkout_id, c.status, c.total_minor, c.currency, c.ttl_seconds,
       clock_timestamp() - c.updated_at AS age,
       (SELECT json_agg(json_build_array(l.sku, l.quantity) ORDER BY l.sku)
        FROM checkout_line l WHERE l.checkout_id = c.checkout_id) AS lines
FROM checkout c
WHERE c.checkout_id IN (
    SELECT checkout_id FROM checkout
    WHERE (status IN ('reserving', 'awaiting_payment', 'committing', 'refund_pending')
           OR payment_state NOT IN ('none', 'captured', 'refunded', 'voided'))
      AND status NOT IN ('confirmed', 'needs_review')
      -- What a cancelled order owes is a promise of its own.
      AND order_state <> 'cancelled'
      AND updated_at < clock_timestamp() - CAST(:grace AS interval)
    UNION
    SELECT o.checkout_id FROM payment_operation o JOIN checkout c USING (checkout_id)
    WHERE o.kind = 'authorize' AND o.state = 'requested'
      AND c.payment_state = 'none' AND c.status IN ('declined', 'cancelled', 'expired')
      AND c.updated_at < clock_timestamp() - CAST(:grace AS interval))
  AND c.checkout_id > :after
  AND (CAST(:only AS text) IS NULL OR c.checkout_id = :only)
ORDER BY c.checkout_id
LIMIT :limit
""")

# What an undone checkout owes that was never an order is its own workflow's, or its successor's.
_OWED = text("""
SELECT d.checkout_id, d.refund_id, i.return_id, clock_timestamp() - d.updated_at AS age
FROM refund d
JOIN checkout c USING (checkout_id)
LEFT JOIN LATERAL (
  SELECT return_id FROM inspection_line
  WHERE starts_with(d.refund_id, 'inspection-')
    AND inspection_id = right(d.refund_id, -length('inspection-'))
  LIMIT 1
) i ON true
WHERE d.state <> 'done' AND (d.refund_id <> 'whole' OR c.order_state = 'cancelled')
  AND d.updated_at < clock_timestamp() - CAST(:grace AS interval)
  AND d.checkout_id || '/' || d.refund_id > :after
  AND (CAST(:only AS text) IS NULL OR d.checkout_id || '/' || d.refund_id = :only)
ORDER BY d.checkout_id || '/' || d.refund_id
LIMIT :limit
""")

_UNINSPECTED = text("""
SELECT r.return_id, r.order_id, clock_timestamp() - r.recorded_at AS age
FROM returns r
WHERE r.recorded_at < clock_timestamp() - CAST(:grace AS interval)
  AND EXISTS (SELECT FROM return_line l
              WHERE l.return_id = r.return_id AND l.restocked + l.damaged < l.quantity)
  AND r.return_id > :after
  AND (CAST(:only AS text) IS NULL OR r.return_id = :only)
ORDER BY r.return_id
LIMIT :limit
""")

_STANDING = text("""
SELECT c.checkout_id, c.status, c.reservation_state, c.payment_state, c.ordinal,
       c.total_minor, c.currency, c.ttl_seconds,
       (SELECT json_agg(json_build_array(l.sku, l.quantity) ORDER BY l.sku)
        FROM checkout_line l WHERE l.checkout_id = c.checkout_id) AS lines,
       coalesce(r.extension, 0) AS extension,
       CASE WHEN r.state = 'held'
            THEN greatest(0, extract(epoch FROM r.expires_at - clock_timestamp())) END AS seconds_left,
       p.payment_intent,
       p.payment_intent IS NOT NULL
         OR EXISTS (SELECT FROM payment_operation o
                    WHERE o.checkout_id = c.checkout_id AND o.kind = 'authorize'
                      AND o.state <> 'failed') AS payment_asked_for,
       (SELECT count(*) FROM webhook_event w
        WHERE w.payment_intent = p.payment_intent AND w.kind = 'payment_intent.payment_failed'
          AND w.disposition = 'applied') AS declines
FROM checkout c
LEFT JOIN reservation r ON r.reservation_id = c.checkout_id || '/' || c.ordinal
LEFT JOIN payment p ON p.checkout_id = c.checkout_id
WHERE c.checkout_id = :checkout_id
""")

_AT_REST = text(f"""
SELECT asked.checkout_id, c.checkout_id IS NOT NULL AS known
FROM unnest(CAST(:checkout_ids AS text[])) AS asked (checkout_id)
LEFT JOIN checkout c ON c.checkout_id = asked.checkout_id
WHERE c.checkout_id IS NULL
   OR c.updated_at < clock_timestamp() - CAST(:grace AS interval)
      AND c.status <> 'needs_review' AND NOT {_NOT_AT_REST}
ORDER BY 1
""")  # noqa: S608 - the predicate above, written down once

# A webhook that waits to be brought is news enough: it needs no look.
_SILENT = text("""
SELECT c.checkout_id, c.payment_state, p.payment_intent,
       EXISTS (SELECT FROM webhook_event w
               WHERE w.payment_intent = p.payment_intent
                 AND w.kind = 'payment_intent.payment_failed') AS decline_told
FROM checkout c
JOIN payment p USING (checkout_id)
WHERE c.status = 'awaiting_payment' AND p.payment_intent IS NOT NULL
  AND c.updated_at < clock_timestamp() - CAST(:silence AS interval)
  AND NOT EXISTS (SELECT FROM webhook_event w
                  WHERE w.payment_intent = p.payment_intent AND w.applied_at IS NULL
                    AND w.received_at > clock_timestamp() - CAST(:silence AS interval))
ORDER BY c.checkout_id
""")

_SETTLE_PAYMENT = text("""
UPDATE webhook_event
SET applied_at = clock_timestamp(), disposition = :disposition
WHERE payment_intent = :payment_intent AND applied_at IS NULL
""")

Lines = tuple[tuple[str, int], ...]
"""Sku and quantity of each line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheckout:
    """A checkout that is not at rest, and how long nothing has been written of it."""

    checkout_id: str
    status: Status
    age: timedelta
    lines: Lines
    total_minor: int
    currency: str
    ttl_seconds: int

    @property
    def id(self) -> str:
        """What names it among rows of its kind."""
        return self.checkout_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDebt:
    """A refund that is not done, and how long nobody has touched it; `return_id` where an inspection owes it."""

    checkout_id: str
    refund_id: str
    return_id: str | None
    age: timedelta

    @property
    def id(self) -> str:
        """What names it among rows of its kind."""
        return f"{self.checkout_id}/{self.refund_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReturn:
    """A return with units that nobody has looked at, and how long ago it was booked."""

    return_id: str
    order_id: str
    age: timedelta

    @property
    def id(self) -> str:
        """What names it among rows of its kind."""
        return self.return_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutStanding:
    """Everything that is needed to go on with a checkout from its rows alone.

    `seconds_left` is of a hold, by the database's clock. `declines` are the failed attempts to pay that
    somebody has acted on.
    """

    checkout_id: str
    status: Status
    reservation: ReservationState
    payment: PaymentState
    payment_intent: str | None
    payment_asked_for: bool
    ordinal: int
    extension: int
    seconds_left: float | None
    declines: int
    lines: Lines
    total_minor: int
    currency: str
    ttl_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentPayment:
    """A payment of which nothing was heard for a while. `decline_told` where a failed attempt ever was."""

    checkout_id: str
    payment: PaymentState
    payment_intent: str
    decline_told: bool


class Promises:
    """Questions about what somebody must finish; each is one statement. All raise Transient."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def open_checkouts(
        self, grace: timedelta, *, after: str = "", only: str | None = None
    ) -> list[OpenCheckout]:
        """List a page of checkouts not at rest and untouched for longer than `grace`, by id."""
        rows = await rows_of(self.engine, _OPEN, grace=grace, after=after, only=only, limit=PAGE)
        return [
            OpenCheckout(
                checkout_id=row["checkout_id"],
                status=Status(row["status"]),
                age=row["age"],
                lines=_lines(row),
                total_minor=row["total_minor"],
                currency=row["currency"],
                ttl_seconds=row["ttl_seconds"],
            )
            for row in rows
        ]

    async def open_debts(
        self, grace: timedelta, *, after: str = "", only: str | None = None
    ) -> list[OpenDebt]:
        """List a page of debts to customers that nobody has touched for longer than `grace`, by id."""
        rows = await rows_of(self.engine, _OWED, grace=grace, after=after, only=only, limit=PAGE)
        return [OpenDebt(**row) for row in rows]

    async def open_returns(
        self, grace: timedelta, *, after: str = "", only: str | None = None
    ) -> list[OpenReturn]:
        """List a page of returns older than `grace` that are not inspected to the last unit, by id."""
        rows = await rows_of(
            self.engine, _UNINSPECTED, grace=grace, after=after, only=only, limit=PAGE
        )
        return [OpenReturn(**row) for row in rows]

    async def standing(self, checkout_id: str) -> CheckoutStanding | None:
        """Tell where a checkout stands; None where there is none of that id."""
        rows = await rows_of(self.engine, _STANDING, checkout_id=checkout_id)
        return _standing(rows[0]) if rows else None

    async def at_rest(self, checkout_ids: Sequence[str], grace: timedelta) -> dict[str, bool]:
        """Say which of these have nothing left to do for longer than `grace`: False is no row at all."""
        rows = await rows_of(self.engine, _AT_REST, checkout_ids=list(checkout_ids), grace=grace)
        return {row["checkout_id"]: row["known"] for row in rows}

    async def silent_payments(self, silence: timedelta) -> list[SilentPayment]:
        """List payments that are waited for and of which nothing was heard for that long."""
        rows = await rows_of(self.engine, _SILENT, silence=silence)
        return [
            SilentPayment(
                checkout_id=row["checkout_id"],
                payment=PaymentState(row["payment_state"]),
                payment_intent=row["payment_intent"],
                decline_told=row["decline_told"],
            )
            for row in rows
        ]

    async def settle_payment(self, payment_intent: str, disposition: str) -> None:
        """Close every event of a payment that asks for nothing more."""
        async with self.engine.begin() as connection:
            await connection.execute(
                _SETTLE_PAYMENT, {"payment_intent": payment_intent, "disposition": disposition}
            )


def _lines(row: RowMapping) -> Lines:
    lines: list[list[Any]] = row["lines"] or []
    return tuple((sku, quantity) for sku, quantity in lines)


def _standing(row: RowMapping) -> CheckoutStanding:
    left = row["seconds_left"]
    return CheckoutStanding(
        checkout_id=row["checkout_id"],
        status=Status(row["status"]),
        reservation=ReservationState(row["reservation_state"]),
        payment=PaymentState(row["payment_state"]),
        payment_intent=row["payment_intent"],
        payment_asked_for=row["payment_asked_for"],
        ordinal=row["ordinal"],
        extension=row["extension"],
        seconds_left=None if left is None else float(left),
        declines=row["declines"],
        lines=_lines(row),
        total_minor=row["total_minor"],
        currency=row["currency"],
        ttl_seconds=row["ttl_seconds"],
    )
