"""Every event is of its own caller's trace, however many were posted together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from ledger.commands import Receive
from ledger.documents.waiting import apply_due
from ledger.policies import Location, Product, put_location, put_product
from ledger.traces import TRACEPARENT
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, LAMP, RUG, TEAPOT, receive


def trace(number: int) -> str:
    """Make the trace of that number."""
    return f"00-{number:032x}-{number:016x}-01"


@contextmanager
def made_for(told: str | None) -> Iterator[None]:
    """Do what a block does as a request of this trace."""
    token = TRACEPARENT.set(told)
    try:
        yield
    finally:
        TRACEPARENT.reset(token)


def received(sku: str, told: str | None) -> Receive:
    """Make the command of a request of this trace."""
    with made_for(told):
        return receive(1, sku, receipt=f"r-{sku}")


def traces(shop: Shop, kind: str) -> list[tuple[str, str | None]]:
    """List subject and trace of each event of a type."""
    query = "SELECT subject, traceparent FROM outbox WHERE type = %s ORDER BY subject, sequence"
    return shop.database.rows(query, kind)


EACH_OF_ITS_OWN = sorted(
    [(f"{LAMP}/{BERLIN}", trace(1)), (f"{RUG}/{BERLIN}", trace(2)), (f"{TEAPOT}/{BERLIN}", None)]
)


async def test_commands_of_one_batch_keep_their_traces(shop: Shop) -> None:
    """Whoever posts them: it may be a caller that waits for another answer."""
    commands = (received(LAMP, trace(1)), received(RUG, trace(2)), received(TEAPOT, None))
    with made_for(trace(9)):
        await shop.tell(*commands)

    assert traces(shop, "StockReceived") == EACH_OF_ITS_OWN


async def test_callers_that_meet_keep_their_traces(shop: Shop) -> None:
    """The first of them begins the batch that answers all."""

    async def asks(sku: str, told: str | None) -> None:
        with made_for(told):
            await shop.ledger.post(receive(1, sku, receipt=f"r-{sku}"))

    await asyncio.gather(asks(LAMP, trace(1)), asks(RUG, trace(2)), asks(TEAPOT, None))

    assert traces(shop, "StockReceived") == EACH_OF_ITS_OWN


async def test_a_repeat_for_another_trace_is_the_first_answer_again(shop: Shop) -> None:
    """Nothing new happened, so nothing is told; the event is of the trace that made it."""
    await shop.ledger.post(received(LAMP, trace(1)))
    again = await shop.ledger.answer(received(LAMP, trace(2)))

    assert again.replayed
    assert traces(shop, "StockReceived") == [(f"{LAMP}/{BERLIN}", trace(1))]


async def test_a_shops_decisions_are_of_their_trace(shop: Shop) -> None:
    """Of a product at once, and of each row that a location pauses."""
    await shop.stocked(1)
    changed = Product(
        sku=LAMP, title="Lamp", price_minor=1, currency="EUR", limit_per_customer=None
    )
    closed = Location(
        location=BERLIN, kind="warehouse", seller=None, reports="free", priority=10, enabled=False
    )
    with made_for(trace(3)):
        await put_product(shop.ledger.engine, changed)
        await put_location(shop.ledger.engine, closed, actor="olga")

    assert (LAMP, trace(3)) in traces(shop, "ProductChanged")
    assert traces(shop, "AvailabilityPolicyChanged") == [(f"{LAMP}/{BERLIN}", trace(3))]


async def test_a_document_that_waits_keeps_the_trace_of_its_telling(shop: Shop) -> None:
    """Whoever tells of it is answered at once; what it changes comes later, by a loop."""
    await shop.stocked(5)
    await shop.tell(*cast.commands_to_capture())
    with made_for(trace(1)):
        early = warehouse.ship()
    (answer,) = await shop.tell(early)
    await shop.tell(cast.confirm())
    await apply_due(shop.ledger)

    assert answer.waiting
    assert traces(shop, "StockShipped") == [(f"{LAMP}/{BERLIN}", trace(1))]


@pytest.mark.parametrize("told", ["nonsense", f"{trace(1)}A", f"01{trace(1)[2:]}", ""])
async def test_only_a_trace_gets_into_the_outbox(shop: Shop, told: str) -> None:
    """What goes out is what a consumer's library reads."""
    await shop.stocked(1)
    with pytest.raises(psycopg.errors.CheckViolation, match="outbox_traceparent_is_one"):
        shop.database.run("UPDATE outbox SET traceparent = %s", told)
