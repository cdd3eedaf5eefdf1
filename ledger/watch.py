"""What the worker looks at beside its workflows: due webhooks and lapsed holds.

Reads and bookkeeping only. Whatever follows for stock or money goes through `Ledger.post`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.checkouts import PaymentState, ReservationState, Status
from ledger.transactions import rows_of

_STATES = text("""
SELECT c.status, c.reservation_state, c.payment_state, p.payment_intent, p.amount_minor, p.currency,
       p.payment_intent IS NOT NULL
         OR EXISTS (SELECT FROM payment_operation o
                    WHERE o.checkout_id = c.checkout_id AND o.kind = 'authorize'
                      AND o.state <> 'failed') AS payment_asked_for
FROM checkout c
LEFT JOIN payment p USING (checkout_id)
WHERE c.checkout_id = :checkout_id
""")

# Clocks differ, and the provider's is the one that counts; a few minutes more are a few pages to read.
_ASKED_SINCE = text("""
SELECT min(requested_at) - interval '5 minutes' AS since
FROM payment_operation
WHERE checkout_id = :checkout_id AND kind = 'authorize'
""")

# SKIP LOCKED: two workers share the work instead of waiting for each other. The next attempt is
# put off in the same statement, so a worker that dies with the event in hand only delays it.
_DUE_WEBHOOKS = text("""
WITH due AS (
  SELECT provider, event_id FROM webhook_event
  WHERE applied_at IS NULL AND next_attempt_at <= clock_timestamp()
  ORDER BY next_attempt_at
  LIMIT :limit
  FOR UPDATE SKIP LOCKED
), taken AS (
  UPDATE webhook_event w
  SET attempts = w.attempts + 1,
      next_attempt_at = clock_timestamp() + LEAST(60, 5 * 2 ^ LEAST(w.attempts, 4)) * interval '1 second'
  FROM due
  WHERE w.provider = due.provider AND w.event_id = due.event_id
  RETURNING w.event_id, w.kind, w.payment_intent, w.received_at
)
SELECT t.event_id, t.kind, t.payment_intent, p.checkout_id, c.status, c.payment_state,
       clock_timestamp() - t.received_at AS age
FROM taken t
LEFT JOIN payment p ON p.payment_intent = t.payment_intent
LEFT JOIN checkout c ON c.checkout_id = p.checkout_id
ORDER BY t.received_at
""")

_SETTLE_WEBHOOK = text("""
UPDATE webhook_event
SET applied_at = clock_timestamp(), disposition = :disposition
WHERE event_id = :event_id AND applied_at IS NULL
""")

# A hold whose payment is authorized and not yet applied is its workflow's to end, not the reaper's;
# but not for ever: a workflow that has not done it a quarter of an hour later is gone.
_LAPSED_HOLDS = text("""
SELECT r.reservation_id, r.extension, clock_timestamp() - r.expires_at AS overdue
FROM reservation r
JOIN checkout c USING (checkout_id)
LEFT JOIN payment p USING (checkout_id)
WHERE r.state = 'held'
  AND r.expires_at < clock_timestamp() - CAST(:grace AS interval)
  AND (r.expires_at < clock_timestamp() - interval '15 minutes'
       OR c.payment_state NOT IN ('authorized', 'captured')
       AND NOT EXISTS (
         SELECT FROM webhook_event w
         WHERE w.payment_intent = p.payment_intent AND w.applied_at IS NULL
           AND w.kind IN ('payment_intent.amount_capturable_updated', 'payment_intent.succeeded')))
ORDER BY r.expires_at
LIMIT :limit
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Where a checkout stands, and what is known of its payment."""

    status: Status
    reservation: ReservationState
    payment: PaymentState
    payment_intent: str | None
    payment_asked_for: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWebhook:
    """A stored event nobody has acted on. Without `checkout_id` its payment is unknown to us."""

    event_id: str
    kind: str
    age: timedelta
    payment_intent: str | None
    checkout_id: str | None
    status: Status | None
    payment: PaymentState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LapsedHold:
    """A hold past its TTL and grace, as extended so far."""

    reservation_id: str
    extension: int
    overdue: timedelta


class Watch:
    """Questions about what is due; each is one statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def states(self, checkout_id: str) -> States:
        """Tell where a checkout stands. Raises Transient; ValueError for no such checkout."""
        (row,) = await rows_of(self.engine, _STATES, checkout_id=checkout_id)
        return States(
            status=Status(row["status"]),
            reservation=ReservationState(row["reservation_state"]),
            payment=PaymentState(row["payment_state"]),
            payment_intent=row["payment_intent"],
            payment_asked_for=row["payment_asked_for"],
        )

    async def asked_since(self, checkout_id: str) -> datetime:
        """Tell from when on the provider may have opened a checkout's payment. Raises Transient."""
        (row,) = await rows_of(self.engine, _ASKED_SINCE, checkout_id=checkout_id)
        since: datetime = row["since"]
        return since

    async def take_due_webhooks(self, limit: int = 100) -> list[DueWebhook]:
        """Take events to act on; each comes again later, ever more rarely, until it is settled."""
        async with self.engine.begin() as connection:
            rows = (await connection.execute(_DUE_WEBHOOKS, {"limit": limit})).all()
        return [
            DueWebhook(
                event_id=row.event_id,
                kind=row.kind,
                age=row.age,
                payment_intent=row.payment_intent,
                checkout_id=row.checkout_id,
                status=Status(row.status) if row.status else None,
                payment=PaymentState(row.payment_state) if row.payment_state else None,
            )
            for row in rows
        ]

    async def settle_webhook(self, event_id: str, disposition: str) -> None:
        """Close an event that asks for nothing more."""
        async with self.engine.begin() as connection:
            await connection.execute(
                _SETTLE_WEBHOOK, {"event_id": event_id, "disposition": disposition}
            )

    async def lapsed_holds(self, grace: timedelta, limit: int = 200) -> list[LapsedHold]:
        """List holds that nobody ended in time."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(_LAPSED_HOLDS, {"grace": grace, "limit": limit})
            return [
                LapsedHold(
                    reservation_id=row.reservation_id,
                    extension=row.extension,
                    overdue=row.overdue,
                )
                for row in rows
            ]
