"""What an outbox row looks like to everybody else: CloudEvents 1.0, in JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from ledger.outgoing import Written

SPECIFICATION = "1.0"
SOURCE = "urn:onhand:ledger"
PREFIX = "onhand"
OURS = rf'^\{{"specversion":"{re.escape(SPECIFICATION)}","id":"([^"]+)/([0-9]{{1,18}})","source":"{SOURCE}"'
"""How every body of ours begins, whatever its type, its version and the rest are: with its subject and its sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What goes over the bus. `id` is the event's: the same however often it is sent."""

    id: str
    topic: str
    body: bytes


def message(row: Written) -> Message:
    """Wrap a row. The payload goes over byte for byte, so that nobody's later reading changes an old event."""
    event_id = f"{row.subject}/{row.sequence}"
    body = orjson.dumps(
        {
            "specversion": SPECIFICATION,
            "id": event_id,
            "source": SOURCE,
            "type": event_type(row.type, row.version),
            "subject": row.subject,
            "time": row.recorded_at,
            "datacontenttype": "application/json",
            "dataschema": schema_name(row.type, row.version),
            # Extensions of the specification's own list: order within a subject, and what to spread by.
            "sequence": f"{row.sequence:020}",
            "partitionkey": row.subject,
            # Another of them, where the request told one: a consumer's work is shown as part of its caller's.
            **({"traceparent": row.traceparent} if row.traceparent else {}),
            "data": orjson.Fragment(row.payload),
        }
    )
    return Message(id=event_id, topic=topic(row.subject), body=body)


def event_type(kind: str, version: int) -> str:
    """Name a type of event with its version: what a consumer chooses its reader by."""
    return f"onhand.{kind}.v{version}"


def schema_name(kind: str, version: int) -> str:
    """Name the schema of its payload."""
    return f"urn:onhand:schema:{kind}:{version}"


def topic(subject: str) -> str:
    """Name where an event is published: `….stock.{sku}.{location}`, and `….product.{sku}`."""
    sku, _, location = subject.partition("/")
    return f"{PREFIX}.stock.{sku}.{location}" if location else f"{PREFIX}.product.{sku}"
