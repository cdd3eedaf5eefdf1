"""From a world's records to their rows: one set-based statement a table, run only where a batch changed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import TextClause, text

from ledger.documents.values import Document
from ledger.world import World

_ORDER_LINES = text("""
INSERT INTO order_line (order_id, sku, location, quantity, shipped, returned, short)
SELECT order_id, sku, location, quantity, shipped, returned, short
FROM json_to_recordset(:rows) AS l(
  order_id text, sku text, location text, quantity bigint, shipped bigint, returned bigint, short bigint)
ON CONFLICT (order_id, sku, location) DO UPDATE
SET quantity = excluded.quantity, shipped = excluded.shipped, returned = excluded.returned, short = excluded.short
""")

_RETURNS = text("""
INSERT INTO returns (return_id, order_id, location, recorded_at)
SELECT return_id, order_id, location, :now
FROM json_to_recordset(:rows) AS r(return_id text, order_id text, location text)
""")

_RETURN_LINES = text("""
INSERT INTO return_line (return_id, sku, quantity, restocked, damaged, refunded)
SELECT return_id, sku, quantity, restocked, damaged, refunded
FROM json_to_recordset(:rows) AS l(
  return_id text, sku text, quantity bigint, restocked bigint, damaged bigint, refunded bigint)
ON CONFLICT (return_id, sku) DO UPDATE
SET restocked = excluded.restocked, damaged = excluded.damaged, refunded = excluded.refunded
""")

_INSPECTION_LINES = text("""
INSERT INTO inspection_line (inspection_id, return_id, sku, restocked, damaged, refunded, recorded_at)
SELECT inspection_id, return_id, sku, restocked, damaged, refunded, :now
FROM json_to_recordset(:rows) AS l(
  inspection_id text, return_id text, sku text, restocked bigint, damaged bigint, refunded bigint)
""")

_TRANSFERS = text("""
INSERT INTO transfer (transfer_id, source, target, recorded_at)
SELECT transfer_id, source, target, :now
FROM json_to_recordset(:rows) AS t(transfer_id text, source text, target text)
""")

_TRANSFER_LINES = text("""
INSERT INTO transfer_line (transfer_id, sku, quantity, received, lost)
SELECT transfer_id, sku, quantity, received, lost
FROM json_to_recordset(:rows) AS l(
  transfer_id text, sku text, quantity bigint, received bigint, lost bigint)
ON CONFLICT (transfer_id, sku) DO UPDATE
SET received = excluded.received, lost = excluded.lost
""")

_DOCUMENTS = text("""
INSERT INTO document (kind, document_id, refers_to, state, fingerprint, actor, occurred_at, body,
                      received_at, tried_at, settled_at)
SELECT kind, document_id, refers_to, state, decode(fingerprint, 'hex'), actor, occurred_at, body,
       :now, :now, CASE WHEN state <> 'waiting' THEN CAST(:now AS timestamptz) END
FROM json_to_recordset(:rows) AS d(
  kind text, document_id text, refers_to text, state text, fingerprint text, actor text,
  occurred_at timestamptz, body json)
ON CONFLICT (kind, document_id) DO UPDATE
SET state = excluded.state, body = excluded.body, reason = NULL, tried_at = excluded.tried_at,
    fingerprint = excluded.fingerprint, refers_to = excluded.refers_to,
    actor = excluded.actor, occurred_at = excluded.occurred_at,
    settled_at = excluded.settled_at
""")

_REVIEWS = text("""
INSERT INTO review (review_id, kind, state, sku, location, quantity, cause_kind, cause_id, evidence,
                    opened_at)
SELECT review_id, kind, 'open', sku, location, quantity, cause_kind, cause_id, evidence, :now
FROM json_to_recordset(:rows) AS r(
  review_id text, kind text, sku text, location text, quantity bigint, cause_kind text, cause_id text,
  evidence json)
""")

_REFUNDS = text("""
INSERT INTO refund (checkout_id, refund_id, state, amount_minor, failures, code, provider_refund, escalated,
                    owed_at, updated_at)
SELECT checkout_id, refund_id, state, amount_minor, failures, code, provider_refund, escalated, :now, :now
FROM json_to_recordset(:rows) AS r(
  checkout_id text, refund_id text, state text, amount_minor bigint, failures bigint, code text,
  provider_refund text, escalated boolean)
ON CONFLICT (checkout_id, refund_id) DO UPDATE
SET state = excluded.state, failures = excluded.failures, code = excluded.code,
    provider_refund = excluded.provider_refund, escalated = excluded.escalated,
    updated_at = excluded.updated_at
""")

_NOTES = text("""
INSERT INTO note (operation_key, text, recorded_at)
SELECT operation_key, text, :now
FROM json_to_recordset(:rows) AS n(operation_key text, text text)
""")


def _document(row: Document) -> dict[str, Any]:
    return {**asdict(row), "fingerprint": row.fingerprint.hex()}


_RECORDS: tuple[tuple[str, TextClause, Callable[[Any], dict[str, Any]]], ...] = (
    ("order_lines", _ORDER_LINES, asdict),
    ("returns", _RETURNS, asdict),
    ("return_lines", _RETURN_LINES, asdict),
    ("inspection_lines", _INSPECTION_LINES, asdict),
    ("transfers", _TRANSFERS, asdict),
    ("transfer_lines", _TRANSFER_LINES, asdict),
    ("documents", _DOCUMENTS, _document),
    ("reviews", _REVIEWS, asdict),
    ("notes", _NOTES, asdict),
    ("refunds", _REFUNDS, asdict),
)
"""Parents before children, for the foreign keys."""


def written_records(world: World) -> list[tuple[TextClause, list[dict[str, Any]]]]:
    """Give each table's statement with its changed rows, in order of their identities."""
    changed: dict[str, list[Any]] = {}
    for table, identity in world.written:
        changed.setdefault(table, []).append(identity)
    return [
        (statement, [row(getattr(world, table)[key]) for key in sorted(changed[table])])
        for table, statement, row in _RECORDS
        if table in changed
    ]
