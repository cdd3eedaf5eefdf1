"""One change of a row of stock, as the summing noticeboards count it.

It is read from an event or from the ledger's own entry, and is the same either way: what is counted does
not depend on which of the two was at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from events.reading import Event
from events.schemas import StockChange
from ledger import ids
from ledger.commands import Inspect, ReceiveTransfer, Ship, ShortPick, TakeBack
from ledger.replacing import replace
from ledger.rules.short_picks import REASON as SHORT
from ledger.stock import MovementKind, Pile

Row = tuple[str, str]
"""sku and location."""

Entry = Mapping[str, Any]
"""An entry of the ledger, selected as `ENTRY`."""

ENTRY = """sku, location, sequence, kind, source, target, quantity, sellable_after, reserved_after, sold_after,
       returned_after, cause_kind, cause_id, reason, occurred_at, recorded_at"""
"""What of an entry of the ledger makes a change."""

_OF_AN_ORDER = frozenset(
    {Ship.document_kind, TakeBack.document_kind, ShortPick.document_kind, Inspect.document_kind}
)
_FOLLOWING = frozenset({Inspect.document_kind, ReceiveTransfer.document_kind})
_RESEARCH = "research"

# What a document says of itself is written with its movements, and never changed.
_DOCUMENTS = text("""
SELECT a.kind, a.id, d.refers_to, r.order_id
FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS text[])) AS a (kind, id)
JOIN document d ON d.kind = a.kind AND d.document_id = a.id
LEFT JOIN returns r ON a.kind = 'inspection' AND r.return_id = d.refers_to
""")

_RESEARCHED = text("""
SELECT key, order_id FROM projections.researched_order WHERE key = ANY(CAST(:keys AS text[]))
""")


class UncountableError(Exception):
    """A change that cannot be counted as it stands; `code` says why, the same in logs and dead letters."""

    def __init__(self, code: str, name: str) -> None:
        super().__init__(f"{code}: {name}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A movement, and what must be known of its cause. Times are in UTC; `on_hand` is the row's afterwards.

    `order_id` is the order that was placed, sent, brought back or changed. `refers_to` is the return that
    was inspected, or the transfer that arrived.
    """

    sku: str
    location: str
    sequence: int
    kind: MovementKind
    source: Pile | None
    target: Pile | None
    quantity: int
    on_hand: int
    cause_kind: str
    cause_id: str
    reason: str | None
    order_id: str | None
    refers_to: str | None = None
    occurred_at: datetime
    recorded_at: datetime

    @property
    def row(self) -> Row:
        """Which row of stock changed."""
        return self.sku, self.location

    @property
    def name(self) -> str:
        """What to call it: sku/location/sequence."""
        return f"{self.sku}/{self.location}/{self.sequence}"

    @property
    def hour(self) -> datetime:
        """The hour in which it was recorded."""
        return self.recorded_at.replace(minute=0, second=0, microsecond=0)


def of_events(events: Iterable[Event]) -> list[Change]:
    """Read the changes of stock among events; what is told of products changes none."""
    return [
        _of_payload(event.payload) for event in events if isinstance(event.payload, StockChange)
    ]


def of_entry(row: Entry) -> Change:
    """Read an entry of the ledger, selected as `ENTRY`.

    Raises UncountableError where it is of a kind, or of piles, that only a later version knows.
    """
    try:
        kind = MovementKind(row["kind"])
        source = Pile(row["source"]) if row["source"] else None
        target = Pile(row["target"]) if row["target"] else None
    except ValueError as error:
        raise UncountableError("kind-unknown", name_of(row)) from error
    return Change(
        sku=row["sku"],
        location=row["location"],
        sequence=row["sequence"],
        kind=kind,
        source=source,
        target=target,
        quantity=row["quantity"],
        on_hand=row["sellable_after"] + row["reserved_after"],
        cause_kind=row["cause_kind"],
        cause_id=row["cause_id"],
        reason=row["reason"],
        order_id=_order_by_name(kind, row["cause_kind"], row["cause_id"], row["reason"]),
        occurred_at=row["occurred_at"].astimezone(UTC),
        recorded_at=row["recorded_at"].astimezone(UTC),
    )


def name_of(entry: Entry) -> str:
    """Say what to call an entry, whatever is in it: sku/location/sequence."""
    return f"{entry['sku']}/{entry['location']}/{entry['sequence']}"


