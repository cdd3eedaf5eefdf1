"""How long the catalogue takes to show a change, while the relay has half of what it can carry."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psycopg
from psycopg.rows import TupleRow

from bench.figures import Contest, Load
from bench.ledger.shop import LOCATION, sku, stock_up
from dev.child import ChildSpec
from dev.clean_environment import clean_environment
from dev.database import DatabaseUrls
from dev.foreground import running
from dev.nats import running_nats
from ledger.commands import Quantity, Receive
from ledger.database import engine, plain_url
from ledger.posting import Ledger
from projections.availability.reading import shown
from projections.notices import CHANNEL

ROOT = Path(__file__).resolve().parents[2]
PROBE = sku(0)
"""Changed by nobody else, so that its version is known."""
A_POST = 25
"""Movements that are posted together: what a receipt of a warehouse has."""
BETWEEN_PROBES_SECONDS = 0.05
SHOWN_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Catalogue:
    """A shop whose changes are carried and heeded by processes of their own, and somebody who looks."""

    ledger: Ledger
    listening: psycopg.AsyncConnection[TupleRow]
    skus: int
    receipts: Iterator[int] = field(default_factory=count)
    version: int = 1
    """Of the probe."""

    async def round(self, rate: float, seconds: float) -> tuple[Load, float]:
        """Change so many a second, and look for some of them; give how long those took, and the rate there was."""
        over = asyncio.Event()
        pushing = asyncio.create_task(self._push(rate, over))
        latencies: list[float] = []
        began = perf_counter()
        while perf_counter() - began < seconds:
            latencies.append(await self._probe())
            await asyncio.sleep(BETWEEN_PROBES_SECONDS)
        over.set()
        pushed = await pushing
        spent = perf_counter() - began
        return Load.of(latencies, spent), pushed / spent

    async def until_shown(self) -> None:
        """Wait until a reader sees the last change of the probe."""
        async with asyncio.timeout(SHOWN_SECONDS):
            while not await self._is_shown():
                async for _ in self.listening.notifies(timeout=1, stop_after=1):
                    pass

    async def _is_shown(self) -> bool:
        found = await shown(self.ledger.engine, [PROBE])
        return PROBE in found.entries and found.entries[PROBE].version >= self.version

    async def _probe(self) -> float:
        await self._receive([PROBE])
        self.version += 1
        committed_at = perf_counter()
        await self.until_shown()
        return perf_counter() - committed_at

    async def _push(self, rate: float, over: asyncio.Event) -> int:
        """Post at a steady rate, whatever each takes."""
        pushed = 0
        began = perf_counter()
        async with asyncio.TaskGroup() as posting:
            while not over.is_set():
                some = [sku(1 + number) for number in random.sample(range(self.skus - 1), A_POST)]
                posting.create_task(self._receive(some))
                pushed += A_POST
                await asyncio.sleep(max(0.0, began + pushed / rate - perf_counter()))
        return pushed

    async def _receive(self, skus: list[str]) -> None:
        lines = tuple(Quantity(sku=name, quantity=1) for name in skus)
        await self.ledger.post(
            Receive(
                actor="bench",
                receipt_id=f"lag-{next(self.receipts)}",
                location=LOCATION,
                lines=lines,
            )
        )


async def measured(
    urls: DatabaseUrls, *, rate: float, rounds: int, seconds: float, skus: int
) -> tuple[Contest, float]:
    """Measure it in a database of its own; give the rate at which it was changed, too.

    Raises dev.errors.DevError, and TimeoutError where a change is never shown.
    """
    async with _catalogue(urls, skus) as catalogue:
        await catalogue.round(rate, seconds / 5)
        found = [await catalogue.round(rate, seconds) for _ in range(rounds)]
    loads = tuple(load for load, _ in found)
    reached = sum(pushed for _, pushed in found) / len(found)
    return Contest(name="lag", title="from a change to the catalogue", loads=loads), reached


@asynccontextmanager
async def _catalogue(urls: DatabaseUrls, skus: int) -> AsyncIterator[Catalogue]:
    pool = engine(urls.application_url, pool_size=6)
    await stock_up(pool, skus)
    url = plain_url(urls.application_url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as listening:
        await listening.execute(f"LISTEN {CHANNEL}".encode())
        catalogue = Catalogue(ledger=Ledger(pool), listening=listening, skus=skus)
        with _processes(urls):
            await catalogue.until_shown()
            yield catalogue
        await catalogue.ledger.drained()
    await pool.dispose()


@contextmanager
def _processes(urls: DatabaseUrls) -> Iterator[None]:
    """Run a bus, a relay and whoever keeps the noticeboards, each as a process."""
    with TemporaryDirectory(prefix="onhand-bench-") as place, running_nats(Path(place)) as server:
        settings = {"DATABASE_URL": urls.application_url, "NATS_URL": server.url}
        with (
            running(_ours("relay", settings, place)),
            running(_ours("projections", settings, place)),
        ):
            yield


def _ours(command: str, settings: dict[str, str], place: str) -> ChildSpec:
    return ChildSpec(
        name=command,
        command=(sys.executable, "-m", "cli", command),
        environment={**clean_environment(os.environ), **settings},
        log=Path(place) / f"{command}.log",
        directory=ROOT,
    )
