"""Which locations serve a cart: decided under the lock, by priority, a line may be split."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.checkouts import ReservationLine
from ledger.stock import Stock


def sourced(
    sku: str, quantity: int, rows: Iterable[Stock], priorities: dict[str, int]
) -> tuple[ReservationLine, ...] | None:
    """Take `quantity` units from the rows; None where all of them together have too little."""
    taken = sourced_as_far(sku, quantity, rows, priorities)
    return taken if sum(line.quantity for line in taken) == quantity else None


def sourced_as_far(
    sku: str, quantity: int, rows: Iterable[Stock], priorities: dict[str, int]
) -> tuple[ReservationLine, ...]:
    """Take up to `quantity` units from the rows, lowest priority number first and then by name.

    Each row gives what is left to take and never more than it has available.
    """
    taken: list[ReservationLine] = []
    left = quantity
    for row in sorted(rows, key=lambda row: (priorities.get(row.location, 0), row.location)):
        share = min(left, row.available)
        if share > 0:
            taken.append(ReservationLine(sku=sku, location=row.location, quantity=share))
            left -= share
        if left == 0:
            break
    return tuple(taken)