def require_next(entry: Entry, before: Entry | None) -> None:
    """See that an entry follows the one before it, which is None for a row's first.

    Raises UncountableError where one is missing between, or what either says was there afterwards is not what
    this one moved: a sum of such entries says something else than the ledger does.
    """
    if entry["sequence"] != (before["sequence"] if before else 0) + 1:
        raise UncountableError("entry-missing", name_of(entry))
    for pile in (Pile.SELLABLE, Pile.RESERVED, Pile.SOLD, Pile.RETURNED):
        moved = (entry["target"] == pile) * entry["quantity"]
        moved -= (entry["source"] == pile) * entry["quantity"]
        after = f"{pile.value}_after"
        if entry[after] != (before[after] if before else 0) + moved:
            raise UncountableError("entry-contradicts", name_of(entry))


async def completed(connection: AsyncConnection, changes: Sequence[Change]) -> list[Change]:
    """Add what only the cause's own rows tell. Raises UncountableError where they are not there."""
    documents = await _documents(connection, [change for change in changes if _asks(change)])
    orders = await _researched(connection, [change for change in changes if _searched(change)])
    return [_complete(change, documents, orders) for change in changes]


def _of_payload(payload: StockChange) -> Change:
    cause = payload.cause
    named = _order_by_name(payload.kind, cause.kind, cause.id, payload.reason)
    return Change(
        sku=payload.sku,
        location=payload.location,
        sequence=payload.sequence,
        kind=payload.kind,
        source=payload.source,
        target=payload.target,
        quantity=payload.quantity,
        on_hand=payload.on_hand,
        cause_kind=cause.kind,
        cause_id=cause.id,
        reason=payload.reason,
        order_id=payload.order_id or named,
        occurred_at=payload.occurred_at.astimezone(UTC),
        recorded_at=payload.recorded_at.astimezone(UTC),
    )


def _order_by_name(
    kind: MovementKind, cause_kind: str, cause_id: str, reason: str | None
) -> str | None:
    """Tell the order where the cause's name says it: an order has its checkout's id."""
    if cause_kind == "order":
        return cause_id
    placed = kind is MovementKind.CONFIRM
    taken_anew = kind is MovementKind.RESERVE and reason == SHORT
    if cause_kind == "reservation" and (placed or taken_anew):
        return ids.checkout_of(cause_id)
    return None


def _asks(change: Change) -> bool:
    return change.cause_kind in _FOLLOWING or (
        change.cause_kind in _OF_AN_ORDER and change.order_id is None
    )


def _searched(change: Change) -> bool:
    return change.cause_kind == _RESEARCH and change.source is Pile.SOLD and change.order_id is None


async def _documents(
    connection: AsyncConnection, changes: Sequence[Change]
) -> dict[tuple[str, str], tuple[str, str | None]]:
    causes = sorted({(change.cause_kind, change.cause_id) for change in changes})
    if not causes:
        return {}
    asked = {"kinds": [kind for kind, _ in causes], "ids": [name for _, name in causes]}
    found = await connection.execute(_DOCUMENTS, asked)
    return {(row.kind, row.id): (row.refers_to, row.order_id) for row in found}


async def _researched(connection: AsyncConnection, changes: Sequence[Change]) -> dict[str, str]:
    keys = sorted({_research_key(change) for change in changes})
    if not keys:
        return {}
    found = await connection.execute(_RESEARCHED, {"keys": keys})
    return {row.key: row.order_id for row in found}


def _research_key(change: Change) -> str:
    return f"{_RESEARCH}/{change.cause_id}"


def _complete(
    change: Change,
    documents: Mapping[tuple[str, str], tuple[str, str | None]],
    orders: Mapping[str, str],
) -> Change:
    if _searched(change):
        order_id = orders.get(_research_key(change))
        if order_id is None:
            raise UncountableError("order-unknown", change.name)
        return replace(change, order_id=order_id)
    if not _asks(change):
        return change
    if (change.cause_kind, change.cause_id) not in documents:
        raise UncountableError("document-unknown", change.name)
    refers_to, order_of_return = documents[change.cause_kind, change.cause_id]
    if change.cause_kind == Inspect.document_kind:
        return replace(change, refers_to=refers_to, order_id=order_of_return)
    if change.cause_kind == ReceiveTransfer.document_kind:
        return replace(change, refers_to=refers_to)
    return replace(change, order_id=refers_to)
