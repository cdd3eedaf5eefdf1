"""A worker or an API killed at a crash point: whoever comes next tells every checkout to the same end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import httpx2
import pytest

from dev.ports import free_port
from tests.integration.api.front_door import TOKEN_SECRET, WEBHOOK_SECRET
from tests.integration.worker.faults.cases import (
    CALM,
    PLACES,
    Case,
    Passed,
    crossed,
    share,
    told_all,
)
from tests.integration.worker.faults.conftest import all_is_said_and_done, open_premises
from tests.integration.worker.faults.customers import TOKEN_KEYS, customer
from tests.integration.worker.faults.drills import Drills
from tests.integration.worker.faults.record import Record
from tests.integration.worker.faults.trail import rare_states
from tests.integration.worker.processes import ApiProcess, WorkerProcess
from tests.proof import FULL
from tests.workflows.gate import Fault
from tests.workflows.shop import Forward, Shop

AT_ONCE = 6
WORKERS = 2 if FULL else 1
STEP_SECONDS = 2
PATIENCE_SECONDS = 240
SHARE = frozenset(
    {
        "provider.capture.after",
        "ledger.commit.after",
        "webhook.store.after",
    }
)
INTERVALS = {
    "ONHAND_DELIVERY_INTERVAL_SECONDS": "0.2",
    "ONHAND_ORPHAN_INTERVAL_SECONDS": "0.3",
    "ONHAND_ORPHAN_GRACE_SECONDS": "1",
    "ONHAND_ORPHAN_RECHECK_SECONDS": "1",
    "ONHAND_POLLING_INTERVAL_SECONDS": "0.3",
}


@dataclass(kw_only=True)
class Branch:
    """A shop whose front door and workers are processes, started again whenever they die."""

    shop: Shop
    drills: Drills
    http: httpx2.AsyncClient
    place: Path
    port: int
    deaths: int = 0
    silence: str = "3600"
    """Seconds after which the workers ask the provider after a payment."""
    workers: list[WorkerProcess] = field(default_factory=list)
    opened: ExitStack = field(default_factory=ExitStack)

    async def play(self, case: Case, forward: Forward) -> tuple[Passed, bool, set[str]]:
        """Play a case to its right ending, with a death at its place."""
        checkout = await customer(
            self.shop,
            self.http,
            stock=case.scenario.stock,
            ttl_seconds=case.scenario.ttl_seconds,
            step_seconds=STEP_SECONDS,
        )
        self.drills.kill(checkout.id, case.place, later=case.later)
        await case.scenario.told(self.shop, checkout, forward, patience=PATIENCE_SECONDS)
        died = self.drills.died(checkout.id, case.place)
        self.drills.call_off(checkout.id, case.place)
        return Passed(), died, await rare_states(checkout)

    async def keep(self, start: Callable[[], WorkerProcess]) -> None:
        """Start a process whenever there is none, as a supervisor does; it may die of its drills alone."""
        while True:
            process = start()
            self.opened.callback(process.close)
            while process.process.poll() is None:
                await asyncio.sleep(0.05)
            assert process.process.returncode == -signal.SIGKILL, process.log.read_text()[-3_000:]
            self.deaths += 1

    def worker(self) -> WorkerProcess:
        """Start a worker."""
        started = WorkerProcess(
            self.shop,
            self.place / "worker.log",
            **self._settings(),
            **INTERVALS,
            ONHAND_POLLING_SILENCE_SECONDS=self.silence,
        )
        self.workers.append(started)
        return started

    @asynccontextmanager
    async def asking_after_payments(self) -> AsyncIterator[None]:
        """Let the workers ask after every payment: those that do not are killed, for others to come."""
        self.silence = "0.5"
        for worker in self.workers:
            worker.close()
        yield

    def front_door(self) -> ApiProcess:
        """Start an API, where the last one was."""
        return ApiProcess(
            self.shop,
            self.place / "api.log",
            **self._settings(),
            ONHAND_API_PORT=str(self.port),
            ONHAND_TOKEN_SECRET=TOKEN_SECRET,
            STRIPE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
            ONHAND_TTL_MIN_SECONDS="1",
        )

    def _settings(self) -> dict[str, str]:
        client = self.shop.client
        return {
            "address": client.service_client.config.target_host,
            "namespace": client.namespace,
            "drills": str(self.drills.directory),
            "ONHAND_RESERVATION_TOKEN_KEYS": TOKEN_KEYS,
        }


@pytest.mark.proof
@pytest.mark.timeout(3_600)
# The SDK's own: an attempt that outlived its time may be over when it is told to end.
@pytest.mark.filterwarnings("default:Cannot find activity to cancel:UserWarning")
async def test_a_process_that_dies_anywhere_changes_no_ending(
    roomy_shop: Shop, forward: Forward, tmp_path: Path, record: Record
) -> None:
    """At each place that each scenario passes, with every checkout that it had in hand."""
    cases = await _whole(roomy_shop, forward) if FULL else _share()
    async with _branch(roomy_shop, tmp_path) as branch:
        await told_all(
            cases,
            partial(branch.play, forward=forward),
            at_once=AT_ONCE,
            record=record,
            asking=branch.asking_after_payments,
        )
        await all_is_said_and_done(branch.shop)
    print(
        f"{branch.deaths} deaths, {len(record.shown.parts)} of {len(cases)} cases\n{record.table()}"
    )
    assert record.left(cases) == [], "out of time: run it again, it goes on where it was"
    died_at = {place for place, fault in record.faults() if fault == Fault.DEATH.value}
    assert died_at == (PLACES if FULL else SHARE)


def _share() -> list[Case]:
    return [replace(case, fault=Fault.DEATH) for case in share() if case.place in SHARE]


async def _whole(shop: Shop, forward: Forward) -> list[Case]:
    """See in this process which places each scenario passes."""
    async with open_premises(shop) as premises:
        told = await told_all(
            CALM,
            partial(premises.play, forward=forward),
            at_once=AT_ONCE * 2,
            record=Record(),
        )
    return crossed({case.scenario: places for case, places in told.items()}, Fault.DEATH)


@asynccontextmanager
async def _branch(shop: Shop, place: Path) -> AsyncIterator[Branch]:
    drills = Drills(place / "drills")
    drills.directory.mkdir()
    port = free_port()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        branch = Branch(
            shop=replace(shop, gate=drills, queue=f"{shop.queue}-branch"),
            drills=drills,
            http=http,
            place=place,
            port=port,
        )
        starts = [branch.front_door, *[branch.worker] * WORKERS]
        kept = [asyncio.create_task(branch.keep(start)) for start in starts]
        with branch.opened:
            try:
                yield branch
            finally:
                for task in kept:
                    task.cancel()
                for task in kept:
                    with suppress(asyncio.CancelledError):
                        await task
