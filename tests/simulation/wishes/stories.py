"""Stories of several commands that single wishes would hardly ever come to, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger.commands import (
    CancelOrder,
    Command,
    Expire,
    Inspect,
    InspectedUnits,
    MissingUnits,
    Quantity,
    Reserve,
    SetSafetyStock,
    Ship,
    ShortPick,
    TakeBack,
)
from tests.simulation.model.books import Books
from tests.simulation.wishes.dice import CHECKOUTS, CUSTOMERS, LIMITED, SKUS, Dice
from tests.simulation.wishes.sales import giving_back, next_chapter, opening

Story = Callable[[Books, Dice, str], Iterator[Command]]
"""Looks at the books anew for each command that it tells."""

_CHAPTERS_TO_THE_FENCE = 3
_CHAPTERS_TO_AN_ORDER = 6


def parcels_before_their_order(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """Send off what is held, all of it or a unit too many, before the till has taken the money."""
    unsold = [held for held in CHECKOUTS if books.hold_state(held) in ("held", "committing")]
    if not unsold:
        return
    order = dice.of(unsold)
    for number, ((sku, place), units) in enumerate(sorted(books.holds[f"{order}/1"].lines.items())):
        lines = (Quantity(sku=sku, quantity=units + dice.of((0, 0, 1))),)
        yield Ship(
            actor="otto",
            shipment_id=f"SE{name}-{number}",
            order_id=order,
            location=place,
            lines=lines,
        )
    yield from _until_ordered(books, dice, order)


def _until_ordered(books: Books, dice: Dice, order: str) -> Iterator[Command]:
    for _ in range(_CHAPTERS_TO_AN_ORDER):
        chapter = next_chapter(books, order, dice)
        if chapter is None or books.hold_state(order) == "confirmed":
            return
        yield chapter


def _short(name: str, order: str, sku: str, units: int, place: str | None) -> ShortPick:
    lines = (MissingUnits(sku=sku, quantity=units, location=place),)
    return ShortPick(actor="otto", short_id=name, order_id=order, lines=lines)


def inspections_before_their_return(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """Somebody has looked at what nobody has said to be back: as much as comes, or a unit more."""
    outside = books.outside()
    if not outside:
        return
    order, (sku, place), units = dice.of(outside)
    seen = units + dice.of((0, 1))
    found = (InspectedUnits(sku=sku, restock=seen, refund=dice.of((seen, 0))),)
    yield Inspect(actor="otto", inspection_id=f"IE{name}", return_id=f"RE{name}", lines=found)
    lines = (Quantity(sku=sku, quantity=units),)
    yield TakeBack(actor="otto", return_id=f"RE{name}", order_id=order, location=place, lines=lines)


def not_found(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """Units of an order are not there, nor where they come from instead, until nobody has any more."""
    for number in range(3):
        placed = [row for row in books.to_send() if not books.orders[row[0]].cancelled]
        if not placed:
            return
        order, (sku, place), units = dice.of(placed)
        yield _short(f"PN{name}-{number}", order, sku, dice.of((units, 1)), dice.of((place, None)))


def not_found_and_bought_again(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """As much as a customer may have: what was paid back must not count, and what came instead counts once."""
    limit = books.limits[LIMITED]
    for order, known in sorted(books.orders.items()):
        places = [
            place
            for (sku, place), parcel in known.parcels.items()
            if parcel.to_ship and sku == LIMITED
        ]
        if places and limit and not known.cancelled:
            yield _short(f"PB{name}", order, LIMITED, 1, dice.of(places))
            wanted = {LIMITED: dice.of((1, limit))}
            yield from _bought(books, dice, books.sales[order].customer, wanted)
            return


def missing_before_their_order(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """Miss what is held, or some of it, before the till has taken the money."""
    unsold = [held for held in CHECKOUTS if books.hold_state(held) in ("held", "committing")]
    if not unsold:
        return
    order = dice.of(unsold)
    for number, ((sku, place), units) in enumerate(sorted(books.holds[f"{order}/1"].lines.items())):
        missing = dice.of((1, units, units + 1))
        yield _short(f"PE{name}-{number}", order, sku, missing, place)
    yield from _until_ordered(books, dice, order)


def taken_back_and_bought_again(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """As much as a customer may have: what was taken back must not count."""
    placed = [known for known, order in sorted(books.orders.items()) if order.state == "placed"]
    limit = books.limits[LIMITED]
    if placed and limit:
        order = dice.of(placed)
        yield CancelOrder(actor="ada", order_id=order, reason="customer")
        yield from _bought(books, dice, books.sales[order].customer, {LIMITED: limit})


def wanted_though_kept_back(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """Set a unit aside, and let a cart want one more than is left: all there is, and not for sale."""
    rows = [row for row, shelf in sorted(books.shelves.items()) if shelf.available]
    if rows:
        sku, place = dice.of(rows)
        yield SetSafetyStock(actor="olga", sku=sku, location=place, quantity=1)
        there = sum(books.shelves[sku, other].available for other in books.places)
        yield from _bought(books, dice, dice.of(CUSTOMERS), {sku: there + 1})


def held_and_given_up(books: Books, dice: Dice, name: str) -> Iterator[Command]:
    """Hold something, go as far as the fence or not, and then let go, in time or too late."""
    there = {
        sku: sum(books.shelves[sku, place].available for place in books.places) for sku in SKUS
    }
    known = [sku for sku in SKUS if there[sku]]
    if known:
        sku = dice.of(known)
        yield from _bought(books, dice, dice.of(CUSTOMERS), {sku: dice.of((1, there[sku], 2))})
    held = [checkout for checkout in CHECKOUTS if books.hold_state(checkout) == "held"]
    if not held:
        return
    checkout = dice.of(held)
    for _ in range(dice.of((0, 0, _CHAPTERS_TO_THE_FENCE))):
        chapter = next_chapter(books, checkout, dice)
        if chapter is not None:
            yield chapter
    if dice.one_in(3):
        yield Expire(actor="reaper", reservation_id=f"{checkout}/1", extension=0)
    given_back = giving_back(books, dice, f"{checkout}/1")
    if given_back is not None:
        yield given_back


def _bought(books: Books, dice: Dice, customer: str, wanted: dict[str, int]) -> Iterator[Command]:
    unopened = [name for name in CHECKOUTS if name not in books.sales]
    if unopened:
        checkout = dice.of(unopened)
        yield opening(checkout, customer, wanted, None, Dice([0]))
        lines = tuple(Quantity(sku=sku, quantity=units) for sku, units in wanted.items())
        yield Reserve(actor="workflow", reservation_id=f"{checkout}/1", lines=lines)


TURNS: tuple[Story, ...] = (
    held_and_given_up,
    taken_back_and_bought_again,
    wanted_though_kept_back,
    not_found,
    not_found_and_bought_again,
)

EARLY: tuple[Story, ...] = (
    *(parcels_before_their_order, inspections_before_their_return),
    missing_before_their_order,
)
"""A document is told before what it refers to: it waits, and is booked or refused when that comes."""
