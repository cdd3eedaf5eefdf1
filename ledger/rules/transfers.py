"""Rules of units that travel between two locations: they leave, arrive in parts, or get lost."""

from __future__ import annotations

from dataclasses import replace

from ledger.commands import ReceiveTransfer, SendTransfer, merged
from ledger.documents.values import Transfer, TransferLine
from ledger.errors import Refused
from ledger.movements import Cause
from ledger.rules.documents import applied, document_cause, refuse_another_body, waits
from ledger.rules.stock import (
    arriving,
    moved,
    refuse_nothing,
    refuse_unknown_location,
    refuse_unknown_sku,
    told,
)
from ledger.stock import MovementKind, Pile
from ledger.world import Change, World


def send(world: World, command: SendTransfer) -> Change:
    """Send sellable units to another location.

    Refused: `nothing-wanted`; `same-location`; `unknown-location`; `unknown-sku`; `insufficient-stock`
    with the shortages of all lines, counted in sellable units: what policy holds back may travel.
    """
    refuse_nothing(command.lines)
    if command.source == command.target:
        raise Refused("same-location", location=command.source)
    refuse_unknown_location(world, command.source)
    refuse_unknown_location(world, command.target)
    lines = merged(command.lines)
    shortages = []
    for sku, quantity in lines:
        refuse_unknown_sku(world, sku)
        row = world.stock.get((sku, command.source))
        sellable = row.sellable if row else 0
        if sellable < quantity:
            shortages.append({"sku": sku, "requested": quantity, "available": sellable})
    if shortages:
        raise Refused("insufficient-stock", shortages=shortages)
    # From here it must succeed.
    moves = [
        move
        for sku, quantity in lines
        for move in moved(
            MovementKind.TRANSFER, (sku, command.source), quantity, Pile.SELLABLE, Pile.TRANSIT
        )
    ]
    sent = Transfer(transfer_id=command.transfer_id, source=command.source, target=command.target)
    sent_lines = [
        TransferLine(transfer_id=command.transfer_id, sku=sku, quantity=quantity)
        for sku, quantity in lines
    ]
    return Change(
        answer={
            "transfer_id": command.transfer_id,
            "from": command.source,
            "to": command.target,
            "lines": told(lines),
        },
        cause=Cause(
            operation_key=command.key,
            kind="transfer",
            id=command.transfer_id,
            actor=command.actor,
            occurred_at=command.occurred_at,
        ),
        moves=tuple(moves),
        records=(sent, *sent_lines),
    )


def arrive(world: World, command: ReceiveTransfer) -> Change:
    """Take in what arrived of a transfer; the rest goes on travelling.

    Refused: `nothing-wanted`; `key-reused` where another body waits under this id; `more-than-sent` where
    fewer units of the sku still travel. Waits for its transfer.
    """
    refuse_nothing(command.lines)
    refuse_another_body(world, command)
    transfer = world.transfers.get(command.transfer_id)
    if transfer is None:
        return waits(world, command)
    changed = []
    for sku, quantity in merged(command.lines):
        line = world.transfer_lines.get((command.transfer_id, sku))
        left = line.travelling if line else 0
        if line is None or left < quantity:
            raise Refused("more-than-sent", sku=sku, wanted=quantity, left=left)
        changed.append(replace(line, received=line.received + quantity))
    # From here it must succeed.
    moves = [
        move
        for sku, quantity in merged(command.lines)
        for move in arriving(
            world, MovementKind.TRANSFER, (sku, transfer.target), quantity, source=Pile.TRANSIT
        )
    ]
    return Change(
        answer={
            "receipt_id": command.receipt_id,
            "transfer_id": command.transfer_id,
            "location": transfer.target,
            "status": "applied",
            "lines": told(merged(command.lines)),
        },
        cause=document_cause(world, command),
        moves=tuple(moves),
        records=(*changed, applied(world, command)),
    )
