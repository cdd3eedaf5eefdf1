"""How long the catalogue takes to show a change, while the way there has half of what it can carry."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
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
from projections.generations import AVAILABILITY
from projections.notices import CHANNEL

ROOT = Path(__file__).resolve().parents[2]
PROBES = [sku(number) for number in range(8)]
"""Changed by nobody else, so that their versions are known."""
A_POST = 25
"""Movements that are posted together: what a receipt of a warehouse has."""
AT_ONCE = 20
"""Posts of a burst that are under way together."""
BETWEEN_PROBES_SECONDS = 0.1
SHOWN_SECONDS = 60.0
_OTHERS = ("--only", "board", "--only", "analytics")

_BEHIND = b"""
SELECT (SELECT sum(sequence) FROM stock) - coalesce((SELECT sum(sequence) FROM projections.availability), 0)
"""


@dataclass(slots=True, kw_only=True)
class Catalogue:
    """A shop whose changes are carried and heeded by processes of their own, and somebody who looks."""

    ledger: Ledger
    listening: psycopg.AsyncConnection[TupleRow]
    skus: int
    relay: Callable[[], AbstractContextManager[None]]
    """Runs one as a process, for the time of a block."""
    receipts: Iterator[int] = field(default_factory=count)
    versions: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(PROBES, 1)))
    """Of the probes."""
    seen: Counter[str] = field(default_factory=Counter)
    looked: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def carried(self, burst: int) -> float:
        """Let so many changes wait for a relay; give how many a second the catalogue then comes to show."""
        for _ in range(0, burst, A_POST * AT_ONCE):
            await asyncio.gather(*(self._receive(self._some()) for _ in range(AT_ONCE)))
        with self.relay():
            first = await self._behind()
            while (left := await self._behind()) == first:
                await self._heard()
            began = perf_counter()
            while await self._behind() > 0:
                await self._heard()
            return left / (perf_counter() - began)

    async def round(self, rate: float, seconds: float) -> tuple[Load, float]:
        """Change so many a second, and look for some of them; give how long those took, and the rate there was."""
        over = asyncio.Event()
        looking = asyncio.create_task(self._look())
        pushing = asyncio.create_task(self._push(rate, over))
        began = perf_counter()
        until = began + seconds
        found = await asyncio.gather(*(self._probed(probe, until) for probe in PROBES))
        over.set()
        pushed = await pushing
        spent = perf_counter() - began
        looking.cancel()
        return Load.of([one for some in found for one in some], spent), pushed / spent

    async def until_shown(self) -> None:
        """Wait until a reader sees the last change of each probe."""
        async with asyncio.timeout(SHOWN_SECONDS):
            while await self._seen() != self.versions:
                await self._heard()

    async def _look(self) -> None:
        """Read the probes whenever it is said that something changed, as whoever feeds a page does."""
        while True:
            await self._heard()
            self.seen = await self._seen()
            async with self.looked:
                self.looked.notify_all()

    async def _heard(self) -> None:
        for seconds in (1, 0):  # at the first, and whatever else has come by then
            async for _ in self.listening.notifies(
                timeout=seconds, stop_after=1 if seconds else None
            ):
                pass

    async def _behind(self) -> int:
        """Count the changes that it does not show."""
        ((behind,),) = await (await self.listening.execute(_BEHIND)).fetchall()
        return int(behind)

    async def _seen(self) -> Counter[str]:
        found = await shown(self.ledger.engine, PROBES)
        return Counter({probe: entry.version for probe, entry in found.entries.items()})

    async def _probed(self, probe: str, until: float) -> list[float]:
        """Change it again and again, and look how long each change took; they come apart from each other."""
        latencies: list[float] = []
        while perf_counter() < until:
            await asyncio.sleep(random.uniform(0, 2 * BETWEEN_PROBES_SECONDS))
            await self._receive([probe])
            self.versions[probe] += 1
            committed_at = perf_counter()
            async with self.looked, asyncio.timeout(SHOWN_SECONDS):
                await self.looked.wait_for(lambda: self.seen[probe] >= self.versions[probe])
            latencies.append(perf_counter() - committed_at)
        return latencies

    async def _push(self, rate: float, over: asyncio.Event) -> int:
        """Post at a steady rate, whatever each takes."""
        pushed = 0
        began = perf_counter()
        async with asyncio.TaskGroup() as posting:
            while not over.is_set():
                posting.create_task(self._receive(self._some()))
                pushed += A_POST
                await asyncio.sleep(max(0.0, began + pushed / rate - perf_counter()))
        return pushed

    def _some(self) -> list[str]:
        return [sku(number) for number in random.sample(range(len(PROBES), self.skus), A_POST)]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How long changes took, at which rate, and how many a second could have been carried."""

    contest: Contest
    carried: float
    rate: float


async def measured(
    urls: DatabaseUrls, *, burst: int, rounds: int, seconds: float, skus: int
) -> Lag:
    """Measure it in a database of its own, at half of what a burst of changes shows can be carried.

    Raises dev.errors.DevError, and TimeoutError where a change is never shown.
    """
    async with _catalogue(urls, skus) as catalogue:
        carried = await catalogue.carried(burst)
        with catalogue.relay():
            await catalogue.until_shown()
            await catalogue.round(carried / 2, seconds / 5)
            found = [await catalogue.round(carried / 2, seconds) for _ in range(rounds)]
    return Lag(
        contest=Contest(
            name="lag",
            title="from a change to the catalogue",
            loads=tuple(load for load, _ in found),
        ),
        carried=carried,
        rate=sum(pushed for _, pushed in found) / len(found),
    )


@asynccontextmanager
async def _catalogue(urls: DatabaseUrls, skus: int) -> AsyncIterator[Catalogue]:
    pool = engine(urls.application_url, pool_size=6)
    await stock_up(pool, skus)
    url = plain_url(urls.application_url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as listening:
        await listening.execute(f"LISTEN {CHANNEL}".encode())
        with _kept(urls) as relay:
            catalogue = Catalogue(ledger=Ledger(pool), listening=listening, skus=skus, relay=relay)
            with relay():
                await catalogue.until_shown()
            yield catalogue
        await catalogue.ledger.drained()
    await pool.dispose()


@contextmanager
def _kept(urls: DatabaseUrls) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Run a bus and whoever keeps the noticeboards as processes, the catalogue by itself; give how to run a relay."""
    with TemporaryDirectory(prefix="onhand-bench-") as place, running_nats(Path(place)) as server:
        settings = {"DATABASE_URL": urls.application_url, "NATS_URL": server.url}

        @contextmanager
        def relay() -> Iterator[None]:
            with running(_ours("relay", settings, place)):
                yield

        with (
            running(_ours("projections", settings, place, "--only", AVAILABILITY)),
            running(_ours("projections", settings, place, *_OTHERS)),
        ):
            yield relay


def _ours(command: str, settings: dict[str, str], place: str, *options: str) -> ChildSpec:
    return ChildSpec(
        name=command,
        command=(sys.executable, "-m", "cli", command, *options),
        environment={**clean_environment(os.environ), **settings},
        log=Path(place) / f"{command}.log",
        directory=ROOT,
    )
