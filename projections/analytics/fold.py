"""What a change adds to the hour in which it was recorded. Values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger.rules.short_picks import REASON as SHORT
from ledger.stock import MovementKind, Pile, total_of
from projections.changes import Change, Row, UncountableError

UNITS = (
    "held",
    "released",
    "expired",
    "confirmed",
    "received",
    "sold",
    "cancelled",
    "missing",
    "shipped",
    "returned",
)
"""Units that went each way."""

TIMES = ("sku_holds", "holds", "sku_orders", "orders")
"""How many holds and orders: of the sku, and of all skus, each once."""

COUNTED = (*UNITS, *TIMES)

HourKey = tuple[str, str, datetime]
"""sku, location, and the hour's beginning in UTC."""

_SAME_WORD = frozenset(UNITS) - {"held", "confirmed", "missing"}


@dataclass(slots=True)
class Hour:
    """What an hour adds to a row of stock: counts by their names, and the units on hand afterwards."""

    counted: Counter[str] = field(default_factory=Counter)
    on_hand: int = 0


def holds_of(changes: Iterable[Change]) -> set[str]:
    """Name the reservations that must be known to count these changes."""
    return {change.cause_id for change in changes if _begins(change)}


def added(changes: Iterable[Change], lines: Mapping[str, Iterable[Row]]) -> dict[HourKey, Hour]:
    """Add changes up by hour. `lines` are the rows of each reservation that begins or is sold by them.

    Raises UncountableError where a reservation has none.
    """
    hours: dict[HourKey, Hour] = {}
    for change in changes:
        if not change.quantity:
            continue
        hour = hours.setdefault((*change.row, change.hour), Hour())
        hour.on_hand = change.on_hand
        hour.counted.update(dict.fromkeys(_ways(change), change.quantity))
        if _begins(change):
            hour.counted.update(dict.fromkeys(_times(change, lines), 1))
    return hours


def _ways(change: Change) -> Iterable[str]:
    """Say which ways these units went.

    What was not found and is taken from elsewhere is sold there, and missing here; nobody wished for it
    anew, so that it is neither held nor confirmed.
    """
    total = total_of(change.kind, change.target)
    if total in _SAME_WORD:
        yield total
    if change.kind is MovementKind.RESERVE and change.reason != SHORT:
        yield "held"
    if change.kind is MovementKind.CONFIRM and change.reason != SHORT:
        yield "confirmed"
    if change.kind is MovementKind.RESEARCH and change.source is Pile.SOLD:
        yield "missing"


def _begins(change: Change) -> bool:
    """Tell whether a hold begins by it, or an order, and not for the second time."""
    return change.reason != SHORT and change.kind in (MovementKind.RESERVE, MovementKind.CONFIRM)


def _times(change: Change, lines: Mapping[str, Iterable[Row]]) -> Iterable[str]:
    """Count a hold or an order with one row of each sku, and with one of all: the first by name."""
    rows = sorted(lines.get(change.cause_id, ()))
    if change.row not in rows:
        raise UncountableError("reservation-unknown", change.name)
    first_of_sku = change.row == min(row for row in rows if row[0] == change.sku)
    name = "holds" if change.kind is MovementKind.RESERVE else "orders"
    if first_of_sku:
        yield f"sku_{name}"
    if change.row == rows[0]:
        yield name
