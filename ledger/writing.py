"""From a world to its rows: the writes of a batch, one set-based statement a table.

Rows go over as one JSON array each; Postgres unpacks it. A hundred commands cost as many statements
as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import TextClause, text

from ledger import outbox
from ledger.checkouts import LIVE, OrderState
from ledger.documents.writing import written_records
from ledger.movements import HASHED_FIELDS, Movement
from ledger.statements import Statements
from ledger.stock import PILES, TOTALS, total_of
from ledger.world import World

_MOVEMENTS = text(f"""
INSERT INTO movement ({", ".join(HASHED_FIELDS)}, hash)
SELECT sku, location, sequence, kind, source, target, quantity,
       sellable_after, reserved_after, sold_after, shipped_after, returned_after, damaged_after,
       researching_after, supply_after, adjustment_after, transit_after,
       safety_stock_after, feed_buffer_after, paused_after,
       operation_key, cause_kind, cause_id, actor, reason, occurred_at, recorded_at,
       decode(hash, 'hex')
FROM json_to_recordset(:rows) AS m(
  sku text, location text, sequence bigint, kind text, source text, target text, quantity bigint,
  sellable_after bigint, reserved_after bigint, sold_after bigint, shipped_after bigint,
  returned_after bigint, damaged_after bigint, researching_after bigint, supply_after bigint,
  adjustment_after bigint, transit_after bigint, safety_stock_after bigint, feed_buffer_after bigint,
  paused_after text[], operation_key text, cause_kind text, cause_id text, actor text, reason text,
  occurred_at timestamptz, recorded_at timestamptz, hash text)
""")  # noqa: S608 - the column list is a constant of ours

_STOCK = text("""
UPDATE stock s
SET sellable = n.sellable, reserved = n.reserved, sold = n.sold, shipped = n.shipped,
    returned = n.returned, damaged = n.damaged, researching = n.researching, supply = n.supply,
    adjustment = n.adjustment, transit = n.transit, safety_stock = n.safety_stock,
    feed_buffer = n.feed_buffer, paused = n.paused, sequence = n.sequence,
    hash = decode(n.hash, 'hex'), recorded_at = n.recorded_at,
    total_received = s.total_received + n.more_received,
    total_reserved = s.total_reserved + n.more_reserved,
    total_released = s.total_released + n.more_released,
    total_expired = s.total_expired + n.more_expired,
    total_sold = s.total_sold + n.more_sold,
    total_cancelled = s.total_cancelled + n.more_cancelled,
    total_shipped = s.total_shipped + n.more_shipped,
    total_returned = s.total_returned + n.more_returned,
    total_restocked = s.total_restocked + n.more_restocked,
    total_damaged = s.total_damaged + n.more_damaged
FROM json_to_recordset(:rows) AS n(
  sku text, location text, sellable bigint, reserved bigint, sold bigint, shipped bigint,
  returned bigint, damaged bigint, researching bigint, supply bigint, adjustment bigint,
  transit bigint, safety_stock bigint, feed_buffer bigint, paused text[], sequence bigint, hash text,
  recorded_at timestamptz, more_received bigint, more_reserved bigint, more_released bigint,
  more_expired bigint, more_sold bigint, more_cancelled bigint, more_shipped bigint,
  more_returned bigint, more_restocked bigint, more_damaged bigint)
WHERE s.sku = n.sku AND s.location = n.location
""")

_CHECKOUTS = text("""
INSERT INTO checkout (checkout_id, owner, customer_id, cart_id, total_minor, currency, ttl_seconds,
                      status, reason, ordinal, reservation_state, payment_state, order_state,
                      created_at, updated_at)
SELECT checkout_id, owner, customer_id, cart_id, total_minor, currency, ttl_seconds,
       status, reason, ordinal, reservation_state, payment_state, order_state, :now, :now
FROM json_to_recordset(:rows) AS c(
  checkout_id text, owner text, customer_id text, cart_id text, total_minor bigint, currency text,
  ttl_seconds integer, status text, reason text, ordinal integer, reservation_state text,
  payment_state text, order_state text)
ON CONFLICT (checkout_id) DO UPDATE
SET status = excluded.status, reason = excluded.reason, ordinal = excluded.ordinal,
    reservation_state = excluded.reservation_state, payment_state = excluded.payment_state,
    order_state = excluded.order_state, updated_at = excluded.updated_at
""")

_CHECKOUT_LINES = text("""
INSERT INTO checkout_line (checkout_id, sku, quantity, price_minor)
SELECT checkout_id, sku, quantity, price_minor
FROM json_to_recordset(:rows) AS l(checkout_id text, sku text, quantity bigint, price_minor bigint)
ON CONFLICT DO NOTHING
""")

_RESERVATIONS = text("""
INSERT INTO reservation (reservation_id, checkout_id, customer_id, state, extension, expires_at)
SELECT reservation_id, checkout_id, customer_id, state, extension, expires_at
FROM json_to_recordset(:rows) AS r(
  reservation_id text, checkout_id text, customer_id text, state text, extension integer,
  expires_at timestamptz)
