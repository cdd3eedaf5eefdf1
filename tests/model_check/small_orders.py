"""What the small world's order is owed: nothing of it is ever sent there."""

from __future__ import annotations

from ledger.checkouts import Reservation, ReservationState
from ledger.documents.values import OrderLine


def owed(reservation: Reservation | None) -> dict[tuple[str, str, str], OrderLine]:
    """Give the lines of the order that a confirmed reservation has become."""
    if reservation is None or reservation.state is not ReservationState.CONFIRMED:
        return {}
    lines = [
        OrderLine(
            order_id=reservation.checkout_id,
            sku=line.sku,
            location=line.location,
            quantity=line.quantity,
        )
        for line in reservation.lines
    ]
    return {line.identity: line for line in lines}
