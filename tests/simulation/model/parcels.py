"""What the model expects after the sale: sent, not found, come back, looked at."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ledger.commands import Inspect, Ship, ShortPick, TakeBack
from tests.simulation.model.books import (
    Back,
    Books,
    Came,
    Hold,
    No,
    Order,
    Parcel,
    Row,
    Wait,
    total,
)

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


def short_pick(books: Books, command: ShortPick) -> Says:
    """Units are not there: others come from elsewhere, as many as there are, and the rest is owed."""
    counted(command)
    if any(line.location not in (None, *books.places) for line in command.lines):
        raise No("unknown-location")
    order = _placed(books, command.order_id)
    missing: Counter[Row] = Counter()
    for line in command.lines:
        rows = [row for row, parcel in order.parcels.items() if row[0] == line.sku]
        rows = [row for row in rows if order.parcels[row].to_ship]
        if line.location is None and len(rows) > 1:
            raise No("location-needed", locations=sorted(place for _, place in rows))
        if line.location is None and not rows:
            raise No("more-than-sold", sku=line.sku, left=0)
        missing[line.sku, line.location or rows[0][1]] += line.quantity
    for row, units in sorted(missing.items()):
        left = order.parcels.get(row, Parcel(0)).to_ship
        if left < units:
            raise No("more-than-sold", sku=row[0], location=row[1], left=left)
    for row, units in sorted(missing.items()):
        order.parcels[row].short += units
        books.move(row, "sold", "researching", units)
    return _made_good(books, command, order, missing)


def _made_good(books: Books, command: ShortPick, order: Order, missing: Counter[Row]) -> Says:
    name = command.order_id
    anew: dict[Row, int] = {}
    unserved: dict[str, int] = {}
    for sku in sorted({sku for sku, _ in missing}):
        wanted = sum(units for (of, _), units in missing.items() if of == sku)
        empty = {
            place for (of, place), parcel in order.parcels.items() if of == sku and parcel.short
        }
        found = books.served(sku, wanted, empty)
        anew |= found
        unserved |= {sku: left} if (left := wanted - sum(found.values())) else {}
    for row, units in anew.items():
        books.move(row, "sellable", "reserved", units)
        books.move(row, "reserved", "sold", units)
        order.parcels.setdefault(row, Parcel(0)).quantity += units
    sale, money = books.sales[name], books.money[name]
    if anew:
        sale.ordinal += 1
        books.holds[f"{name}/{sale.ordinal}"] = Hold("confirmed", anew)
    worth = sum(units * sale.prices.get(sku, 0) for sku, units in unserved.items())
    owed = money.owe(f"short-{command.short_id}", worth)
    if all(parcel.short == parcel.quantity for parcel in order.parcels.values()):
        order.cancelled = True
        sale.status = "refund_pending"
    order.changed = books.step
    return {
        "status": "applied",
        "replaced": [
            {"sku": sku, "location": place, "quantity": units}
            for (sku, place), units in anew.items()
        ],
        "refunded": [{"sku": sku, "quantity": units} for sku, units in unserved.items()],
        "refund_minor": owed,
    }


def counted(command: ShortPick) -> None:
    """Refuse a short pick that misses nothing."""
    if not command.lines or min(line.quantity for line in command.lines) < 1:
        raise No("nothing-wanted")


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
    prices = books.sales[back.order].prices
    granted = [(prices.get(sku, 0), units) for sku, (_, _, units) in found(command).items()]
    worth = sum(price * units for price, units in granted)
    books.money[back.order].owe(f"inspection-{command.inspection_id}", worth)
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
    return _placed(books, command.order_id)


def _placed(books: Books, name: str) -> Order:
    sale = books.sales.get(name)
    if sale is not None and sale.status in ("out_of_stock", "limit_exceeded"):
        raise No("no-order")
    order = books.orders.get(name)
    if order is None:
        raise Wait
    if order.cancelled:
        raise No("order-cancelled")
    return order
