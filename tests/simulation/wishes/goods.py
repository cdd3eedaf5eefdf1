"""Wishes about goods: in, corrected, searched for, kept back, and from place to place."""

from __future__ import annotations

from ledger.commands import (
    Adjust,
    AdjustmentKind,
    ChangePause,
    Receive,
    ReceiveTransfer,
    Research,
    Resolve,
    SendTransfer,
    SetFeedBuffer,
    SetSafetyStock,
)
from tests.simulation.model.books import Books
from tests.simulation.wishes.dice import PLACES, SKUS, UNKNOWN_PLACE, UNKNOWN_SKU, Dice

_PILES = {
    AdjustmentKind.ADJUST: "sellable",
    AdjustmentKind.DAMAGE: "sellable",
    AdjustmentKind.REGRADE: "damaged",
    AdjustmentKind.WRITE_OFF: "damaged",
    AdjustmentKind.LOST_IN_TRANSIT: "transit",
}


def receive(books: Books, dice: Dice, name: str) -> Receive:
    """Goods come in."""
    lines = dice.cart() if dice.one_in(3) else {dice.sku(): dice.units()}
    place = dice.place()
    return Receive(actor="dock", receipt_id=f"G{name}", location=place, lines=dice.split(lines))


def adjust(books: Books, dice: Dice, name: str) -> Adjust:
    """Say that a person corrects a row, having seen its version or an older one."""
    piles = {
        pile for shelf in books.shelves.values() for pile in shelf.piles if shelf.piles[pile] > 0
    }
    fitting = [kind for kind in AdjustmentKind if _PILES[kind] in piles]
    kind = dice.of(fitting if fitting and not dice.one_in(6) else tuple(AdjustmentKind))
    if kind is AdjustmentKind.ADJUST and dice.one_in(4):
        row, units = (dice.sku(), dice.place()), dice.units()
    else:
        pile = _PILES[kind]
        claimed = dice.of(("", "reserved", "sold")) if pile == "sellable" else ""
        row = dice.row(books, claimed or pile)
        there = books.shelves[row].piles
        units = dice.up_to(there[pile] + (there[claimed] if claimed else 0))
        units *= -1 if kind is AdjustmentKind.ADJUST else 1
    seen = books.shelves[row].entries
    return Adjust(
        actor="olga",
        adjustment_id=f"A{name}",
        kind=kind,
        sku=row[0],
        location=row[1],
        quantity=units,
        reason="counted",
        note=dice.of((None, "behind the boiler")),
        expected_version=dice.of((None, seen, None, seen, None, max(0, seen - 1))),
    )


def research(books: Books, dice: Dice, name: str) -> Research:
    """Units are looked for: of a shelf, or of an order."""
    row, order, most = dice.row(books, "sellable"), None, 0
    owed = books.to_send()
    if owed and dice.one_in(2):
        order, row, most = dice.of(owed)
    elif dice.one_in(10):
        order = dice.of([*sorted(books.sales), "co_nobody"])
    return Research(
        actor="olga",
        research_id=f"X{name}",
        sku=row[0],
        location=row[1],
        quantity=0 if dice.one_in(20) else dice.up_to(most or books.shelves[row].piles["sellable"]),
        reason="not-found",
        order_id=order,
    )


def resolve(books: Books, dice: Dice, name: str) -> Resolve:
    """Say that a search ends."""
    row = dice.row(books, "researching")
    return Resolve(
        actor="olga",
        resolution_id=f"Y{name}",
        sku=row[0],
        location=row[1],
        quantity=0 if dice.one_in(20) else dice.up_to(books.shelves[row].piles["researching"]),
        found=dice.of((True, False)),
        reason="searched",
    )


def change_pause(books: Books, dice: Dice, name: str) -> ChangePause:
    """Stop or allow a row's sale; a reason that is there is mostly taken away."""
    paused = sorted(
        (*row, reason)
        for row, shelf in books.shelves.items()
        for reason in shelf.pauses & {"operator", "feed"}
    )
    if paused and not dice.one_in(3):
        sku, place, reason = dice.of(paused)
        on = False
    else:
        sku, place, reason = dice.sku(), dice.place(), dice.of(("operator", "feed"))
        on = dice.of((True, True, False))
    return ChangePause(actor="olga", sku=sku, location=place, reason=reason, paused=on)


def set_safety_stock(books: Books, dice: Dice, name: str) -> SetSafetyStock:
    """Units are kept back for good."""
    sku, place = dice.row(books, "sellable")
    sku = UNKNOWN_SKU if dice.one_in(12) else sku
    return SetSafetyStock(
        actor="olga", sku=sku, location=place, quantity=dice.of((1, 0, 2, 0, 9, 1, -1))
    )


def set_feed_buffer(books: Books, dice: Dice, name: str) -> SetFeedBuffer:
    """Units are kept back because of a feed."""
    sku, place = dice.row(books, "sellable")
    sku = UNKNOWN_SKU if dice.one_in(12) else sku
    return SetFeedBuffer(
        actor="olga",
        sku=sku,
        location=place,
        quantity=dice.of((1, 0, 2, 0, 9, 1, -1)),
        reason="feed-silent",
    )


def send(books: Books, dice: Dice, name: str) -> SendTransfer:
    """Units set out, and now and then to where they are."""
    sku, source = dice.row(books, "sellable")
    lines = {sku: dice.up_to(books.shelves[sku, source].piles["sellable"])}
    if dice.one_in(4):
        other = dice.sku()
        lines.setdefault(other, dice.up_to(books.shelves[other, source].piles["sellable"]))
    if dice.one_in(15):
        lines = {}
    target = dice.of([place for place in PLACES if place != source])
    if dice.one_in(15):
        target = dice.of((source, UNKNOWN_PLACE))
    awaited = books.awaited("transfer-receipt", set(books.trips))
    return SendTransfer(
        actor="otto",
        transfer_id=dice.of([*awaited, f"T{len(books.trips)}", f"T{name}"]),
        source=source,
        target=target,
        lines=dice.split(lines),
    )


def arrive(books: Books, dice: Dice, name: str) -> ReceiveTransfer:
    """Units arrive, all of them or some, and now and then before anybody told that they had left."""
    under_way = [
        (trip, sku, line.travelling)
        for trip, sent in sorted(books.trips.items())
        for sku, line in sent.lines.items()
        if line.travelling
    ]
    if under_way and not dice.one_in(5):
        trip, sku, units = dice.of(under_way)
        units = dice.up_to(units)
    else:
        trip = dice.of((f"T{len(books.trips)}", f"T{len(books.trips) - 1}"))
        sku, units = dice.of(SKUS), dice.units()
    return ReceiveTransfer(
        actor="otto",
        receipt_id=f"TR{name}",
        transfer_id=trip,
        lines=dice.split({sku: units}),
    )
