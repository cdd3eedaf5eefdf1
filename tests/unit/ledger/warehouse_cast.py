"""What a warehouse tells: shipments, returns, inspections, transfers and corrections, as commands."""

from __future__ import annotations

from datetime import datetime

from ledger.commands import (
    Adjust,
    AdjustmentKind,
    Inspect,
    InspectedUnits,
    Quantity,
    ReceiveTransfer,
    Research,
    Resolve,
    SendTransfer,
    SetFeedBuffer,
    SetSafetyStock,
    Ship,
    TakeBack,
)
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH


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
