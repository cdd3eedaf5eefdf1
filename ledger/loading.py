"""From locked rows to a world: the reads of a batch, in the one order in which rows are ever locked.

Checkouts first, then transfers and returns, then stock, each sorted: two batches can wait for each
other, but never crosswise.
Everything the rules read is read after the locks, since a statement sees what was committed when it
began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import orjson
from sqlalchemy import text

from ledger.checkouts import (
    TAKEN,
    Checkout,
    OrderState,
    Payment,
    PaymentOperation,
    PaymentOperationKind,
    PaymentOperationState,
    PaymentState,
    Reservation,
    ReservationLine,
    ReservationState,
    Status,
)
from ledger.claims import load_claims
from ledger.commands import Adjust, Command, Needs
from ledger.documents.loading import (
    arrivals,
    load_claims_on_rows,
    load_order_lines,
    load_records,
    load_refunds,
    rows_of_records,
    with_their_orders,
)
from ledger.statements import Statements
from ledger.stock import Stock
from ledger.world import UNREAD, Location, Row, World

_LOCK_CHECKOUTS = text("""
SELECT checkout_id, owner, customer_id, cart_id, total_minor, currency, ttl_seconds, status, reason,
       ordinal, reservation_state, payment_state, order_state
FROM checkout
WHERE checkout_id = ANY(:checkouts)
ORDER BY checkout_id
FOR NO KEY UPDATE
""")

_RESERVATIONS = text("""
SELECT r.reservation_id, r.checkout_id, r.state, r.extension, r.expires_at,
       COALESCE(json_agg(json_build_array(l.sku, l.location, l.quantity) ORDER BY l.sku, l.location)
                FILTER (WHERE l.sku IS NOT NULL), '[]') AS lines
FROM reservation r
LEFT JOIN reservation_line l USING (reservation_id)
WHERE r.checkout_id = ANY(:checkouts)
GROUP BY r.reservation_id
""")

_PAYMENTS = text("""
SELECT checkout_id, amount_minor, currency, state, payment_intent,
       authorized_minor, captured_minor, refunded_minor
FROM payment
WHERE checkout_id = ANY(:checkouts)
""")

_PAYMENT_OPERATIONS = text("""
SELECT key, checkout_id, kind, state, amount_minor, code
FROM payment_operation
WHERE checkout_id = ANY(:checkouts)
""")

# Two halves, each with an index of its own: an OR would read every checkout.
_LIVE_CARTS = text("""
WITH wanted AS (
  SELECT owner, cart_id FROM json_to_recordset(:carts) AS w(owner text, cart_id text)
)
SELECT c.owner, c.cart_id, c.checkout_id
FROM wanted
JOIN checkout c ON c.owner = wanted.owner AND c.cart_id = wanted.cart_id
WHERE c.status IN ('reserving', 'awaiting_payment', 'committing')
UNION
SELECT c.owner, c.cart_id, c.checkout_id
FROM wanted
JOIN checkout c ON c.owner = wanted.owner AND c.cart_id = wanted.cart_id
WHERE c.payment_state IN ('requires_payment', 'processing', 'authorized', 'capturing', 'unknown', 'voiding')
""")

_MISSING_ROWS = text("""
SELECT w.sku, w.location
FROM json_to_recordset(:rows) AS w(sku text, location text)
WHERE NOT EXISTS (SELECT FROM stock s WHERE s.sku = w.sku AND s.location = w.location)
""")

# What is made here is unmade again where nothing comes to lie in it.
_MARK = text("SAVEPOINT before_new_rows")
_BACK_TO_MARK = text("ROLLBACK TO SAVEPOINT before_new_rows")

# Only where every product and location of a group exists: for the others the rule has a refusal with a
# name, and a refused document must not leave an empty row behind.
_MAKE_ROWS = text("""
WITH wanted AS (
  SELECT w.ordinal, w.sku, w.location,
         bool_and(p.sku IS NOT NULL AND l.location IS NOT NULL) OVER (PARTITION BY w.ordinal) AS whole
  FROM json_to_recordset(:rows) AS w(ordinal integer, sku text, location text)
  LEFT JOIN product p ON p.sku = w.sku
  LEFT JOIN location l ON l.location = w.location
)
INSERT INTO stock (sku, location)
SELECT DISTINCT sku, location
FROM wanted
WHERE whole
ORDER BY sku, location
ON CONFLICT DO NOTHING
RETURNING sku, location
""")

# LockRows stands above Sort in the plan, so rows are locked in the order of their keys. The wanted keys are
# gathered first and joined: an OR of the two conditions would read the whole index.
_LOCK_STOCK = text("""
WITH wanted AS (
  SELECT sku, location FROM stock WHERE sku = ANY(:skus)
  UNION
  SELECT sku, location FROM json_to_recordset(:rows) AS r(sku text, location text)
)
SELECT s.sku, s.location, s.sellable, s.reserved, s.sold, s.shipped, s.returned, s.damaged,
       s.researching, s.supply, s.adjustment, s.transit, s.safety_stock, s.feed_buffer, s.paused,
       s.sequence, s.hash, s.recorded_at
