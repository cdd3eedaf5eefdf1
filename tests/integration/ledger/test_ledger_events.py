"""Every event that ever left a busy shop has the shape that is published."""

from __future__ import annotations

import orjson

from events.schemas import PAYLOADS
from tests.copies import Database


def test_every_payload_is_of_its_published_shape(busy: Database) -> None:
    """As it is stored, byte for byte: a field too many or too few is found here, and not by a consumer."""
    stored = busy.rows("SELECT type, payload::text FROM outbox")

    assert {kind for kind, _ in stored} == set(PAYLOADS)
    for kind, text in stored:
        PAYLOADS[kind].model_validate_json(text)


def test_what_becomes_of_an_order_names_it(busy: Database) -> None:
    """Orders are counted by it: a line is an event of its own."""
    of_orders = ("OrderConfirmed", "OrderCancelled", "StockShipped", "StockReturned")
    nameless = busy.rows(
        "SELECT type, subject, sequence FROM outbox"
        " WHERE type = ANY(%s) AND payload ->> 'order_id' IS NULL",
        list(of_orders),
    )
    unknown = busy.rows(
        "SELECT payload ->> 'order_id' FROM outbox WHERE payload ->> 'order_id' IS NOT NULL"
        " EXCEPT SELECT order_id FROM orders"
    )
    placed = busy.value(
        "SELECT count(DISTINCT payload ->> 'order_id') FROM outbox WHERE type = 'OrderConfirmed'"
    )

    assert nameless == []
    assert unknown == []
    assert placed == busy.value("SELECT count(*) FROM orders") > 5


def test_the_schema_knows_the_wire(busy: Database) -> None:
    """Numbers are numbers there and moments carry their zone: nothing is read more kindly than it is described."""
    stored = busy.rows("SELECT DISTINCT ON (type) type, payload::text FROM outbox")

    for kind, text in stored:
        read = PAYLOADS[kind].model_validate_json(text, strict=True)
        assert orjson.loads(read.model_dump_json()).keys() == orjson.loads(text).keys()
