"""What the model expects after the sale: sent, come back, looked at."""

from __future__ import annotations

from typing import Any

from ledger.commands import Inspect, Ship, TakeBack
from tests.simulation.model.books import Back, Books, Came, No, Order, Parcel, Wait, total

Says = dict[str, Any]


def ship(books: Books, command: Ship) -> Says:
    """Units leave."""
    lines = total(command.lines)
    order = _order(books, command)
    for sku, units in lines.items():
        parcel = order.parcels.get((sku, command.location), Parcel(0))
        if parcel.to_ship < units:
            raise No("more-than-sold", sku=sku, left=parcel.to_ship)
    for sku, units in lines.items():
        order.parcels[sku, command.location].shipped += units
        books.move((sku, command.location), "sold", "shipped", units)
    order.changed = books.step
    return {"status": "applied", "order_id": command.order_id}


def take_back(books: Books, command: TakeBack) -> Says:
    """Units come back, perhaps elsewhere."""
    lines = total(command.lines)
    order = _order(books, command)
    early = False
    for sku, units in lines.items():
        parcels = [parcel for (sold, _), parcel in order.parcels.items() if sold == sku]
        outside = sum(parcel.outside for parcel in parcels)
        if units > outside + sum(parcel.to_ship for parcel in parcels):
            raise No("more-than-shipped", sku=sku, left=outside)
        early = early or units > outside
    if early:
        raise Wait
    for sku, units in lines.items():
        _bring_back(books, order, sku, command.location, units)
    came = {sku: Came(units) for sku, units in lines.items()}
    order.changed = books.step
    books.returns[command.return_id] = Back(command.order_id, command.location, came, books.step)
    return {"status": "applied", "location": command.location}


def _bring_back(books: Books, order: Order, sku: str, location: str, units: int) -> None:
    """Take them from this place's own parcel first, and from others' through transit."""
    elsewhere = 0
    for row in sorted(order.parcels, key=lambda row: (row[1] != location, row[1])):
        parcel = order.parcels[row]
        share = min(units, parcel.outside) if row[0] == sku else 0
        parcel.returned += share
        units -= share
        own = row[1] == location
        books.move(row, "shipped", "returned" if own else "transit", share)
        elsewhere += 0 if own else share
    if elsewhere:
        books.arrive((sku, location), "transit", elsewhere, "returned")


def inspect(books: Books, command: Inspect) -> Says:
    """Somebody looks at what came back."""
    back = books.returns.get(command.return_id)
    if back is None:
        raise Wait
    for sku, (restock, damaged, _) in found(command).items():
        came = back.lines.get(sku, Came(0))
        left = came.quantity - came.restocked - came.damaged
        if restock + damaged > left:
            raise No("more-than-returned", sku=sku, left=left)
    for sku, (restock, damaged, refund) in found(command).items():
        came = back.lines[sku]
        came.restocked += restock
        came.damaged += damaged
        came.refunded += refund
        books.move((sku, back.location), "returned", "sellable", restock)
        books.move((sku, back.location), "returned", "damaged", damaged)
    return {"status": "applied", "order_id": back.order, "location": back.location}


def found(command: Inspect) -> dict[str, tuple[int, int, int]]:
    """Add up an inspection: restocked, damaged and refunded by sku. Refused: what nobody can have found."""
    sums: dict[str, tuple[int, int, int]] = {}
    for line in command.lines:
        restock, damaged, refund = sums.get(line.sku, (0, 0, 0))
        sums[line.sku] = (restock + line.restock, damaged + line.damaged, refund + line.refund)
    if not sums or any(min(units) < 0 or sum(units[:2]) == 0 for units in sums.values()):
        raise No("nothing-wanted")
    for sku, (restock, damaged, refund) in sorted(sums.items()):
        if refund > restock + damaged:
            raise No("refund-exceeds-inspected", sku=sku)
    return dict(sorted(sums.items()))


def _order(books: Books, command: Ship | TakeBack) -> Order:
    if command.location not in books.places:
        raise No("unknown-location")
    sale = books.sales.get(command.order_id)
    if sale is not None and sale.status in ("out_of_stock", "limit_exceeded"):
        raise No("no-order")
    order = books.orders.get(command.order_id)
    if order is None:
        raise Wait
    if order.cancelled:
        raise No("order-cancelled")
    return order
