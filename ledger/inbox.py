"""The inbox of the payment provider's events: each stored once, before anybody acts on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.transactions import in_transaction

CHANNEL = "onhand_webhook"
"""Notified of each event stored, so that the delivery loop need not wait for its next round."""

_STORE = text("""
INSERT INTO webhook_event (provider, event_id, kind, payment_intent, body_sha256)
VALUES (:provider, :event_id, :kind, :payment_intent, decode(:body_sha256, 'hex'))
ON CONFLICT (provider, event_id) DO NOTHING
RETURNING event_id
""")

_SAME_BODY = text("""
SELECT body_sha256 = decode(:body_sha256, 'hex')
FROM webhook_event
WHERE provider = :provider AND event_id = :event_id
""")

_NOTE_CONFLICT = text("""
INSERT INTO webhook_conflict (provider, event_id, kind, payment_intent, body_sha256)
VALUES (:provider, :event_id, :kind, :payment_intent, decode(:body_sha256, 'hex'))
ON CONFLICT DO NOTHING
""")

_NOTIFY = text("SELECT pg_notify(:channel, :event_id)")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEvent:
    """The few facts of a verified event that are kept; `body_sha256` is in hex."""

    provider: str
    event_id: str
    kind: str
    payment_intent: str | None
    body_sha256: str


class Stored(StrEnum):
    """What became of an event. A conflict is another body under a known id: the first counts, this is noted."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


async def store(engine: AsyncEngine, event: InboxEvent) -> Stored:
    """Store an event and commit. Raises Transient, and then the provider must send it again."""

    async def work(connection: AsyncConnection) -> Stored:
        row = asdict(event)
        if (await connection.execute(_STORE, row)).scalar_one_or_none() is None:
            same = (await connection.execute(_SAME_BODY, row)).scalar_one()
            if same:
                return Stored.DUPLICATE
            await connection.execute(_NOTE_CONFLICT, row)
            return Stored.CONFLICT
        await connection.execute(_NOTIFY, {"channel": CHANNEL, "event_id": event.event_id})
        return Stored.STORED

    return await in_transaction(engine, work)
