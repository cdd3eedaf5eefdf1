"""Relay, bus and the noticeboards' process killed again and again while the shop sells; then everything is right."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from ledger.commands import Command
from tests.integration.events.conftest import Nats, waiting
from tests.integration.events.mortals import MortalNats, MortalProcess
from tests.integration.ledger.shop import Shop, broken_promises
from tests.integration.projections.conftest import NAMES, entries_of, open_office
from tests.proof import FULL, size
from tests.unit.ledger import cast
from tests.unit.ledger.cast import LAMP, MUNICH, RUG, TEAPOT
from tests.workflows.shop import eventually

SECONDS = size(share=6, full=120)
LEAST_DEATHS = 6
LIFE_SECONDS = (0.3, 1.5)
"""How long each may live."""
BETWEEN_SALES_SECONDS = 0.0 if FULL else 0.05
"""Enough is sold in a short run: what kills and what comes back is what it is about."""
BUILT_ANEW = 1_000_000


class Mortal(Protocol):
    """Something that is killed and started again."""

    def start(self) -> None:
        """Run it."""

    def kill(self) -> None:
        """Switch it off."""


@pytest.fixture
def mortal_nats(away: Nats) -> Iterator[MortalNats]:
    """Give a bus that may be killed."""
    server = MortalNats(away)
    server.start()
    yield server
    server.opened.close()


@pytest.fixture
def processes(
    shop: Shop, away: Nats, mortal_nats: MortalNats, tmp_path: Path
) -> Iterator[dict[str, MortalProcess]]:
    """Give a relay, and whoever keeps the noticeboards."""
    with ExitStack() as ended:
        made = {}
        for command in ("relay", "projections"):
            made[command] = MortalProcess(command, shop, away, tmp_path)
            ended.callback(made[command].kill)
        yield made


@pytest.mark.proof
@pytest.mark.timeout(400)
async def test_relay_bus_and_consumers_killed_in_turn_leave_every_noticeboard_right(
    shop: Shop,
    away: Nats,
    mortal_nats: MortalNats,
    processes: dict[str, MortalProcess],
    tmp_path: Path,
) -> None:
    """After quiet each equals what the ledger itself would have there, row for row."""
    until = time.monotonic() + SECONDS
    victims: list[Mortal] = [mortal_nats, processes["relay"], processes["projections"]]
    deaths = 0
    sold = count(1)

    def going() -> bool:
        return time.monotonic() < until or deaths < LEAST_DEATHS

    async def sell() -> None:
        while going():
            await asyncio.gather(
                *(shop.stocked(1, sku) for sku in (LAMP, RUG, TEAPOT)),
                shop.stocked(2, LAMP, MUNICH),
            )
            await shop.tell(*a_story(f"co_{next(sold)}"))
            await asyncio.sleep(BETWEEN_SALES_SECONDS)

    async def kill() -> None:
        nonlocal deaths
        while going():
            victim = victims[deaths % len(victims)]
            await asyncio.sleep(random.uniform(*LIFE_SECONDS))
            await asyncio.to_thread(victim.kill)
            await asyncio.sleep(random.uniform(0, LIFE_SECONDS[0]))
            await asyncio.to_thread(victim.start)
            await asyncio.gather(*(eventually(process.is_there) for process in processes.values()))
            deaths += 1

    await asyncio.gather(sell(), kill())
    await eventually(lambda: all_is_told(shop, away))

    told = shop.database.value("SELECT count(*) FROM outbox")
    print(f"{deaths} deaths, {told} events")
    await each_equals_the_ledger(shop, away, tmp_path)
    assert shop.database.rows("SELECT * FROM projections.dead_letter") == []
    assert broken_promises(shop.database, lag="0") == {}


async def test_dying_between_heeding_and_saying_so_changes_nothing(
    shop: Shop,
    away: Nats,
    mortal_nats: MortalNats,
    processes: dict[str, MortalProcess],
    tmp_path: Path,
) -> None:
    """The process itself: what it had heeded comes again."""
    await shop.stocked(1)
    await eventually(lambda: all_is_told(shop, away))
    (processes["projections"].drills / "projections.heed.after").touch()
    await shop.stocked(2)
    await asyncio.to_thread(processes["projections"].process.process.wait)
    await shop.stocked(3)

    processes["projections"].start()
    await eventually(lambda: all_is_told(shop, away))

    await each_equals_the_ledger(shop, away, tmp_path)


async def test_told_to_end_it_ends_and_leaves_nobody_behind(
    shop: Shop, away: Nats, mortal_nats: MortalNats, processes: dict[str, MortalProcess]
) -> None:
    """A deployment is no accident."""
    process = processes["projections"]
    await eventually(lambda: all_is_told(shop, away))

    assert process.process.end() == 0
    assert not process.process.left_behind()


def a_story(name: str) -> list[Command]:
    """Tell what becomes of a checkout: an order, one that is cancelled, or a hold that is let go."""
    whole = cast.commands_to_confirm(name)
    return random.choice(
        (
            whole,
            [*whole, cast.cancel_order(name)],
            [cast.open_checkout(name), cast.reserve(name), cast.release(name)],
        )
    )


async def all_is_told(shop: Shop, nats: Nats) -> bool:
    """Tell whether nothing waits anywhere, and each noticeboard says that it is as fresh as that."""
    if waiting(shop):
        return False
    fresh = shop.database.rows(
        "SELECT projection FROM projections.generation g JOIN projections.freshness f USING (projection, generation)"
        " WHERE g.state = 'live' AND f.as_of > (SELECT max(recorded_at) FROM outbox)"
    )
    return {name for (name,) in fresh} == {*NAMES, "search"}


async def each_equals_the_ledger(shop: Shop, nats: Nats, place: Path) -> None:
    """Hold each against what the ledger would have there."""
    async with open_office(shop, nats.url, str(place / "search")) as office:
        assert {projection.name for projection in office.projections} == {*NAMES, "search"}
        for projection in office.projections:
            live = await office.desk.generations.live(projection.name)
            assert live is not None
            compared = await projection.compare(live.number)
            assert (compared.differences, compared.entries > 0) == ((), True)
            if projection.name == "search":
                continue
            await projection.build(BUILT_ANEW, lambda _done, _of: None)
            assert entries_of(shop.database, projection.name, live.number) == entries_of(
                shop.database, projection.name, BUILT_ANEW
            )
