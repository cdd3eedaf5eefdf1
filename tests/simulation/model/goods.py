"""What the model expects of goods: taken in, corrected, searched for, kept back, moved between places."""

from __future__ import annotations

from typing import Any

from ledger.commands import (
    Adjust,
    ChangePause,
    Receive,
    ReceiveTransfer,
    Research,
    Resolve,
    SendTransfer,
    SetFeedBuffer,
    SetSafetyStock,
)
from tests.simulation.model.books import DISABLED, Books, No, Row, Sent, Shelf, Trip, Wait, total

Says = dict[str, Any]


def receive(books: Books, command: Receive) -> Says:
    """Goods come in."""
    lines = total(command.lines)
    if command.location not in books.places:
        raise No("unknown-location")
    for sku in lines:
        books.known(sku, command.location)
    for sku, quantity in lines.items():
        books.arrive((sku, command.location), "supply", quantity)
    return {"lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()]}


def adjust(books: Books, command: Adjust) -> Says:
    """Expect that a person corrects a row."""
    units, kind = abs(command.quantity), str(command.kind)
    if units == 0 or (command.quantity < 0 and kind != "adjust"):
        raise No("nothing-wanted")
    row = (command.sku, command.location)
    books.known(*row)
    shelf = books.shelves[row]
    if command.expected_version is not None and command.expected_version != shelf.entries:
        raise No("stale-version", version=shelf.entries)
    missing = 0
    if kind == "adjust" and command.quantity > 0:
        books.arrive(row, "adjustment", units)
    elif kind in ("regrade", "write_off"):
        _there(shelf, "damaged", units)
        books.move(row, "damaged", "sellable" if kind == "regrade" else "adjustment", units)
    elif kind == "lost_in_transit":
        _lose(books, row, units)
    else:
        missing = _shrink(books, command, row, units)
    if command.note:
        books.notes[f"adjustment/{command.adjustment_id}"] = command.note
    done = units - missing
    return {
        "quantity": done if command.quantity > 0 else -done,
        "missing": missing,
        "status": "review" if missing else "applied",
        "version": shelf.entries,
    }


def _there(shelf: Shelf, pile: str, wanted: int) -> None:
    if shelf.piles[pile] < wanted:
        raise No("pile-too-small", pile=pile, there=shelf.piles[pile])


def _lose(books: Books, row: Row, units: int) -> None:
    sku, location = row
    lines = [
        trip.lines[sku]
        for _, trip in sorted(books.trips.items())
        if trip.source == location and sku in trip.lines
    ]
    there = sum(line.travelling for line in lines)
    if there < units:
        raise No("pile-too-small", pile="transit", there=there)
    books.move(row, "transit", "adjustment", units)
    for line in lines:
        lost = min(units, line.travelling)
        line.lost += lost
        units -= lost


def _shrink(books: Books, command: Adjust, row: Row, units: int) -> int:
    """Take what is sellable, and say how many units are left to a review."""
    shelf = books.shelves[row]
    if not shelf.piles["sellable"] + shelf.piles["reserved"] + shelf.piles["sold"]:
        raise No("pile-too-small", there=0)
    taken = min(units, shelf.piles["sellable"])
    books.move(row, "sellable", "damaged" if command.kind == "damage" else "adjustment", taken)
    if taken < units:
        books.reviews[f"shortfall-{command.adjustment_id}"] = (*row, units - taken)
    return units - taken


def research(books: Books, command: Research) -> Says:
    """Units are looked for."""
    if command.quantity < 1:
        raise No("nothing-wanted")
    row = (command.sku, command.location)
    books.known(*row)
    if command.order_id is None:
        _there(books.shelves[row], "sellable", command.quantity)
        books.move(row, "sellable", "researching", command.quantity)
        return {"quantity": command.quantity}
    order = books.orders.get(command.order_id)
    if order is None or order.cancelled:
        raise No("no-order")
    parcel = order.parcels.get(row)
    if parcel is None or parcel.to_ship < command.quantity:
        raise No("more-than-sold", left=parcel.to_ship if parcel else 0)
    parcel.short += command.quantity
    order.changed = books.step
    books.move(row, "sold", "researching", command.quantity)
    return {"quantity": command.quantity}


def resolve(books: Books, command: Resolve) -> Says:
    """Expect that a search ends."""
    if command.quantity < 1:
        raise No("nothing-wanted")
    row = (command.sku, command.location)
    books.known(*row)
    _there(books.shelves[row], "researching", command.quantity)
    target = "sellable" if command.found else "adjustment"
    books.move(row, "researching", target, command.quantity)
    return {"quantity": command.quantity}


def change_pause(books: Books, command: ChangePause) -> Says:
    """Expect that a row's sale is stopped or allowed."""
    books.known(command.sku, command.location)
    shelf = books.shelves[command.sku, command.location]
    if (command.reason in shelf.pauses) is not command.paused:
        books.born((command.sku, command.location))
        shelf.pauses ^= {command.reason}
        shelf.entries += 1
    return _policy(shelf)


def set_safety_stock(books: Books, command: SetSafetyStock) -> Says:
    """Units are kept back for good."""
    shelf = _kept_back(books, command)
    if shelf.safety_stock != command.quantity:
        books.born((command.sku, command.location))
        shelf.safety_stock = command.quantity
        shelf.entries += 1
    return _policy(shelf)


def set_feed_buffer(books: Books, command: SetFeedBuffer) -> Says:
    """Units are kept back because of a feed."""
    shelf = _kept_back(books, command)
    if shelf.feed_buffer != command.quantity:
        books.born((command.sku, command.location))
        shelf.feed_buffer = command.quantity
        shelf.entries += 1
    return _policy(shelf)


def _kept_back(books: Books, command: SetSafetyStock | SetFeedBuffer) -> Shelf:
    if command.quantity < 0:
        raise No("negative-quantity")
    books.known(command.sku, command.location)
    return books.shelves[command.sku, command.location]


def _policy(shelf: Shelf) -> Says:
    return {
        "available": shelf.available,
        "paused": sorted(shelf.pauses),
        "safety_stock": shelf.safety_stock,
        "feed_buffer": shelf.feed_buffer,
        "version": shelf.entries,
    }


def put_location(
    books: Books, location: str, priority: int, *, enabled: bool, empty: set[Row]
) -> None:
    """Expect that a place is opened or closed, and all its rows with it, those too in which nothing ever happened."""
    books.places[location].priority = priority
    books.places[location].enabled = enabled
    for row, shelf in books.shelves.items():
        there = row[1] == location and (shelf.entries or row in empty)
        if there and (DISABLED in shelf.pauses) is enabled:
            shelf.pauses ^= {DISABLED}
            shelf.entries += 1


def send(books: Books, command: SendTransfer) -> Says:
    """Units set out."""
    lines = total(command.lines)
    if command.source == command.target:
        raise No("same-location")
    for location in (command.source, command.target):
        if location not in books.places:
            raise No("unknown-location", location=location)
    for sku in lines:
        books.known(sku, command.source)
    there = {sku: books.shelves[sku, command.source].piles["sellable"] for sku in lines}
    short = [
        {"sku": sku, "requested": units, "available": there[sku]}
        for sku, units in lines.items()
        if there[sku] < units
    ]
    if short:
        raise No("insufficient-stock", shortages=short)
    for sku, units in lines.items():
        books.move((sku, command.source), "sellable", "transit", units)
    sent = {sku: Sent(units) for sku, units in lines.items()}
    books.trips[command.transfer_id] = Trip(command.source, command.target, sent, books.step)
    return {"from": command.source, "to": command.target}


def arrive(books: Books, command: ReceiveTransfer) -> Says:
    """Units arrive."""
    trip = books.trips.get(command.transfer_id)
    if trip is None:
        raise Wait
    lines = total(command.lines)
    for sku, units in lines.items():
        travelling = trip.lines[sku].travelling if sku in trip.lines else 0
        if travelling < units:
            raise No("more-than-sent", sku=sku, left=travelling)
    for sku, units in lines.items():
        trip.lines[sku].received += units
        books.arrive((sku, trip.target), "transit", units)
    return {"status": "applied", "location": trip.target}
