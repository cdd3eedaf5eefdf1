"""One immutable entry of the ledger: what moved, what the row was like afterwards, and the chain it hangs on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from ledger.stock import PILES, MovementKind, Pile, Stock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why it moved: the kind and id of the document, reservation or order behind it, who asked, and a code."""

    operation_key: str | None
    kind: str
    id: str
    actor: str
    reason: str | None = None
    occurred_at: datetime | None = None
    """When it happened, as told; None is now."""
    order_id: str | None = None
    """The order that is placed, sent, brought back or changed by it. Told to others, and not part of the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A ledger entry. `after` is the row with this entry's own sequence, time and hash."""

    kind: MovementKind
    source: Pile | None
    target: Pile | None
    quantity: int
    cause: Cause
    occurred_at: datetime
    recorded_at: datetime
    after: Stock
    traceparent: str | None = None
    """The trace it was made for. Told to others, and not part of the history."""


HASHED_FIELDS = (
    "sku",
    "location",
    "sequence",
    "kind",
    "source",
    "target",
    "quantity",
    *(f"{pile}_after" for pile in PILES),
    "safety_stock_after",
    "feed_buffer_after",
    "paused_after",
    "operation_key",
    "cause_kind",
    "cause_id",
    "actor",
    "reason",
    "occurred_at",
    "recorded_at",
)
"""The documented order of a movement's fields: columns of the table, and the input of its hash."""


def microseconds(moment: datetime) -> int:
    """Count microseconds since 1970, exactly: times are hashed as integers."""
    return (moment - _EPOCH) // _MICROSECOND


def chained(previous: bytes, values: Sequence[object]) -> bytes:
    """Hash one movement onto the one before it.

    sha256(previous hash ‖ UTF-8 of the JSON array of HASHED_FIELDS), times as integer microseconds,
    null kept, no spaces.
    """
    return hashlib.sha256(previous + orjson.dumps(values)).digest()


def hashed_values(movement: Movement) -> list[object]:
    """List a movement's fields in the documented order, as they are hashed."""
    after, cause = movement.after, movement.cause
    return [
        after.sku,
        after.location,
        after.sequence,
        movement.kind,
        movement.source,
        movement.target,
        movement.quantity,
        *after.piles().values(),
        after.safety_stock,
        after.feed_buffer,
        list(after.paused),
        cause.operation_key,
        cause.kind,
        cause.id,
        cause.actor,
        cause.reason,
        microseconds(movement.occurred_at),
        microseconds(movement.recorded_at),
    ]
