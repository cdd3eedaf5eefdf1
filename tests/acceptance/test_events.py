"""Whoever follows the bus learns of every change, in its order, and of no customer."""

from __future__ import annotations

import orjson

from events.envelope import PREFIX
from tests.acceptance.facts import eventually
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import CANARY, Storefront, new_key, wish
from tests.integration.events.reading import events_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LIFE = ["StockReceived", "StockReserved", "OrderConfirmed", "StockReserved", "ReservationReleased"]


async def test_a_sale_is_told_on_the_bus(stack: Stack, shop: Storefront) -> None:
    """From the receipt on, each with the order it belongs to."""
    clock = await shop.stocked("CLOCK", 3)
    sold = await shop.decided(new_key(), wish(clock))
    await shop.pay(sold)
    await shop.ended(sold.json()["checkout_id"])
    regretted = await shop.decided(new_key(), wish(clock, 2))
    await shop.cancel(regretted)
    bus = stack.runtime.nats
    assert bus is not None

    async def told() -> list[str]:
        events = await events_of(bus, f"{PREFIX}.stock.{clock}.>")
        return [event["type"].split(".")[1] for event in events]

    await eventually(told, lambda types: len(types) >= len(LIFE))

    events = await events_of(bus, f"{PREFIX}.stock.{clock}.>")
    assert await told() == LIFE
    assert [event["data"]["available"] for event in events] == [3, 2, 2, 0, 2]
    order = sold.json()["checkout_id"]
    assert [event["data"]["order_id"] for event in events] == [None, None, order, None, None]
    assert CANARY.encode() not in orjson.dumps(events)


async def test_a_callers_trace_comes_out_on_the_bus(stack: Stack, shop: Storefront) -> None:
    """Through the API, the engine, the ledger and the relay; what another caller asked for has none."""
    clock = await shop.stocked("CLOCK", 1)
    key, body = new_key(), wish(clock)
    await shop.post(key, body, {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    await shop.cancel(await shop.decided(key, body))
    bus = stack.runtime.nats
    assert bus is not None

    async def told() -> dict[str, str | None]:
        events = await events_of(bus, f"{PREFIX}.stock.{clock}.>")
        return {event["type"].split(".")[1]: event.get("traceparent") for event in events}

    traces = await eventually(told, lambda types: len(types) == 3)

    assert traces["StockReceived"] is None
    assert str(traces["StockReserved"]).split("-")[1] == TRACE
    assert str(traces["ReservationReleased"]).split("-")[1] == TRACE
