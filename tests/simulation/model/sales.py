"""What the model expects of a sale: opened, held, given back, committed, placed, taken back."""

from __future__ import annotations

from typing import Any

from ledger.commands import CancelOrder, Confirm, Expire, Fence, OpenCheckout, Release, Reserve
from tests.simulation.model.books import (
    CLAIMING,
    LIVE,
    MAY_STILL_BE_PAID,
    Books,
    Hold,
    No,
    Order,
    Parcel,
    Row,
    Sale,
    total,
)

Says = dict[str, Any]


def open_checkout(books: Books, command: OpenCheckout) -> Says:
    """Expect that a cart is brought to the till."""
    skus = [line.sku for line in command.lines]
    if not skus or min(line.quantity for line in command.lines) < 1:
        raise No("nothing-wanted")
    if len(skus) > len(set(skus)):
        raise No("duplicate-sku")
    cart = (command.owner, command.cart_id) if command.cart_id else None
    for name, sale in sorted(books.sales.items()):
        if name == command.checkout_id or not cart or sale.cart != cart:
            continue
        if sale.status in LIVE or books.paid(name) in MAY_STILL_BE_PAID:
            raise No("cart-busy", checkout_id=name)
    books.sales[command.checkout_id] = Sale(
        customer=command.customer_id,
        cart=cart,
        total=command.total_minor,
        opened=books.step,
        prices={line.sku: line.price_minor for line in command.lines},
    )
    return {"checkout_id": command.checkout_id}


def reserve(books: Books, command: Reserve) -> Says:
    """Every line is held, or none."""
    wanted = total(command.lines)
    sale = books.sale(command.checkout_id)
    if command.reservation_id in books.holds:
        raise No(f"reservation-{books.holds[command.reservation_id].state}")
    if sale.status != "reserving":
        raise No(f"already-{sale.status}")
    if sale.ordinal or not command.reservation_id.endswith("/1"):
        raise No("not-the-first")
    for sku in wanted:
        if sku not in books.limits:
            raise No("unknown-sku", sku=sku)
    for sku, units in wanted.items():
        limit, claimed = books.limits[sku], _claimed(books, sale.customer, sku)
        if limit is not None and claimed + units > limit:
            sale.status = "limit_exceeded"
            raise No("limit-exceeded", sku=sku, limit=limit, claimed=claimed)
    lines, short = _served(books, wanted)
    if short:
        sale.status = "out_of_stock"
        raise No("insufficient-stock", shortages=short)
    for row, units in lines.items():
        books.move(row, "sellable", "reserved", units)
    books.holds[command.reservation_id] = Hold("held", lines)
    sale.ordinal = 1
    return _described(books, command.reservation_id)


def _claimed(books: Books, customer: str, sku: str) -> int:
    """Count what a customer holds or has bought; what was cancelled or not found gives back, a return does not."""
    units = 0
    for name, hold in books.holds.items():
        checkout = name.partition("/")[0]
        cancelled = checkout in books.orders and books.orders[checkout].cancelled
        if books.sales[checkout].customer == customer and hold.state in CLAIMING and not cancelled:
            units += sum(taken for (held, _), taken in hold.lines.items() if held == sku)
    for checkout, order in books.orders.items():
        if books.sales[checkout].customer == customer and not order.cancelled:
            units -= sum(line.short for (sold, _), line in order.parcels.items() if sold == sku)
    return units


def _served(books: Books, wanted: dict[str, int]) -> tuple[dict[Row, int], list[dict[str, Any]]]:
    """Say which rows serve a cart, the nearest first, and what is missing."""
    lines: dict[Row, int] = {}
    short = []
    for sku, units in wanted.items():
        available = sum(books.shelves[sku, place].available for place in books.places)
        if available < units:
            short.append({"sku": sku, "requested": units, "available": available})
        lines |= books.served(sku, units)
    return lines, short


