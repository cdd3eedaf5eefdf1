"""The records that a batch's rules read: locked after checkouts and before stock, each table in one order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import text

from ledger.checkouts import CheckoutLine, OrderState
from ledger.commands import Needs
from ledger.documents.values import (
    Claim,
    Document,
    DocumentState,
    OrderLine,
    Return,
    ReturnLine,
    Transfer,
    TransferLine,
)
from ledger.refunds import Refund, RefundState
from ledger.replacing import replace
from ledger.statements import Statements
from ledger.world import Row, World

# A document row guards nothing that its operation key does not: it is read, not locked.
_DOCUMENTS = text("""
SELECT d.kind, d.document_id, d.refers_to, d.state, d.fingerprint, d.actor, d.occurred_at
FROM json_to_recordset(:documents) AS wanted(kind text, document_id text)
JOIN document d ON d.kind = wanted.kind AND d.document_id = wanted.document_id
""")

_SENT_EARLY = text("""
SELECT DISTINCT refers_to
FROM document
WHERE refers_to = ANY(:orders) AND kind = 'shipment' AND state = 'waiting'
""")

_ORDER_LINES = text("""
SELECT order_id, sku, location, quantity, shipped, returned, short
FROM order_line
WHERE order_id = ANY(:orders)
""")

_LOCK_TRANSFERS = text("""
SELECT transfer_id, source, target
FROM transfer
WHERE transfer_id = ANY(:transfers)
ORDER BY transfer_id
FOR NO KEY UPDATE
""")

# Which transfers still travel from a row; they are locked with the others, in the one order.
_SENT_FROM = text("""
SELECT t.transfer_id
FROM json_to_recordset(:rows) AS wanted(sku text, location text)
JOIN transfer t ON t.source = wanted.location
JOIN transfer_line l ON l.transfer_id = t.transfer_id AND l.sku = wanted.sku
WHERE l.received + l.lost < l.quantity
""")

_TRANSFER_LINES = text("""
SELECT transfer_id, sku, quantity, received, lost
FROM transfer_line
WHERE transfer_id = ANY(:transfers)
""")

# Whose return it is never changes: it is read before anything is locked, since orders are locked first.
_ORDERS_OF_RETURNS = text("""
SELECT DISTINCT order_id FROM returns WHERE return_id = ANY(:returns)
""")

_REFUNDS = text("""
SELECT checkout_id, refund_id, amount_minor, state, failures, code, provider_refund, escalated
FROM refund
WHERE checkout_id = ANY(:checkouts)
""")

_PRICES = text("""
SELECT checkout_id, sku, quantity, price_minor
FROM checkout_line
WHERE checkout_id = ANY(:checkouts)
ORDER BY checkout_id, sku
""")

_LOCK_RETURNS = text("""
SELECT return_id, order_id, location
FROM returns
WHERE return_id = ANY(:returns)
ORDER BY return_id
FOR NO KEY UPDATE
""")

_RETURN_LINES = text("""
SELECT return_id, sku, quantity, restocked, damaged, refunded
FROM return_line
WHERE return_id = ANY(:returns)
""")

# One part for each partial index: what is held, what is past the fence, and what is still to be sent of a row.
_CLAIMS = text("""
WITH wanted AS (
  SELECT sku, location FROM json_to_recordset(:rows) AS r(sku text, location text)
), open AS (
  SELECT reservation_id, checkout_id FROM reservation WHERE state = 'held'
  UNION ALL
  SELECT reservation_id, checkout_id FROM reservation WHERE state = 'committing'
)
SELECT l.sku, l.location, c.checkout_id, o.reservation_id, false AS paid, l.quantity, c.created_at
FROM open o
JOIN reservation_line l ON l.reservation_id = o.reservation_id
JOIN wanted w ON (w.sku, w.location) = (l.sku, l.location)
JOIN checkout c ON c.checkout_id = o.checkout_id
UNION ALL
SELECT l.sku, l.location, c.checkout_id, c.checkout_id || '/' || c.ordinal, true,
       l.quantity - l.shipped - l.short, c.created_at
