"""A consumer reads every version there was, and says of anything else why it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from events.envelope import message
from events.reading import Event, UnreadableError, read
from events.schemas import ProductChange
from ledger.outgoing import Written

PAYLOAD = {
    "sku": "brass-lamp",
    "title": "Brass lamp",
    "price_minor": 4_900,
    "currency": "EUR",
    "limit_per_customer": None,
    "version": 3,
    "recorded_at": "2026-11-23T07:30:00Z",
}


def published(payload: dict[str, Any], **changed: Any) -> bytes:
    """Write an event as the relay does, then change its envelope."""
    row = Written(
        id=1,
        shard=0,
        subject="brass-lamp",
        sequence=3,
        type="ProductChanged",
        version=1,
        recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
        payload=orjson.dumps(payload).decode(),
    )
    return orjson.dumps(orjson.loads(message(row).body) | changed)


def product(event: Event) -> ProductChange:
    """Give its payload."""
    assert isinstance(event.payload, ProductChange)
    return event.payload


def test_what_the_relay_writes_a_consumer_reads() -> None:
    """In the words of the ledger."""
    event = read(published(PAYLOAD))

    assert (event.id, event.kind, event.subject, event.sequence) == (
        "brass-lamp/3",
        "ProductChanged",
        "brass-lamp",
        3,
    )
    assert product(event).price_minor == 4_900


def test_a_field_that_came_later_is_left_out() -> None:
    """Shops are updated process by process: the relay may be newer than its readers."""
    assert product(read(published(PAYLOAD | {"colour": "brass"}))).title == "Brass lamp"


def test_a_trace_is_read_and_none_is_missed() -> None:
    """An event is worth reading whatever its trace is."""
    told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    assert read(published(PAYLOAD, traceparent=told)).traceparent == told
    assert read(published(PAYLOAD)).traceparent is None
    assert read(published(PAYLOAD, traceparent=7)).traceparent is None


def dearer(payload: dict[str, Any]) -> dict[str, Any]:
    """Lift a price in whole units to one in minor units: a change of meaning, so a new version."""
    return {**payload, "price_minor": payload["price_minor"] * 100}


def renamed(payload: dict[str, Any]) -> dict[str, Any]:
    """Lift a name that was changed."""
    rest = {name: value for name, value in payload.items() if name != "name"}
    return {**rest, "title": payload["name"]}


def test_an_old_event_is_lifted_version_by_version() -> None:
    """The stream keeps a month of them, and whoever is rebuilt reads them all."""
    first = {name: value for name, value in PAYLOAD.items() if name != "title"}
    oldest = published(first | {"price_minor": 49, "name": "Lamp"}, type="onhand.ProductChanged.v1")
    newer = published(PAYLOAD | {"price_minor": 49}, type="onhand.ProductChanged.v2")
    lifts = {("ProductChanged", 1): renamed, ("ProductChanged", 2): dearer}

    told = [
        product(read(body, lifts=lifts, versions={"ProductChanged": 3})) for body in (oldest, newer)
    ]

    assert [(one.title, one.price_minor) for one in told] == [
        ("Lamp", 4_900),
        ("Brass lamp", 4_900),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff", "no-event"),
        (b"[]", "no-event"),
        (b"{}", "no-event"),
        (published(PAYLOAD, sequence="soon"), "no-event"),
        (published(PAYLOAD, sequence="0"), "no-event"),
        (published(PAYLOAD, sequence="9223372036854775808"), "no-event"),
        (published(PAYLOAD, data=7), "no-event"),
        (published(PAYLOAD, type="StockReceived"), "unknown-type"),
        (published(PAYLOAD, type="onhand.LampPolished.v1"), "unknown-type"),
        (published(PAYLOAD, type="onhand.ProductChanged.v2"), "newer-version"),
        (published(PAYLOAD, type="onhand.ProductChanged.v0"), "version-forgotten"),
        (published(PAYLOAD | {"price_minor": "free"}), "misshapen-payload"),
        (published({}), "misshapen-payload"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, code: str) -> None:
    """One word for the log, the metric and the letter that is put aside."""
    with pytest.raises(UnreadableError) as refused:
        read(body)

    assert refused.value.code == code
