"""Falsifications of what customers are owed: the promise that must notice, the story, and the deed."""

# ruff: noqa: E501 - a mutant is a line of SQL

from __future__ import annotations

REFUND_MUTANTS: list[tuple[str, str, str]] = [
    ("I19", "a cancelled order's debt is forgotten", "DELETE FROM refund WHERE refund_id = 'whole' AND state = 'owed'"),
    ("I19", "a cancelled order's debt is of one cent less", "UPDATE refund SET amount_minor = amount_minor - 1 WHERE refund_id = 'whole' AND state = 'owed'"),
    ("I19", "refunded, while the money is with us", "UPDATE checkout SET status = 'refunded' WHERE status = 'refund_pending'"),
    ("I19", "owed still, while the money is back", "UPDATE checkout SET status = 'refund_pending' WHERE status = 'refunded'"),
    ("I20", "an inspection's debt is forgotten", "DELETE FROM refund WHERE refund_id = 'inspection-I-co_here'"),
    ("I20", "an inspection owes one cent more", "UPDATE refund SET amount_minor = amount_minor + 1 WHERE refund_id = 'inspection-I-co_early'"),
    ("I20", "a debt of no inspection", "UPDATE refund SET refund_id = 'inspection-never' WHERE refund_id = 'inspection-I-co_here'"),
    ("I20", "a short pick's debt is forgotten", "DELETE FROM refund WHERE refund_id = 'short-P-co_vase-2'"),
    ("I20", "a short pick owes for what came from elsewhere", "UPDATE refund SET amount_minor = amount_minor * 2 WHERE refund_id = 'short-P-co_vase-2'"),
    ("I20", "a debt of no short pick", "UPDATE refund SET refund_id = 'short-never' WHERE refund_id = 'short-P-co_shards'"),
    ("I20", "nothing was missing of what is owed", "UPDATE movement SET kind = 'damage' WHERE operation_key = 'short/P-co_shards'"),
    ("I20", "a debt for no reason", "UPDATE refund SET refund_id = 'gift' WHERE refund_id = 'inspection-I-co_here'"),
    ("I20", "all of a living order is owed", "INSERT INTO refund SELECT order_id, 'whole', 'owed', 1, 0, NULL, NULL, false, now(), now() FROM orders WHERE order_id = 'co_sent'"),
    ("I21", "a debt is done that nobody asked for", "UPDATE refund SET state = 'done', provider_refund = 're_x' WHERE state = 'owed'"),
    ("I21", "a debt is asked for only in words", "UPDATE refund SET state = 'requested' WHERE state = 'owed'"),
    ("I21", "a paid debt is owed again", "UPDATE refund SET state = 'owed' WHERE state = 'done'"),
    ("I21", "another amount was asked for", "UPDATE payment_operation SET amount_minor = amount_minor - 1 WHERE kind = 'refund' AND state = 'succeeded'"),
    ("I21", "a paid debt is not counted", "UPDATE payment SET refunded_minor = refunded_minor - 1 WHERE refunded_minor > 0"),
    ("I21", "more is owed than was captured", "UPDATE refund SET amount_minor = amount_minor * 9 WHERE refund_id = 'inspection-I-co_here'"),
    ("I21", "nobody waits for the provider", "UPDATE payment SET state = 'captured' WHERE state = 'refunding'"),
    ("I21", "somebody waits for nothing", "UPDATE payment SET state = 'refunding' WHERE state = 'captured'"),
    ("I24", "a promised look is forgotten", "DELETE FROM review WHERE kind = 'refund'"),
    ("I24", "a person is asked about no refund", "UPDATE review SET review_id = 'refund-of-nobody' WHERE kind = 'refund'"),
    ("I58", "a capture of which nobody ever heard", "UPDATE payment_operation SET state = 'requested', requested_at = now() - interval '31 minutes' WHERE kind = 'capture'"),
    ("I58", "a refund is asked for that the provider knows nothing of", "UPDATE payment_operation SET state = 'requested', requested_at = now() - interval '31 minutes' WHERE kind = 'refund'"),
    ("I59", "money is kept aside for a week", "UPDATE payment_operation SET requested_at = now() - interval '7 days' WHERE kind = 'authorize'"),
    ("I59", "money is kept aside that nobody asked for", "DELETE FROM payment_operation WHERE kind = 'authorize'"),
    ("I60", "an event is left lying", "INSERT INTO webhook_event (provider, event_id, kind, body_sha256, received_at) VALUES ('stripe', 'evt_old', 'x', 'aa', now() - interval '31 minutes')"),
    ("I60", "an event is done with, and nobody says why", "INSERT INTO webhook_event (provider, event_id, kind, body_sha256, applied_at) VALUES ('stripe', 'evt_why', 'x', 'aa', now())"),
    ("I61", "money was told of and is not in the books", "INSERT INTO webhook_event (provider, event_id, kind, payment_intent, body_sha256, applied_at, disposition) VALUES ('stripe', 'evt_paid', 'payment_intent.succeeded', 'pi_nobodys', 'aa', now(), 'applied')"),
    ("I24", "a refund that never failed is escalated", "UPDATE refund SET escalated = true WHERE NOT escalated"),
]  # fmt: skip
