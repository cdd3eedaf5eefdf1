"""Every event that ever left a busy shop has the shape that is published."""

from __future__ import annotations

import orjson

from events.schemas import PAYLOADS
from tests.conftest import Database


def test_every_payload_is_of_its_published_shape(busy: Database) -> None:
    """As it is stored, byte for byte: a field too many or too few is found here, and not by a consumer."""
    stored = busy.rows("SELECT type, payload::text FROM outbox")

    assert {kind for kind, _ in stored} == set(PAYLOADS)
    for kind, text in stored:
        PAYLOADS[kind].model_validate_json(text)


def test_the_schema_knows_the_wire(busy: Database) -> None:
    """Numbers are numbers there and moments carry their zone: nothing is read more kindly than it is described."""
    stored = busy.rows("SELECT DISTINCT ON (type) type, payload::text FROM outbox")

    for kind, text in stored:
        read = PAYLOADS[kind].model_validate_json(text, strict=True)
        assert orjson.loads(read.model_dump_json()).keys() == orjson.loads(text).keys()