FROM wanted w
JOIN stock s ON s.sku = w.sku AND s.location = w.location
ORDER BY s.sku, s.location
FOR NO KEY UPDATE OF s
""")

_LOCK_STOCK_OF_SKUS = text("""
SELECT sku, location, sellable, reserved, sold, shipped, returned, damaged, researching,
       supply, adjustment, transit, safety_stock, feed_buffer, paused, sequence, hash, recorded_at
FROM stock
WHERE sku = ANY(:skus)
ORDER BY sku, location
FOR NO KEY UPDATE
""")

# Both in one statement, and the clock with them: small tables, and every trip to the server counts.
_POLICIES = text("""
SELECT true AS is_product, sku AS name, limit_per_customer AS number, NULL AS enabled,
       clock_timestamp() AS now
FROM product WHERE sku = ANY(:skus)
UNION ALL
SELECT false, location, priority, enabled, clock_timestamp()
FROM location WHERE location = ANY(:locations)
""")

# A row without a movement is born as its location is: whoever changes that waits for it.
_LOCK_LOCATIONS = text("""
SELECT FROM location
WHERE location = ANY(:locations)
ORDER BY location
FOR KEY SHARE
""")

_NOW = text("SELECT clock_timestamp()")


async def load(
    statements: Statements,
    commands: Sequence[Command],
    *,
    without: frozenset[Row] = frozenset(),
) -> World:
    """Lock and read what these commands need; the rows of `without` are not made where they are missing.

    The clock is read after the locks: what waited longer is recorded later.
    """
    needs = _joined(command.needs() for command in commands)
    if needs.returns:
        needs = await with_their_orders(statements, needs)
    world = World()
    if needs.checkouts:
        await _load_checkouts(statements, world, needs)
        await load_order_lines(statements, world)
    if needs.carts or needs.carts_of:
        await _load_carts(statements, world, needs)
    await load_records(statements, world, needs)
    await _load_stock(statements, world, needs, without)
    if needs.claims_on and not _covered(world, commands):
        await load_claims_on_rows(statements, world, needs)
    if needs.skus:
        await load_claims(statements, world, needs)
    if world.now == UNREAD:
        world.now = next((await statements.execute(_NOW)).scalars())
    return world


def _covered(world: World, commands: Sequence[Command]) -> bool:
    """Tell whether a lone correction takes no more than is for sale: then it matters to nobody's claim."""
    (first, *others) = commands
    if others or not isinstance(first, Adjust):
        return False
    row = world.stock.get((first.sku, first.location))
    return row is not None and row.sellable >= abs(first.quantity)


async def unmake_rows(statements: Statements) -> None:
    """Take back the rows that `load` made, with the locks of stock. Those of checkouts and records stay."""
    await statements.execute(_BACK_TO_MARK)


def _joined(needs: Iterable[Needs]) -> Needs:
    all_needs = list(needs)
    names = [field.name for field in fields(Needs)]
    return Needs(
        **{name: frozenset().union(*(getattr(need, name) for need in all_needs)) for name in names}
    )


async def _load_checkouts(statements: Statements, world: World, needs: Needs) -> None:
    wanted = {"checkouts": sorted(needs.checkouts)}
    for row in (await statements.execute(_LOCK_CHECKOUTS, wanted)).mappings():
        world.checkouts[row["checkout_id"]] = _checkout(row)
    if not world.checkouts:
        return
    # A checkout without a number has no reservation yet: most of those that reserve.
    begun = sorted(row.checkout_id for row in world.checkouts.values() if row.ordinal)
    if begun:
        for row in (await statements.execute(_RESERVATIONS, {"checkouts": begun})).mappings():
            world.reservations[row["reservation_id"]] = _reservation(row)
    paid = {name for name in needs.refunds_of if _money_was_taken(world.checkouts.get(name))}
    paid |= needs.prices_of & world.checkouts.keys()
    if paid:
        await load_refunds(statements, world, sorted(paid))
    if not needs.payments_of | paid:
        return
    wanted = {"checkouts": sorted(needs.payments_of | paid)}
    for row in (await statements.execute(_PAYMENTS, wanted)).mappings():
        world.payments[row["checkout_id"]] = Payment(**{**row, "state": PaymentState(row["state"])})
    if needs.payments_of:
        await _load_payment_operations(statements, world, sorted(needs.payments_of))


