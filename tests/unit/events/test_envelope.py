"""An event on the bus is a CloudEvent, and its payload what the ledger wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from events.envelope import message, topic
from events.relay import in_order
from ledger.outgoing import Written

WHEN = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def written(
    subject: str = "brass-lamp/BER1",
    sequence: int = 12,
    version: int = 1,
    traceparent: str | None = None,
) -> Written:
    return Written(
        id=sequence,
        shard=3,
        subject=subject,
        sequence=sequence,
        type="StockReceived",
        version=version,
        recorded_at=WHEN,
        payload='{"sku":"brass-lamp", "quantity": 3.0e0}',
        traceparent=traceparent,
    )


def test_it_is_what_the_specification_says() -> None:
    """Read by the specification's own library."""
    event = JSONFormat().read(CloudEvent, message(written()).body)

    assert event.get_id() == "brass-lamp/BER1/12"
    assert event.get_source() == "urn:onhand:ledger"
    assert event.get_type() == "onhand.StockReceived.v1"
    assert event.get_subject() == "brass-lamp/BER1"
    assert event.get_time() == WHEN
    assert event.get_data() == {"sku": "brass-lamp", "quantity": 3}


def test_the_payload_goes_over_byte_for_byte() -> None:
    """An old event is not rewritten by a newer relay."""
    assert b'"data":{"sku":"brass-lamp", "quantity": 3.0e0}' in message(written()).body


def test_it_is_of_the_version_in_which_it_was_written() -> None:
    """A relay of today carries what a process of yesterday wrote, and what one of tomorrow will."""
    told = orjson.loads(message(written(version=3)).body)

    assert told["type"] == "onhand.StockReceived.v3"
    assert told["dataschema"] == "urn:onhand:schema:StockReceived:3"


def test_it_carries_the_trace_of_the_request_behind_it() -> None:
    """As the specification's extension says: the attribute is there where there is one, and not null where not."""
    told = message(written(traceparent=TRACEPARENT)).body

    assert JSONFormat().read(CloudEvent, told).get_extension("traceparent") == TRACEPARENT
    assert "traceparent" not in orjson.loads(message(written()).body)


def test_sequences_sort_as_text() -> None:
    """The extension is a string."""
    bodies = [orjson.loads(message(written(sequence=n)).body)["sequence"] for n in (9, 10, 10**15)]

    assert bodies == sorted(bodies)
    assert [int(body) for body in bodies] == [9, 10, 10**15]


@pytest.mark.parametrize(
    ("subject", "where"),
    [
        ("brass-lamp/BER1", "onhand.stock.brass-lamp.BER1"),
        ("brass-lamp", "onhand.product.brass-lamp"),
    ],
)
def test_a_topic_names_what_it_is_about(subject: str, where: str) -> None:
    """So that somebody can ask for one sku, or for one warehouse."""
    assert topic(subject) == where


def test_of_each_subject_everything_from_the_first_miss_on_is_sent_again() -> None:
    """A later event of it must not count as out while an earlier one is not."""
    rows = [
        written("a/X", 1),
        written("b/X", 1),
        written("a/X", 2),
        written("a/X", 3),
        written("b/X", 2),
    ]

    assert in_order(rows, [True, True, False, True, True]) == [rows[0], rows[1], rows[4]]