ON CONFLICT (reservation_id) DO UPDATE
SET state = excluded.state, extension = excluded.extension, expires_at = excluded.expires_at
""")

_RESERVATION_LINES = text("""
INSERT INTO reservation_line (reservation_id, sku, location, quantity)
SELECT reservation_id, sku, location, quantity
FROM json_to_recordset(:rows) AS l(reservation_id text, sku text, location text, quantity bigint)
ON CONFLICT DO NOTHING
""")

_TRANSITIONS = text("""
INSERT INTO reservation_transition (reservation_id, state, extension, expires_at, operation_key, actor,
                                    recorded_at)
SELECT reservation_id, state, extension, expires_at, operation_key, actor, :now
FROM json_to_recordset(:rows) AS t(
  reservation_id text, state text, extension integer, expires_at timestamptz, operation_key text,
  actor text)
""")

_ORDERS = text("""
INSERT INTO orders (order_id, state, placed_at, updated_at)
SELECT order_id, state, :now, :now
FROM json_to_recordset(:rows) AS o(order_id text, state text)
ON CONFLICT (order_id) DO UPDATE
SET state = excluded.state, updated_at = excluded.updated_at
""")

_PAYMENTS = text("""
INSERT INTO payment (checkout_id, payment_intent, client_secret, state, amount_minor, currency,
                     authorized_minor, captured_minor, refunded_minor, updated_at)
SELECT checkout_id, payment_intent, client_secret, state, amount_minor, currency,
       authorized_minor, captured_minor, refunded_minor, :now
FROM json_to_recordset(:rows) AS p(
  checkout_id text, payment_intent text, client_secret text, state text, amount_minor bigint,
  currency text, authorized_minor bigint, captured_minor bigint, refunded_minor bigint)
ON CONFLICT (checkout_id) DO UPDATE
SET payment_intent = excluded.payment_intent,
    client_secret = COALESCE(excluded.client_secret, payment.client_secret),
    state = excluded.state, authorized_minor = excluded.authorized_minor,
    captured_minor = excluded.captured_minor, refunded_minor = excluded.refunded_minor,
    updated_at = excluded.updated_at
""")

_PAYMENT_OPERATIONS = text("""
INSERT INTO payment_operation (key, checkout_id, kind, state, amount_minor, code, requested_at, resolved_at)
SELECT key, checkout_id, kind, state, amount_minor, code, :now,
       CASE WHEN state <> 'requested' THEN CAST(:now AS timestamptz) END
FROM json_to_recordset(:rows) AS o(
  key text, checkout_id text, kind text, state text, amount_minor bigint, code text)
