"""Relay and bus killed again and again while the shop sells: afterwards everything is out, in its order."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.events.conftest import Nats, waiting
from tests.integration.events.mortals import MortalNats, MortalProcess
from tests.integration.events.reading import events_of
from tests.integration.ledger.shop import Shop, broken_promises
from tests.proof import size
from tests.unit.ledger.cast import LAMP, RUG, TEAPOT
from tests.workflows.shop import eventually

SECONDS = size(share=3, full=120)
LEAST_DEATHS = 4
LIFE_SECONDS = (0.3, 1.5)
"""How long a relay or a bus may live."""


@pytest.fixture
def mortal_nats(away: Nats) -> Iterator[MortalNats]:
    """Give a bus that may be killed."""
    server = MortalNats(away)
    server.start()
    yield server
    server.opened.close()


@pytest.fixture
def mortal_relay(shop: Shop, away: Nats, tmp_path: Path) -> Iterator[MortalProcess]:
    """Give a relay that may be killed."""
    relay = MortalProcess("relay", shop, away, tmp_path)
    yield relay
    relay.kill()


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_relay_and_bus_killed_in_turn_lose_nothing(
    shop: Shop, away: Nats, mortal_nats: MortalNats, mortal_relay: MortalProcess
) -> None:
    """Each subject's events are all there, each once and in the order of its sequence."""
    await eventually(lambda: nothing_waits(shop))
    until = time.monotonic() + SECONDS
    deaths = 0

    def going() -> bool:
        return time.monotonic() < until or deaths < LEAST_DEATHS

    async def sell() -> None:
        while going():
            await asyncio.gather(*(shop.stocked(1, sku) for sku in (LAMP, RUG, TEAPOT)))

    async def kill() -> None:
        nonlocal deaths
        while going():
            victim = (mortal_nats, mortal_relay)[deaths % 2]
            await asyncio.sleep(random.uniform(*LIFE_SECONDS))
            await asyncio.to_thread(victim.kill)
            await asyncio.sleep(random.uniform(0, LIFE_SECONDS[0]))
            await asyncio.to_thread(victim.start)
            await eventually(mortal_relay.is_there)
            deaths += 1

    await asyncio.gather(sell(), kill())
    await eventually(lambda: nothing_waits(shop))

    told: defaultdict[str, list[int]] = defaultdict(list)
    for event in await events_of(away.url):
        told[event["subject"]].append(int(event["sequence"]))
    written: dict[str, int] = dict(
        shop.database.rows("SELECT subject, max(sequence) FROM outbox GROUP BY subject")
    )
    print(f"{deaths} deaths, {sum(written.values())} events")
    assert {subject: sorted(set(numbers)) for subject, numbers in told.items()} == {
        subject: list(range(1, last + 1)) for subject, last in written.items()
    }
    assert [subject for subject, numbers in told.items() if numbers != sorted(numbers)] == []
    assert broken_promises(shop.database) == {}


async def test_a_relay_that_dies_with_events_out_and_not_marked_sends_them_again(
    shop: Shop, bus: Nats, tmp_path: Path
) -> None:
    """The process itself, between the bus's answer and its own mark."""
    relay = MortalProcess("relay", shop, bus, tmp_path)
    await eventually(lambda: nothing_waits(shop))
    (relay.drills / "relay.publish.after").touch()
    await shop.stocked(1)
    await asyncio.to_thread(relay.process.process.wait)
    out = [event["id"] for event in await events_of(bus.url)]
    left = waiting(shop)

    relay.start()
    await eventually(lambda: nothing_waits(shop))
    relay.kill()

    assert (out[-1], left) == (f"{LAMP}/BER1/1", 1)
    assert [event["id"] for event in await events_of(bus.url)] == out


async def nothing_waits(shop: Shop) -> bool:
    """Tell whether everything is out."""
    return waiting(shop) == 0


async def test_the_process_takes_the_role_that_can_only_carry(
    shop: Shop, bus: Nats, mortal_relay: MortalProcess
) -> None:
    """What that role may not do, it cannot do: the application still could."""
    await eventually(lambda: nothing_waits(shop))
    shop.database.run("REVOKE UPDATE (published_at) ON outbox FROM onhand_relay")
    await shop.stocked(1)

    async def refused() -> bool:
        return "ProgrammingError" in mortal_relay.log.read_text()

    await eventually(refused)
    left = waiting(shop)
    shop.database.run("GRANT UPDATE (published_at) ON outbox TO onhand_relay")
    await eventually(lambda: nothing_waits(shop))

    assert left == 1


async def test_told_to_end_it_ends_and_leaves_nobody_behind(
    shop: Shop, bus: Nats, tmp_path: Path
) -> None:
    """A deployment is no accident."""
    relay = MortalProcess("relay", shop, bus, tmp_path)
    await eventually(lambda: nothing_waits(shop))

    status = relay.process.end()

    assert status == 0
    assert not relay.process.left_behind()
