"""What happens in a warehouse, told to a ledger from two processes: the busy world's other half."""

# ruff: noqa: E501, S608 - a count is a line of SQL

from __future__ import annotations

import asyncio

from ledger.checkouts import PaymentOperationKind, PaymentState
from ledger.commands import AdjustmentKind, Command, StartRefund
from ledger.documents.waiting import apply_due
from ledger.posting import Ledger
from ledger.refunds import ShownRefund, of_inspection, of_short_pick
from ledger.stock import MovementKind
from tests.integration.ledger.shop import Shop, post_all
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, MUNICH, PRICE

MIRROR, SHELF, STOOL, VASE = "tall-mirror", "wide-shelf", "oak-stool", "green-vase"
DAMAGE, REGRADE = AdjustmentKind.DAMAGE, AdjustmentKind.REGRADE
WRITE_OFF, LOST = AdjustmentKind.WRITE_OFF, AdjustmentKind.LOST_IN_TRANSIT
ROUNDS = 4
"""How often waiting documents are tried: the longest chain has four links."""

RARE = {
    "sent in part": "SELECT count(*) FROM orders WHERE state = 'partly_shipped'",
    "sent": "SELECT count(*) FROM orders WHERE state = 'shipped'",
    "back in part": "SELECT count(*) FROM orders WHERE state = 'partly_returned'",
    "back": "SELECT count(*) FROM orders WHERE state = 'returned'",
    "cancelled and short": "SELECT count(*) FROM orders JOIN order_line USING (order_id) WHERE state = 'cancelled' AND short > 0",
    "back here and from elsewhere": "SELECT count(*) FROM movement a JOIN movement b USING (operation_key) WHERE a.kind = 'return' AND b.kind = 'transfer'",
    "not inspected": "SELECT sum(returned) FROM stock",
    "damaged": "SELECT sum(damaged) FROM stock",
    "in search": "SELECT sum(researching) FROM stock",
    "travelling": "SELECT sum(quantity - received - lost) FROM transfer_line",
    "lost": "SELECT sum(lost) FROM transfer_line",
    "half arrived": "SELECT count(*) FROM transfer_line WHERE received BETWEEN 1 AND quantity - 1",
    "waiting": "SELECT count(*) FROM document WHERE state = 'waiting'",
    "refused at last": "SELECT count(*) FROM document WHERE state = 'refused'",
    "waited and was booked": "SELECT count(*) FROM document WHERE state = 'applied' AND settled_at > received_at",
    "paid back in part": "SELECT count(*) FROM inspection_line WHERE refunded < restocked + damaged",
    "an open question": "SELECT count(*) FROM review WHERE state = 'open' AND json_array_length(evidence -> 'touched') > 1",
    "paid back for a return": "SELECT count(*) FROM refund WHERE refund_id <> 'whole' AND state = 'done'",
    "owed for a return": "SELECT count(*) FROM refund WHERE refund_id <> 'whole' AND state = 'owed'",
    "pending at the provider": "SELECT count(*) FROM refund WHERE state = 'requested' AND provider_refund IS NOT NULL",
    "escalated": "SELECT count(*) FROM refund WHERE escalated",
    "served from elsewhere": "SELECT count(*) FROM reservation_transition WHERE starts_with(operation_key, 'short/')",
    "short, and owed": "SELECT count(*) FROM refund WHERE starts_with(refund_id, 'short-') AND state = 'owed'",
    "short, and paid back": "SELECT count(*) FROM refund WHERE starts_with(refund_id, 'short-') AND state = 'done'",
    "nothing of it found": "SELECT count(*) FROM checkout WHERE order_state = 'cancelled' AND reason = 'short'",
    "noted": "SELECT count(*) FROM note",
    "kept back": "SELECT sum(safety_stock) * sum(feed_buffer) FROM stock",
    "every kind": f"SELECT (count(DISTINCT kind) = {len(MovementKind)})::int FROM movement",
}
"""Counts that must not be nothing: without them an invariant could not be broken."""


