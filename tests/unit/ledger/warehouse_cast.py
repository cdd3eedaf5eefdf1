"""What a warehouse tells: shipments, returns, inspections, transfers and corrections, as commands."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from ledger.commands import (
    Adjust,
    AdjustmentKind,
    Command,
    Inspect,
    InspectedUnits,
    MissingUnits,
    Quantity,
    ReceiveTransfer,
    Research,
    Resolve,
    SendTransfer,
    SetFeedBuffer,
    SetSafetyStock,
    Ship,
    ShortPick,
    TakeBack,
)
from ledger.errors import KeyConflict, Refused
from ledger.rules import decide
from ledger.stock import Pile
from ledger.world import World
from tests.unit.ledger.cast import (
    ADA,
    BERLIN,
    LAMP,
    MUNICH,
    RUG,
    commands_to_confirm,
    do,
    reserve,
    stock,
    world,
)


def ship(
    quantity: int = 1,
    sku: str = LAMP,
    location: str = BERLIN,
    *,
    order: str = ADA,
    shipment: str = "S1",
    occurred_at: datetime | None = None,
) -> Ship:
    """Send units of an order."""
    return Ship(
        actor="otto",
        shipment_id=shipment,
        order_id=order,
        location=location,
        lines=(Quantity(sku=sku, quantity=quantity),),
        occurred_at=occurred_at,
    )


def take_back(
    quantity: int = 1,
    sku: str = LAMP,
    location: str = BERLIN,
    *,
    order: str = ADA,
    name: str = "R1",
) -> TakeBack:
    """Take units of an order back."""
    return TakeBack(
        actor="otto",
        return_id=name,
        order_id=order,
        location=location,
        lines=(Quantity(sku=sku, quantity=quantity),),
    )


def inspect(
    restock: int = 1,
    damaged: int = 0,
    *,
    sku: str = LAMP,
    refund: int | None = None,
    returned: str = "R1",
    inspection: str = "I1",
) -> Inspect:
    """Look at returned units; all of them are paid back unless said otherwise."""
    units = InspectedUnits(
        sku=sku,
        restock=restock,
        damaged=damaged,
        refund=restock + damaged if refund is None else refund,
    )
    return Inspect(actor="otto", inspection_id=inspection, return_id=returned, lines=(units,))


def short(
    quantity: int = 1,
    sku: str = LAMP,
    location: str | None = BERLIN,
    *,
    order: str = ADA,
    name: str = "P1",
) -> ShortPick:
    """Tell that paid units of an order were not found."""
    missing = MissingUnits(sku=sku, quantity=quantity, location=location)
    return ShortPick(actor="otto", short_id=name, order_id=order, lines=(missing,))


def send(
    quantity: int = 1,
    sku: str = LAMP,
    source: str = BERLIN,
    target: str = MUNICH,
    *,
    transfer: str = "T1",
) -> SendTransfer:
    """Send units to another location."""
    return SendTransfer(
        actor="otto",
        transfer_id=transfer,
        source=source,
        target=target,
        lines=(Quantity(sku=sku, quantity=quantity),),
    )


def arrive(
    quantity: int = 1, sku: str = LAMP, *, transfer: str = "T1", receipt: str = "TR1"
) -> ReceiveTransfer:
    """Take in what arrived of a transfer."""
    return ReceiveTransfer(
        actor="otto",
        receipt_id=receipt,
        transfer_id=transfer,
        lines=(Quantity(sku=sku, quantity=quantity),),
    )


def adjust(
    quantity: int,
    kind: AdjustmentKind = AdjustmentKind.ADJUST,
    *,
    sku: str = LAMP,
    location: str = BERLIN,
    name: str = "A1",
    version: int | None = None,
    note: str | None = None,
) -> Adjust:
    """Correct a row."""
    return Adjust(
        actor="olga",
        adjustment_id=name,
        kind=kind,
        sku=sku,
        location=location,
        quantity=quantity,
        reason="counted",
        note=note,
        expected_version=version,
    )


def research(
    quantity: int = 1,
    *,
    sku: str = LAMP,
    location: str = BERLIN,
    order: str | None = None,
    name: str = "X1",
) -> Research:
    """Look for units, out of sale."""
    return Research(
        actor="olga",
        research_id=name,
        sku=sku,
        location=location,
        quantity=quantity,
        reason="not-found",
        order_id=order,
    )


def resolve(
    quantity: int = 1,
    *,
    found: bool,
    sku: str = LAMP,
    location: str = BERLIN,
    name: str = "Y1",
) -> Resolve:
    """End the search."""
    return Resolve(
        actor="olga",
        resolution_id=name,
        sku=sku,
        location=location,
        quantity=quantity,
        found=found,
        reason="searched",
    )


def keep_back(quantity: int, *, sku: str = LAMP, location: str = BERLIN) -> SetSafetyStock:
    """Set the safety stock of a row."""
    return SetSafetyStock(actor="olga", sku=sku, location=location, quantity=quantity)


def buffer(quantity: int, *, sku: str = LAMP, location: str = BERLIN) -> SetFeedBuffer:
    """Set the feed buffer of a row."""
    return SetFeedBuffer(
        actor="olga", sku=sku, location=location, quantity=quantity, reason="feed-silent"
    )


# What became of it


def a_warehouse(lamps: int = 5, *, in_munich: int = 0) -> World:
    """Make a world with lamps in Berlin, perhaps in Munich, and a rug's empty rows in both."""
    return world(
        stock(sellable=lamps),
        stock(location=MUNICH, sellable=in_munich),
        stock(RUG),
        stock(RUG, MUNICH),
    )


def sold(
    lamps: int = 3, *, in_munich: int = 0, name: str = ADA, shop: World | None = None
) -> World:
    """Make a world in which an order of these lamps was placed, served from one or both places."""
    shop = shop or a_warehouse(lamps, in_munich=in_munich)
    wanted = {LAMP: lamps + in_munich}
    opened, _, *paid = commands_to_confirm(name)
    do(shop, opened)
    do(shop, reserve(name, wanted))
    for command in paid:
        do(shop, command)
    return shop


def told_in_turn(shop: World, *commands: Command) -> list[Mapping[str, Any]]:
    """Decide and carry out each, and give the answers."""
    return [do(shop, command).answer for command in commands]


def refused(shop: World, command: Command) -> str:
    """Give the code of the no, and see that asking changed nothing."""
    before = copy.deepcopy(shop)
    with pytest.raises((Refused, KeyConflict)) as caught:
        decide(shop, command)
    assert shop == before
    return caught.value.code


def piles(shop: World, sku: str = LAMP, location: str = BERLIN) -> dict[str, int]:
    """Give the piles of a row in which anything is, but for `supply`."""
    row = shop.stock[sku, location]
    return {
        pile.value: row.units(pile) for pile in Pile if pile is not Pile.SUPPLY and row.units(pile)
    }


def kinds(shop: World, since: int = 0) -> list[str]:
    """List the kinds of the movements, those before left out."""
    return [movement.kind.value for movement in shop.movements[since:]]
