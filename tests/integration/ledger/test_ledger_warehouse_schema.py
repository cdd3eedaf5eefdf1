"""What the tables of the warehouse refuse, whatever the rules let through."""

from __future__ import annotations

import psycopg

from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import MUNICH

A_DOCUMENT = (
    "INSERT INTO document (kind, document_id, refers_to, state, fingerprint, actor, body, received_at,"
    " tried_at, settled_at) VALUES ({}, 'S9', 'co_ada', {}, '', 'otto', {}, now(), now(), {})"
)
A_REVIEW = (
    "INSERT INTO review (review_id, kind, state, sku, location, quantity, cause_kind, cause_id, evidence,"
    " opened_at, closed_at) VALUES ('v', {}, {}, 'brass-lamp', {}, {}, 'x', 'y', '{{}}', now(), {})"
)
IMPOSSIBLE = {
    "order_line_quantity_positive": "UPDATE order_line SET quantity = 0, shipped = 0, returned = 0",
    "order_line_ships_what_was_sold": "UPDATE order_line SET short = short + 1",
    "order_line_returns_what_was_shipped": "UPDATE order_line SET returned = returned + 1",
    "order_line_order_exists": "UPDATE order_line SET order_id = 'co_nobody'",
    "order_line_stock_exists": "UPDATE order_line SET location = 'NOWHERE'",
    "return_line_inspects_what_returned": "UPDATE return_line SET restocked = restocked + 1",
    "return_line_refunds_what_was_inspected": "UPDATE return_line SET refunded = refunded + 1",
    "returns_order_exists": (
        "INSERT INTO returns (return_id, order_id, location, recorded_at)"
        " VALUES ('R9', 'co_nobody', 'BER1', now())"
    ),
    "inspection_line_of_a_return": (
        "INSERT INTO inspection_line (inspection_id, return_id, sku, restocked, damaged, refunded, recorded_at)"
        " VALUES ('I9', 'R1', 'long-rug', 1, 0, 0, now())"
    ),
    "inspection_line_not_negative": (
        "INSERT INTO inspection_line (inspection_id, return_id, sku, restocked, damaged, refunded, recorded_at)"
        " VALUES ('I9', 'R1', 'brass-lamp', 1, 0, 2, now())"
    ),
    "transfer_goes_elsewhere": (
        "INSERT INTO transfer (transfer_id, source, target, recorded_at) VALUES ('T9', 'BER1', 'BER1', now())"
    ),
    "transfer_line_ends_what_was_sent": "UPDATE transfer_line SET lost = lost + 1",
    "transfer_line_transfer_exists": "UPDATE transfer_line SET transfer_id = 'T9'",
    "document_kind_is_known": A_DOCUMENT.format("'letter'", "'waiting'", "'{}'", "NULL"),
    "document_state_is_known": A_DOCUMENT.format("'shipment'", "'lost'", "'{}'", "now()"),
    "document_kept_whole_while_it_waits": A_DOCUMENT.format(
        "'shipment'", "'waiting'", "NULL", "NULL"
    ),
    "document_settled_unless_waiting": A_DOCUMENT.format("'shipment'", "'applied'", "NULL", "NULL"),
    "review_kind_is_known": A_REVIEW.format("'gossip'", "'open'", "'BER1'", 1, "NULL"),
    "review_state_is_known": A_REVIEW.format("'shortfall'", "'lost'", "'BER1'", 1, "now()"),
    "review_stock_exists": A_REVIEW.format("'shortfall'", "'open'", "'NOWHERE'", 1, "NULL"),
    "review_quantity_positive": A_REVIEW.format("'shortfall'", "'open'", "'BER1'", 0, "NULL"),
    "review_closed_with_a_decision": A_REVIEW.format(
        "'shortfall'", "'approved'", "'BER1'", 1, "NULL"
    ),
    "note_is_bounded": (
        "INSERT INTO note (operation_key, text, recorded_at) VALUES ('x', repeat('x', 2001), now())"
    ),
    "reservation_transition_one_end": (
        "INSERT INTO reservation_transition (reservation_id, state, extension, operation_key, actor, recorded_at)"
        " SELECT reservation_id, 'expired', 0, 'x', 'x', now() FROM reservation WHERE state = 'confirmed'"
    ),
}


async def test_what_must_not_be_in_a_warehouse_is_refused_by_name(shop: Shop) -> None:
    """Each constraint, seen red once, under the name that errors are told by."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm(), warehouse.ship(), warehouse.take_back())
    await shop.tell(warehouse.inspect(), warehouse.send(1), warehouse.arrive(1))
    assert shop.database.rows("SELECT location FROM stock WHERE sellable = 1") == [(MUNICH,)]
    refused = {}
    for name, statement in IMPOSSIBLE.items():
        with psycopg.connect(shop.database.application_url) as connection:
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                refused[name] = error.diag.constraint_name or str(error)
    assert refused == {name: name for name in IMPOSSIBLE}