def paid(name: str, sku: str, quantity: int) -> list[Command]:
    """Tell the story of a checkout of so many units, up to the order."""
    total = quantity * PRICE
    allowed = cast.Seen(state=PaymentState.AUTHORIZED, authorized=total, amount=total)
    taken = cast.Seen(state=PaymentState.CAPTURED, authorized=total, captured=total, amount=total)
    return [
        cast.open_checkout(name, lines={sku: quantity}),
        cast.reserve(name, {sku: quantity}),
        cast.start(PaymentOperationKind.AUTHORIZE, name),
        cast.record(allowed, name, proves=PaymentOperationKind.AUTHORIZE),
        cast.fence(name),
        cast.start(PaymentOperationKind.CAPTURE, name),
        cast.record(taken, name, proves=PaymentOperationKind.CAPTURE),
        cast.confirm(name),
    ]


def sent(name: str, quantity: int, units: int) -> list[Command]:
    """Tell of an order of mirrors of which so many units were sent."""
    return [
        *paid(name, MIRROR, quantity),
        warehouse.ship(units, MIRROR, order=name, shipment=f"S-{name}"),
    ]


def back(name: str, units: int, location: str = BERLIN) -> Command:
    """Tell that mirrors of an order came back."""
    return warehouse.take_back(units, MIRROR, location, order=name, name=f"R-{name}")


def looked_at(name: str, restock: int, damaged: int, refund: int | None = None) -> Command:
    """Tell what an inspection found of them."""
    return warehouse.inspect(
        restock, damaged, sku=MIRROR, refund=refund, returned=f"R-{name}", inspection=f"I-{name}"
    )


def paid_back(name: str, *shown: ShownRefund, part: str = "") -> list[Command]:
    """Tell what the provider showed of each try to pay what the inspection owes, or something else."""
    part = part or of_inspection(f"I-{name}")
    asked = StartRefund(actor="workflow", checkout_id=name, refund_id=part)
    return [
        command
        for ordinal, each in enumerate(shown, 1)
        for command in (
            asked,
            cast.refund(each, name, part=part, ordinal=ordinal, escalate=2),
        )
    ]


def not_found(name: str, units: int, location: str | None = BERLIN, times: int = 1) -> Command:
    """Tell that vases of an order were not found, for the first time or again."""
    pick = f"P-{name}" if times == 1 else f"P-{name}-{times}"
    return warehouse.short(units, VASE, location, order=name, name=pick)


def short_picks() -> list[list[Command]]:
    """Tell of five vases in Berlin, sold in turn, and of two in Munich that come instead."""
    done = ShownRefund.SUCCEEDED
    return [
        [
            *paid("co_vase", VASE, 3),
            *paid("co_dust", VASE, 1),
            *paid("co_shards", VASE, 1),
            not_found("co_vase", 2),
            not_found("co_vase", 1, MUNICH, times=2),
            warehouse.ship(1, VASE, order="co_vase", shipment="S-vase"),
            not_found("co_dust", 1, None),
            *paid_back("co_dust", done, part=of_short_pick("P-co_dust")),
            not_found("co_shards", 1, None),
        ],
        [not_found("co_never", 1)],
    ]


def adjusted(quantity: int, kind: AdjustmentKind = AdjustmentKind.ADJUST) -> Command:
    """Correct the mirrors in Berlin."""
    name = f"mirrors-{kind}-{quantity}"
    return warehouse.adjust(quantity, kind, sku=MIRROR, name=name, note="seen by Olga")


