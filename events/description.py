"""The AsyncAPI document: every event, where it is published and what it holds, made from the code that sends it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from events.envelope import PREFIX, SOURCE, SPECIFICATION, event_type, schema_name
from events.jetstream import STREAM
from events.schemas import PAYLOADS, ProductChange, StockChange
from ledger.outbox import version_of
from ledger.version import VERSION

ASYNCAPI = "3.0.0"
TRACEPARENT = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
_SCHEMAS = "#/components/schemas/"
_CHANNELS = {
    "stock": (StockChange, f"{PREFIX}.stock.{{sku}}.{{location}}", ("sku", "location")),
    "products": (ProductChange, f"{PREFIX}.product.{{sku}}", ("sku",)),
}


def describe() -> dict[str, Any]:
    """Make the document; two calls give the same."""
    _, shapes = models_json_schema(
        [(model, "serialization") for model in (StockChange, ProductChange)],
        ref_template=_SCHEMAS + "{model}",
    )
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "onhand events",
            "version": VERSION,
            "description": (
                "Every change of stock and products, as CloudEvents in structured JSON: each at least once, and"
                " in order within a subject unless the bus missed one. Keep the highest sequence."
            ),
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "bus": {
                "host": "nats:4222",
                "protocol": "nats",
                "description": f"NATS JetStream, stream {STREAM}",
            }
        },
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": {
            f"publish-{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": f"What the relay publishes of {name}",
            }
            for name in _CHANNELS
        },
        "components": {
            "messages": {kind: _message(kind) for kind in PAYLOADS},
            "schemas": {
                **{name: _open(shape) for name, shape in shapes["$defs"].items()},
                **{kind: _envelope(kind) for kind in PAYLOADS},
            },
        },
    }


def _open(shape: dict[str, Any]) -> dict[str, Any]:
    """Let a shape have fields that come later: our own tests are stricter than any consumer may be."""
    return {name: part for name, part in shape.items() if name != "additionalProperties"}


def _channel(name: str) -> dict[str, Any]:
    shape, address, parameters = _CHANNELS[name]
    return {
        "address": address,
        "parameters": {each: {"description": f"The {each}'s id"} for each in parameters},
        "messages": {
            kind: {"$ref": f"#/components/messages/{kind}"}
            for kind, payload in PAYLOADS.items()
            if payload is shape
        },
    }


def _message(kind: str) -> dict[str, Any]:
    return {
        "name": event_type(kind, version_of(kind)),
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "properties": {"Nats-Msg-Id": {"type": "string", "description": "The event's id"}},
        },
        "payload": {"$ref": f"{_SCHEMAS}{kind}"},
    }


def _envelope(kind: str) -> dict[str, Any]:
    text = {"type": "string"}
    properties: dict[str, Any] = {
        "specversion": {"const": SPECIFICATION},
        "id": {**text, "description": "subject/sequence; the same however often it is sent"},
        "source": {"const": SOURCE},
        "type": {"const": event_type(kind, version_of(kind))},
        "subject": {**text, "description": "sku/location, or sku for a product"},
        "time": {**text, "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": schema_name(kind, version_of(kind))},
        "sequence": {**text, "pattern": "^[0-9]{20}$"},
        "partitionkey": {**text, "description": "The subject"},
        "data": {"$ref": _SCHEMAS + PAYLOADS[kind].__name__},
    }
    traceparent = {
        **text,
        "pattern": TRACEPARENT,
        "description": "The trace of the request behind it, where one was told (W3C Trace Context)",
    }
    return {
        "type": "object",
        "title": kind,
        "properties": {**properties, "traceparent": traceparent},
        "required": list(properties),
    }