async def _load_payment_operations(
    statements: Statements, world: World, checkouts: list[str]
) -> None:
    wanted = {"checkouts": checkouts}
    for row in (await statements.execute(_PAYMENT_OPERATIONS, wanted)).mappings():
        world.payment_operations[row["key"]] = PaymentOperation(
            **{
                **row,
                "kind": PaymentOperationKind(row["kind"]),
                "state": PaymentOperationState(row["state"]),
            }
        )


def _money_was_taken(checkout: Checkout | None) -> bool:
    return checkout is not None and checkout.payment_state in TAKEN


async def _load_carts(statements: Statements, world: World, needs: Needs) -> None:
    own = {
        (row.owner, row.cart_id)
        for row in world.checkouts.values()
        if row.cart_id and row.checkout_id in needs.carts_of
    }
    if not own | needs.carts:
        return
    carts = _json([{"owner": owner, "cart_id": cart} for owner, cart in own | needs.carts])
    for row in await statements.execute(_LIVE_CARTS, {"carts": carts}):
        world.live_carts.setdefault((row.owner, row.cart_id), set()).add(row.checkout_id)


async def _load_stock(
    statements: Statements, world: World, needs: Needs, without: frozenset[Row]
) -> None:
    groups = needs.new_rows | arrivals(world, needs)
    rows = set(needs.rows).union(rows_of_records(world), *groups)
    for reservation in world.reservations.values():
        if reservation.checkout_id in needs.stock_of:
            rows |= {(line.sku, line.location) for line in reservation.lines}
    if not rows and not needs.skus:
        return
    await _make_rows(statements, world, groups, without)
    if rows:
        wanted: dict[str, Any] = {"skus": sorted(needs.skus), "rows": _rows(rows)}
        locked = await statements.execute(_LOCK_STOCK, wanted)
    else:
        locked = await statements.execute(_LOCK_STOCK_OF_SKUS, {"skus": sorted(needs.skus)})
    for row in locked.mappings():
        stock = Stock(**{**row, "paused": tuple(row["paused"])})
        world.stock[stock.sku, stock.location] = stock
    await _load_policies(statements, world, needs.skus | {sku for sku, _ in rows}, rows)


async def _make_rows(
    statements: Statements,
    world: World,
    groups: Iterable[frozenset[Row]],
    without: frozenset[Row],
) -> None:
    wanted = [group for group in groups if not group & without]
    if not wanted:
        return
    rows = {"rows": _rows(frozenset().union(*wanted))}
    if not (await statements.execute(_MISSING_ROWS, rows)).all():
        return
    await statements.execute(_MARK)
    made = await statements.execute(_MAKE_ROWS, {"rows": _groups(wanted)})
    world.made = {(row.sku, row.location) for row in made}


async def _load_policies(
    statements: Statements, world: World, skus: Iterable[str], rows: Iterable[Row]
) -> None:
    locations = {location for _, location in world.stock} | {place for _, place in rows}
    wanted = {"skus": sorted(skus), "locations": sorted(locations)}
    if any(row.sequence == 0 for row in world.stock.values()):
        await statements.execute(_LOCK_LOCATIONS, {"locations": wanted["locations"]})
    for is_product, name, number, enabled, now in await statements.execute(_POLICIES, wanted):
        world.now = max(world.now, now)
        if is_product:
            world.products[name] = number
        else:
            world.locations[name] = Location(location=name, priority=number, enabled=enabled)


def _checkout(row: Any) -> Checkout:
    return Checkout(
        **{
            **row,
            "lines": (),
            "status": Status(row["status"]),
            "reservation_state": ReservationState(row["reservation_state"]),
            "payment_state": PaymentState(row["payment_state"]),
            "order_state": OrderState(row["order_state"]),
        }
    )


def _reservation(row: Any) -> Reservation:
    return Reservation(
        reservation_id=row["reservation_id"],
        checkout_id=row["checkout_id"],
        state=ReservationState(row["state"]),
        lines=tuple(
            ReservationLine(sku=sku, location=location, quantity=quantity)
            for sku, location, quantity in row["lines"]
        ),
        extension=row["extension"],
        expires_at=row["expires_at"],
    )


def _rows(rows: Iterable[Row]) -> str:
    return _json([{"sku": sku, "location": location} for sku, location in sorted(rows)])


def _groups(groups: Iterable[frozenset[Row]]) -> str:
    return _json(
        [
            {"ordinal": ordinal, "sku": sku, "location": location}
            for ordinal, group in enumerate(groups)
            for sku, location in group
        ]
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