def release(books: Books, command: Release) -> Says:
    """Expect that a hold is given back, or one that is not there is forbidden for ever."""
    sale = books.sale(command.checkout_id)
    hold = books.holds.get(command.reservation_id)
    if hold is None:
        if sale.status != "reserving":
            raise No(f"already-{sale.status}")
        if sale.ordinal or not command.reservation_id.endswith("/1"):
            raise No("not-the-first")
        hold = books.holds[command.reservation_id] = Hold("held")
    elif hold.state == "committing" and not command.compensating:
        raise No("too-late")
    elif hold.state not in ("held", "committing"):
        raise No(f"already-{hold.state}")
    return _give_back(books, command.reservation_id, "released", str(command.ending))


def expire(books: Books, command: Expire) -> Says:
    """Expect that a hold's time is over."""
    _held(books, command)
    if command.extension != 0:
        raise No("extended", extension=0)
    return _give_back(books, command.reservation_id, "expired", "expired")


def _give_back(books: Books, reservation: str, state: str, status: str) -> Says:
    sale, hold = books.sales[reservation.partition("/")[0]], books.holds[reservation]
    for row, units in hold.lines.items():
        books.move(row, "reserved", "sellable", units)
    hold.state = state
    sale.ordinal = 1
    paid = books.paid(reservation.partition("/")[0])
    sale.status = "refund_pending" if paid == "captured" else status
    return _described(books, reservation)


def fence(books: Books, command: Fence) -> Says:
    """No timer can take the units from here."""
    sale, hold = _held(books, command)
    if books.paid(command.checkout_id) not in ("authorized", "captured"):
        raise No("payment-not-authorized")
    hold.state = sale.status = "committing"
    return _described(books, command.reservation_id)


def _held(books: Books, command: Expire | Fence) -> tuple[Sale, Hold]:
    sale = books.sale(command.checkout_id)
    hold = books.holds.get(command.reservation_id)
    if hold is None:
        raise No("unknown-reservation")
    if hold.state != "held":
        raise No("not-held", state=hold.state)
    return sale, hold


def confirm(books: Books, command: Confirm) -> Says:
    """Expect that the units are the customer's."""
    sale = books.sale(command.checkout_id)
    hold = books.holds.get(command.reservation_id)
    if hold is None:
        raise No("unknown-reservation")
    if hold.state != "committing":
        raise No("not-committing", state=hold.state)
    if books.paid(command.checkout_id) != "captured":
        raise No("payment-not-captured")
    for row, units in hold.lines.items():
        books.move(row, "reserved", "sold", units)
    hold.state = sale.status = "confirmed"
    parcels = {row: Parcel(units) for row, units in hold.lines.items()}
    books.orders[command.checkout_id] = Order(parcels, changed=books.step)
    return _described(books, command.reservation_id)


def cancel_order(books: Books, command: CancelOrder) -> Says:
    """Expect that a paid order is taken back before any of it left."""
    sale = books.sale(command.order_id)
    order = books.orders.get(command.order_id)
    if order is None or order.cancelled:
        raise No("no-order")
    if order.state != "placed":
        raise No("already-shipped", order=order.state)
    if command.order_id in books.awaited("shipment", set()):
        # Its units have left, though nothing is booked yet.
        raise No("already-shipped")
    if books.paid(command.order_id) != "captured":
        raise No("payment-not-captured")
    for row, parcel in order.parcels.items():
        books.move(row, "sold", "sellable", parcel.to_ship)
    order.cancelled, order.changed = True, books.step
    sale.status = "refund_pending"
    return {"status": "refund_pending"}


def _described(books: Books, reservation: str) -> Says:
    hold = books.holds[reservation]
    return {
        "status": books.sales[reservation.partition("/")[0]].status,
        "state": hold.state,
        "extension": 0,
        "lines": [
            {"sku": sku, "location": location, "quantity": units}
            for (sku, location), units in sorted(hold.lines.items())
        ],
    }