ON CONFLICT (key) DO UPDATE
SET state = excluded.state, code = excluded.code, resolved_at = excluded.resolved_at
""")

_APPLIED_EVENTS = text("""
UPDATE webhook_event w
SET applied_at = :now, disposition = e.disposition
FROM json_to_recordset(:rows) AS e(event_id text, disposition text)
WHERE w.event_id = e.event_id AND w.applied_at IS NULL
""")

_OUTBOX = text(f"""
WITH written AS (
  INSERT INTO outbox (subject, sequence, shard, type, version, payload, recorded_at, traceparent)
  SELECT subject, sequence, shard, type, version, payload, recorded_at, traceparent
  FROM json_to_recordset(:rows) AS e(
    subject text, sequence bigint, shard smallint, type text, version bigint, payload json,
    recorded_at timestamptz, traceparent text)
)
SELECT pg_notify('{outbox.CHANNEL}', '')
""")  # noqa: S608 - a constant of ours


_AFTER = tuple(f"{pile}_after" for pile in PILES)


async def write(statements: Statements, world: World) -> None:
    """Store everything the batch changed. Parents before children, for the foreign keys."""
    await statements.execute_together(
        (statement, _parameters(statement, rows, world))
        for statement, rows in _written(world)
        if rows
    )


def _parameters(statement: TextClause, rows: list[dict[str, Any]], world: World) -> dict[str, Any]:
    parameters: dict[str, Any] = {"rows": orjson.dumps(rows).decode()}
    if ":now" in statement.text:
        parameters["now"] = world.now
    return parameters


def _written(world: World) -> list[tuple[TextClause, list[dict[str, Any]]]]:
    return [
        (_CHECKOUTS, _checkouts(world)),
        (_CHECKOUT_LINES, _checkout_lines(world)),
        (_MOVEMENTS, [_movement(movement) for movement in world.movements]),
        (_STOCK, _stock(world)),
        (_RESERVATIONS, _reservations(world)),
        (_RESERVATION_LINES, _reservation_lines(world)),
        (_TRANSITIONS, _transitions(world)),
        (_ORDERS, _orders(world)),
        (_PAYMENTS, _payments(world)),
        (_PAYMENT_OPERATIONS, _payment_operations(world)),
        *written_records(world),
        (_APPLIED_EVENTS, _applied_events(world)),
        (_OUTBOX, [outbox.row(movement) for movement in world.movements]),
    ]


def _changed(world: World, table: str) -> Iterable[Any]:
    rows = getattr(world, table)
    return (rows[key] for key in sorted(key for name, key in world.written if name == table))


def _movement(movement: Movement) -> dict[str, Any]:
    after, cause = movement.after, movement.cause
    return {
        "sku": after.sku,
        "location": after.location,
        "sequence": after.sequence,
        "kind": movement.kind,
        "source": movement.source,
        "target": movement.target,
        "quantity": movement.quantity,
        **dict(zip(_AFTER, after.piles().values(), strict=True)),
        "safety_stock_after": after.safety_stock,
        "feed_buffer_after": after.feed_buffer,
        "paused_after": after.paused,
        "operation_key": cause.operation_key,
        "cause_kind": cause.kind,
        "cause_id": cause.id,
        "actor": cause.actor,
        "reason": cause.reason,
        "occurred_at": movement.occurred_at,
        "recorded_at": movement.recorded_at,
        "hash": after.hash.hex(),
    }


def _stock(world: World) -> list[dict[str, Any]]:
    totals: Counter[tuple[str, str, str]] = Counter()
    for movement in world.movements:
        total = total_of(movement.kind, movement.target)
        if total is not None:
            totals[movement.after.sku, movement.after.location, total] += movement.quantity
    return [
        {
            "sku": stock.sku,
            "location": stock.location,
            **stock.piles(),
            "safety_stock": stock.safety_stock,
            "feed_buffer": stock.feed_buffer,
            "paused": stock.paused,
            "sequence": stock.sequence,
            "hash": stock.hash.hex(),
            "recorded_at": stock.recorded_at,
            **{f"more_{name}": totals[stock.sku, stock.location, name] for name in TOTALS},
        }
        for stock in _changed(world, "stock")
    ]


def _checkouts(world: World) -> list[dict[str, Any]]:
    return [
        {
            "checkout_id": row.checkout_id,
            "owner": row.owner,
            "customer_id": row.customer_id,
            "cart_id": row.cart_id,
            "total_minor": row.total_minor,
            "currency": row.currency,
            "ttl_seconds": row.ttl_seconds,
            "status": row.status,
            "reason": row.reason,
            "ordinal": row.ordinal,
            "reservation_state": row.reservation_state,
            "payment_state": row.payment_state,
            "order_state": row.order_state,
        }
        # Ended ones first: a cart may pass from one checkout to the next within a batch.
        for row in sorted(_changed(world, "checkouts"), key=lambda row: row.status in LIVE)
    ]


def _checkout_lines(world: World) -> list[dict[str, Any]]:
    return [
        {
            "checkout_id": checkout.checkout_id,
            "sku": line.sku,
            "quantity": line.quantity,
            "price_minor": line.price_minor,
        }
        for checkout in _changed(world, "checkouts")
        for line in checkout.lines
    ]


def _reservations(world: World) -> list[dict[str, Any]]:
    return [
        {
            "reservation_id": row.reservation_id,
            "checkout_id": row.checkout_id,
            "customer_id": world.checkouts[row.checkout_id].customer_id,
            "state": row.state,
            "extension": row.extension,
            "expires_at": row.expires_at,
        }
        for row in _changed(world, "reservations")
    ]


def _reservation_lines(world: World) -> list[dict[str, Any]]:
    return [
        {
            "reservation_id": reservation.reservation_id,
            "sku": line.sku,
            "location": line.location,
            "quantity": line.quantity,
        }
        for reservation in _changed(world, "reservations")
        for line in reservation.lines
    ]


def _transitions(world: World) -> list[dict[str, Any]]:
    return [
        {
            "reservation_id": reservation.reservation_id,
            "state": reservation.state,
            "extension": reservation.extension,
            "expires_at": reservation.expires_at,
            "operation_key": cause.operation_key,
            "actor": cause.actor,
        }
        for reservation, cause in world.transitions
    ]


def _orders(world: World) -> list[dict[str, Any]]:
    return [
        {"order_id": checkout.checkout_id, "state": checkout.order_state}
        for checkout in _changed(world, "checkouts")
        if checkout.order_state is not OrderState.NONE
    ]


def _payments(world: World) -> list[dict[str, Any]]:
    return [
        {
            "checkout_id": row.checkout_id,
            "payment_intent": row.payment_intent,
            "client_secret": world.client_secrets.get(row.checkout_id),
            "state": row.state,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "authorized_minor": row.authorized_minor,
            "captured_minor": row.captured_minor,
            "refunded_minor": row.refunded_minor,
        }
        for row in _changed(world, "payments")
    ]


def _payment_operations(world: World) -> list[dict[str, Any]]:
    return [
        {
            "key": row.key,
            "checkout_id": row.checkout_id,
            "kind": row.kind,
            "state": row.state,
            "amount_minor": row.amount_minor,
            "code": row.code,
        }
        for row in _changed(world, "payment_operations")
    ]


def _applied_events(world: World) -> list[dict[str, Any]]:
    return [
        {"event_id": event, "disposition": disposition}
        for event, disposition in sorted(world.applied_events.items())
    ]
