"""The trace of a request goes over the bus with its event."""

from __future__ import annotations

from events.relay import Relay
from ledger.traces import TRACEPARENT
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop

TOLD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_an_event_carries_its_trace_over_the_bus(shop: Shop, bus: Nats, relay: Relay) -> None:
    """And one that has none is sent without."""
    await shop.stocked(1)
    token = TRACEPARENT.set(TOLD)
    await shop.stocked(2)
    TRACEPARENT.reset(token)
    await relay.round()

    events = [event for event in await bus.events() if event["type"] == "onhand.StockReceived.v1"]
    assert [event.get("traceparent") for event in events] == [None, TOLD]
