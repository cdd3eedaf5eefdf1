"""Changes made by hand: one of each kind, of a lamp in Berlin at noon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ledger.stock import ALLOWED_MOVES, MovementKind, Pile
from projections.changes import Change

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAMP, BERLIN, MUNICH = "brass-lamp", "BER1", "MUC1"


def change(
    kind: MovementKind,
    quantity: int = 1,
    *,
    move: tuple[Pile, Pile] | None = None,
    cause: tuple[str, str] = ("reservation", "co_ada/1"),
    **more: Any,
) -> Change:
    """Make one; where a kind may move only one way, it need not be said."""
    if move is None and kind in ALLOWED_MOVES:
        (move,) = ALLOWED_MOVES[kind]
    source, target = move or (None, None)
    return Change(
        **{
            "sku": LAMP,
            "location": BERLIN,
            "sequence": 1,
            "kind": kind,
            "source": source,
            "target": target,
            "quantity": quantity if source else 0,
            "on_hand": 7,
            "cause_kind": cause[0],
            "cause_id": cause[1],
            "reason": None,
            "order_id": "co_ada",
            "occurred_at": NOON,
            "recorded_at": NOON,
            **more,
        }
    )