def of_orders() -> list[list[Command]]:
    """Tell what became of orders: sent, short, come back, looked at."""
    early = sent("co_early", 2, 2)
    unfound = warehouse.research(1, sku=MIRROR, order="co_short", name="X-short")
    return [
        sent("co_sent", 2, 2),
        sent("co_partly", 3, 1),
        [*sent("co_here", 2, 2), back("co_here", 2), looked_at("co_here", 1, 1)],
        [*sent("co_else", 2, 2), back("co_else", 1, MUNICH), looked_at("co_else", 1, 0, refund=0)],
        [*sent("co_closed", 1, 1), back("co_closed", 1)],
        [
            *sent("co_paid_back", 2, 2),
            back("co_paid_back", 2),
            looked_at("co_paid_back", 1, 1, refund=1),
            *paid_back("co_paid_back", ShownRefund.FAILED, ShownRefund.SUCCEEDED),
        ],
        [
            *sent("co_refused", 1, 1),
            back("co_refused", 1),
            looked_at("co_refused", 1, 0),
            *paid_back("co_refused", ShownRefund.FAILED, ShownRefund.FAILED, ShownRefund.PENDING),
        ],
        [looked_at("co_early", 1, 1), back("co_early", 2), early[-1], *early[:-1]],
        [
            warehouse.ship(5, MIRROR, order="co_greedy", shipment="S-greedy"),
            *sent("co_greedy", 1, 1),
        ],
        [*paid("co_short", MIRROR, 3), unfound, *sent("co_short", 3, 1)[-1:]],
        [
            *paid("co_unfound", MIRROR, 2),
            warehouse.research(1, sku=MIRROR, order="co_unfound", name="X-unfound"),
            cast.cancel_order("co_unfound"),
        ],
        [
            *paid("co_split", SHELF, 3),
            warehouse.ship(1, SHELF, order="co_split", shipment="S-split-1"),
            warehouse.ship(2, SHELF, MUNICH, order="co_split", shipment="S-split-2"),
            warehouse.take_back(3, SHELF, MUNICH, order="co_split", name="R-split"),
        ],
    ]


def of_stock() -> list[list[Command]]:
    """Tell what was corrected, searched for, moved and kept back."""
    return [
        [
            warehouse.ship(order="co_never", shipment="S-never"),
            warehouse.arrive(transfer="T-never"),
        ],
        [
            warehouse.send(6, MIRROR, transfer="T-mirrors"),
            warehouse.arrive(3, MIRROR, transfer="T-mirrors", receipt="TR-mirrors"),
            adjusted(1, LOST),
        ],
        [
            adjusted(2),
            adjusted(-1),
            adjusted(3, DAMAGE),
            adjusted(1, REGRADE),
            adjusted(1, WRITE_OFF),
        ],
        [
            warehouse.research(3, sku=MIRROR, name="X-mirrors"),
            warehouse.resolve(1, found=True, sku=MIRROR, name="Y-found"),
            warehouse.resolve(1, found=False, sku=MIRROR, name="Y-gone"),
        ],
        [warehouse.keep_back(2, sku=MIRROR), warehouse.buffer(1, sku=MIRROR)],
        [cast.pause(MIRROR, MUNICH), cast.resume(MIRROR, MUNICH)],
        [
            *paid("co_stool", STOOL, 1),
            cast.open_checkout("co_sit", lines={STOOL: 1}),
            cast.reserve("co_sit", {STOOL: 1}),
            warehouse.adjust(-3, sku=STOOL, name="stools"),
        ],
    ]


async def busy_days(shop: Shop, other: Ledger) -> None:
    """Let it all happen at once, through two processes, and book what waited."""
    await shop.offers(MIRROR, SHELF, STOOL, VASE)
    goods = ((60, MIRROR, BERLIN), (1, SHELF, BERLIN), (2, SHELF, MUNICH), (3, STOOL, BERLIN))
    vases = ((5, VASE, BERLIN), (2, VASE, MUNICH))
    for quantity, sku, place in (*goods, *vases):
        await shop.stocked(quantity, sku, place)
    stories = [*of_orders(), *of_stock(), *short_picks()]
    ledgers = [shop.ledger, other]
    await asyncio.gather(*[post_all(ledgers[n % 2], story) for n, story in enumerate(stories)])
    for _ in range(ROUNDS):
        await asyncio.gather(apply_due(shop.ledger), apply_due(other))