FROM wanted w
JOIN order_line l ON (l.sku, l.location) = (w.sku, w.location) AND l.quantity > l.shipped + l.short
JOIN orders o ON o.order_id = l.order_id AND o.state <> 'cancelled'
JOIN checkout c ON c.checkout_id = o.order_id
ORDER BY paid, created_at DESC, checkout_id
""")


async def load_order_lines(statements: Statements, world: World) -> None:
    """Read the lines of every order among the checkouts, which are locked already."""
    orders = [c.checkout_id for c in world.checkouts.values() if c.order_state != OrderState.NONE]
    if not orders:
        return
    for row in (await statements.execute(_ORDER_LINES, {"orders": sorted(orders)})).mappings():
        line = OrderLine(**row)
        world.order_lines[line.identity] = line


async def with_their_orders(statements: Statements, needs: Needs) -> Needs:
    """Add the orders of the returns that are there already: whoever inspects owes their customers."""
    found = await statements.execute(_ORDERS_OF_RETURNS, {"returns": sorted(needs.returns)})
    orders = frozenset(found.scalars())
    return replace(needs, checkouts=needs.checkouts | orders, prices_of=needs.prices_of | orders)


async def load_refunds(statements: Statements, world: World, checkouts: list[str]) -> None:
    """Read what is owed to the customers of checkouts that are locked already, and what units were sold for."""
    for row in (await statements.execute(_REFUNDS, {"checkouts": checkouts})).mappings():
        refund = Refund(**{**row, "state": RefundState(row["state"])})
        world.refunds[refund.identity] = refund
    lines: dict[str, list[CheckoutLine]] = {}
    for row in (await statements.execute(_PRICES, {"checkouts": checkouts})).mappings():
        line = {name: row[name] for name in ("sku", "quantity", "price_minor")}
        lines.setdefault(row["checkout_id"], []).append(CheckoutLine(**line))
    for name, of_checkout in lines.items():
        world.checkouts[name] = replace(world.checkouts[name], lines=tuple(of_checkout))


async def load_records(statements: Statements, world: World, needs: Needs) -> None:
    """Lock and read what the batch needs of transfers, returns and waiting documents."""
    transfers = set(needs.transfers)
    if needs.sent_from:
        travelling = await statements.execute(_SENT_FROM, {"rows": _rows(needs.sent_from)})
        transfers |= set(travelling.scalars())
    if transfers:
        await _load_transfers(statements, world, sorted(transfers))
    if needs.returns:
        await _load_returns(statements, world, sorted(needs.returns))
    if needs.documents:
        await _load_documents(statements, world, needs)
    if needs.sent_early:
        wanted = {"orders": sorted(needs.sent_early)}
        world.sent_early = set((await statements.execute(_SENT_EARLY, wanted)).scalars())


async def load_claims_on_rows(statements: Statements, world: World, needs: Needs) -> None:
    """Read who counts on these rows' units, after the rows are locked."""
    for row in await statements.execute(_CLAIMS, {"rows": _rows(needs.claims_on)}):
        world.claims.setdefault((row.sku, row.location), []).append(
            Claim(
                checkout_id=row.checkout_id,
                reservation_id=row.reservation_id,
                quantity=row.quantity,
                paid=row.paid,
            )
        )


def rows_of_records(world: World) -> set[Row]:
    """Name the rows at which loaded returns lie: they are locked with the others."""
    places = {row.return_id: row.location for row in world.returns.values()}
    return {(line.sku, places[line.return_id]) for line in world.return_lines.values()}


def arrivals(world: World, needs: Needs) -> set[frozenset[Row]]:
    """Name the rows at which wanted transfers arrive: they are made where they do not exist."""
    return {
        frozenset({(line.sku, world.transfers[line.transfer_id].target)})
        for line in world.transfer_lines.values()
        if line.transfer_id in needs.transfers
    }


async def _load_transfers(statements: Statements, world: World, transfers: list[str]) -> None:
    wanted = {"transfers": transfers}
    for row in (await statements.execute(_LOCK_TRANSFERS, wanted)).mappings():
        world.transfers[row["transfer_id"]] = Transfer(**row)
    for row in (await statements.execute(_TRANSFER_LINES, wanted)).mappings():
        line = TransferLine(**row)
        world.transfer_lines[line.identity] = line


async def _load_returns(statements: Statements, world: World, returns: list[str]) -> None:
    wanted = {"returns": returns}
    for row in (await statements.execute(_LOCK_RETURNS, wanted)).mappings():
        world.returns[row["return_id"]] = Return(**row)
    for row in (await statements.execute(_RETURN_LINES, wanted)).mappings():
        line = ReturnLine(**row)
        world.return_lines[line.identity] = line


async def _load_documents(statements: Statements, world: World, needs: Needs) -> None:
    wanted = [{"kind": kind, "document_id": document} for kind, document in sorted(needs.documents)]
    found = await statements.execute(_DOCUMENTS, {"documents": orjson.dumps(wanted).decode()})
    for row in found.mappings():
        document = Document(**{**row, "state": DocumentState(row["state"])})
        world.documents[document.identity] = document


def _rows(rows: Iterable[Row]) -> str:
    wanted: list[dict[str, Any]] = [
        {"sku": sku, "location": location} for sku, location in sorted(rows)
    ]
    return orjson.dumps(wanted).decode()
