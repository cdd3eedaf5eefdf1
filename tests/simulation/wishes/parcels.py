"""Wishes about what happens after the sale, in order or before their time."""

from __future__ import annotations

from dataclasses import replace

from ledger.commands import (
    Inspect,
    InspectedUnits,
    MissingUnits,
    Quantity,
    Ship,
    ShortPick,
    TakeBack,
)
from tests.simulation.model.books import Books
from tests.simulation.wishes.dice import CHECKOUTS, PLACES, SKUS, UNKNOWN_PLACE, Dice


def ship(books: Books, dice: Dice, name: str) -> Ship:
    """Units leave, or are said to have left before they were paid."""
    owed = books.to_send()
    early = [
        (checkout, row, units)
        for checkout in CHECKOUTS
        if books.hold_state(checkout) in ("held", "committing")
        for row, units in books.holds[f"{checkout}/1"].lines.items()
    ]
    known = early if early and (not owed or dice.one_in(6)) else owed
    if known and not dice.one_in(8):
        order, (sku, place), units = dice.of(known)
        lines = {sku: dice.up_to(units)}
    else:
        order, place = dice.of((*CHECKOUTS, "co_nobody")), dice.place()
        lines = {dice.sku(): dice.units()}
    return Ship(
        actor="otto",
        shipment_id=f"S{name}",
        order_id=order,
        location=place,
        lines=dice.split(lines),
    )


def short_pick(books: Books, dice: Dice, name: str) -> ShortPick:
    """Units are not found where they should be, or somewhere that nobody names; or before they were paid."""
    owed = books.to_send()
    early = [name for name in CHECKOUTS if books.hold_state(name) in ("held", "committing")]
    place: str | None
    if owed and not dice.one_in(6):
        order, (sku, place), units = dice.of(owed)
        units = dice.of((units, dice.up_to(units)))
    else:
        order = dice.of(early or (*CHECKOUTS, "co_nobody"))
        sku, place, units = dice.sku(), dice.place(), dice.units()
    line = MissingUnits(
        sku=sku, quantity=units, location=dice.of((place, place, None, place, UNKNOWN_PLACE, place))
    )
    lines = dice.of(((line,), (line,), (line,), (line, replace(line, quantity=1)), (line,), ()))
    return ShortPick(actor="otto", short_id=f"P{name}", order_id=order, lines=lines)


def take_back(books: Books, dice: Dice, name: str) -> TakeBack:
    """Units come back: where they left, or elsewhere, or before anybody told that they had left."""
    outside = books.outside()
    owed = [row for row in books.to_send() if not books.orders[row[0]].cancelled]
    known = owed if owed and (not outside or dice.one_in(6)) else outside
    if known and not dice.one_in(8):
        order, (sku, place), units = dice.of(known)
        lines = {sku: dice.up_to(units)}
        place = dice.of((place, place, *PLACES))
    else:
        order, place = dice.of((*CHECKOUTS, "co_nobody")), dice.place()
        lines = {dice.sku(): dice.units()}
    awaited = books.awaited("inspection", set(books.returns))
    names = [*awaited, f"R{len(books.returns)}", f"R{len(books.returns) + 1}"]
    return TakeBack(
        actor="otto",
        return_id=dice.of(names),
        order_id=order,
        location=place,
        lines=dice.split(lines),
    )


def inspect(books: Books, dice: Dice, name: str) -> Inspect:
    """Somebody looks at what came back, or says so of what has not."""
    waiting = [
        (back, sku, came.quantity - came.restocked - came.damaged)
        for back, lines in sorted(books.returns.items())
        for sku, came in lines.lines.items()
        if came.quantity > came.restocked + came.damaged
    ]
    if waiting and not dice.one_in(6):
        returned, sku, left = dice.of(waiting)
    else:
        # Also one that has been looked at already: nothing is found in it twice.
        returned = dice.of((f"R{len(books.returns)}", *sorted(books.returns)))
        sku, left = dice.of(SKUS), 1
        if returned in books.returns:
            sku = dice.of(sorted(books.returns[returned].lines))
    units = dice.up_to(left)
    damaged = dice.of(range(units + 1))
    refund = dice.of((units, 0, units, 1, units + 1))
    line = InspectedUnits(sku=sku, restock=units - damaged, damaged=damaged, refund=refund)
    lines = dice.of(((line,), (line,), (line,), (line,), (line, line), ()))
    return Inspect(actor="otto", inspection_id=f"I{name}", return_id=returned, lines=lines)


def next_parcel(
    books: Books, order: str, dice: Dice, name: str
) -> Ship | TakeBack | Inspect | None:
    """Say what comes next of an order that is sent, comes back and is looked at, a line at a time."""
    placed = books.orders.get(order)
    if placed is None or placed.cancelled:
        return None
    owed = [(row, parcel.to_ship) for row, parcel in placed.parcels.items() if parcel.to_ship]
    if owed:
        (sku, place), units = dice.of(owed)
        lines = (Quantity(sku=sku, quantity=units),)
        return Ship(
            actor="otto", shipment_id=f"S{name}", order_id=order, location=place, lines=lines
        )
    outside = [(row, parcel.outside) for row, parcel in placed.parcels.items() if parcel.outside]
    if outside:
        (sku, place), units = dice.of(outside)
        lines = (Quantity(sku=sku, quantity=units),)
        return TakeBack(
            actor="otto", return_id=f"RN{name}", order_id=order, location=place, lines=lines
        )
    for returned, back in sorted(books.returns.items()):
        for sku, came in back.lines.items():
            left = came.quantity - came.restocked - came.damaged
            if back.order == order and left:
                found = InspectedUnits(sku=sku, restock=left, refund=left)
                return Inspect(
                    actor="otto", inspection_id=f"I{name}", return_id=returned, lines=(found,)
                )
    return None
