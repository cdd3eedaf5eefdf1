"""What leaves the ledger: one event per movement, with the row as it was afterwards.

Written in the transaction of the change; the relay publishes it. A consumer that keeps the highest
sequence of a subject is right again after any duplicate, reordering or loss.
"""

from __future__ import annotations

import zlib
from typing import Any

from ledger.movements import Movement
from ledger.stock import MovementKind, Pile

SHARDS = 64

CHANNEL = "onhand_outbox"
"""Notified once by each transaction that wrote an event, so that the relay need not wait for its next round."""

EVENT_TYPES: dict[MovementKind, str] = {
    MovementKind.RECEIVE: "StockReceived",
    MovementKind.RESERVE: "StockReserved",
    MovementKind.RELEASE: "ReservationReleased",
    MovementKind.EXPIRE: "ReservationExpired",
    MovementKind.CONFIRM: "OrderConfirmed",
    MovementKind.CANCEL: "OrderCancelled",
    MovementKind.SHIP: "StockShipped",
    MovementKind.RETURN: "StockReturned",
    MovementKind.RESTOCK: "StockRestocked",
    MovementKind.REGRADE: "StockRestocked",
    MovementKind.DAMAGE: "StockDamaged",
    MovementKind.TRANSFER: "StockTransferred",
    MovementKind.WRITE_OFF: "ManualAdjustment",
    MovementKind.ADJUST: "ManualAdjustment",
    MovementKind.RESEARCH: "ManualAdjustment",
    MovementKind.RESOLVE: "ManualAdjustment",
    MovementKind.LOSE: "ManualAdjustment",
    MovementKind.SET_SAFETY_STOCK: "AvailabilityPolicyChanged",
    MovementKind.SET_FEED_BUFFER: "AvailabilityPolicyChanged",
    MovementKind.PAUSE: "AvailabilityPolicyChanged",
    MovementKind.RESUME: "AvailabilityPolicyChanged",
}

PRODUCT_CHANGED = "ProductChanged"

VERSIONS: dict[str, int] = {}
"""Of the payload of each type: 1, unless it says otherwise here. Whoever writes an event says in which it is."""


def shard(subject: str) -> int:
    """Say which shard carries a subject: one relay at a time works on a shard, so order is kept."""
    return zlib.crc32(subject.encode()) % SHARDS


def version_of(type_: str) -> int:
    """Give the version in which payloads of this type are written today."""
    return VERSIONS.get(type_, 1)


def event_type(movement: Movement) -> str:
    """Name the event of a movement. What comes back to another location than it left is a return there."""
    if movement.kind is MovementKind.TRANSFER and movement.target is Pile.RETURNED:
        return EVENT_TYPES[MovementKind.RETURN]
    return EVENT_TYPES[movement.kind]


def row(movement: Movement) -> dict[str, Any]:
    """Make the outbox row of a movement."""
    after = movement.after
    subject = f"{after.sku}/{after.location}"
    return {
        "subject": subject,
        "sequence": after.sequence,
        "shard": shard(subject),
        "type": event_type(movement),
        "version": version_of(event_type(movement)),
        "recorded_at": movement.recorded_at,
        "traceparent": movement.traceparent,
        "payload": _payload(movement),
    }


def _payload(movement: Movement) -> dict[str, Any]:
    after, cause = movement.after, movement.cause
    return {
        "sku": after.sku,
        "location": after.location,
        "sequence": after.sequence,
        "kind": movement.kind,
        "source": movement.source,
        "target": movement.target,
        "quantity": movement.quantity,
        "cause": {"kind": cause.kind, "id": cause.id},
        "order_id": cause.order_id,
        "reason": cause.reason,
        "occurred_at": movement.occurred_at,
        "recorded_at": movement.recorded_at,
        "piles": after.piles(),
        "on_hand": after.on_hand,
        "held_back": after.held_back,
        "available": after.available,
        "safety_stock": after.safety_stock,
        "feed_buffer": after.feed_buffer,
        "paused": list(after.paused),
    }
