"""A shop with its front door open and its nets hung, all in this process, so that any of it may be disturbed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from api.app import create_app
from api.availability.feed import AvailabilityFeed
from api.checkout_engine import CheckoutEngine
from api.reservation_tokens import ReservationTokens
from api.tokens import TokenVerifier
from api.wiring import Wiring
from ledger import inbox
from ledger.database import Role, engine
from ledger.posting import Ledger
from ledger.promises import Promises, SilentPayment
from ledger.watch import Watch
from settings.model import CheckoutSettings, ReservationTokenSettings, TokenSettings
from tests.copies import Database
from tests.integration.api.front_door import TOKEN_SECRET, WEBHOOK_SECRET
from tests.integration.ledger.shop import broken_promises
from tests.integration.worker.faults.cases import Case, Passed
from tests.integration.worker.faults.customers import LOOK_SECONDS, TOKEN_KEYS, customer
from tests.integration.worker.faults.record import FOLDER, Record
from tests.integration.worker.faults.scenarios import UNTOLD
from tests.integration.worker.faults.trail import lay as lay_trail
from tests.integration.worker.faults.trail import rare_states
from tests.proof import FULL, fingerprint
from tests.workflows.nets import orphans, polling, reaper
from tests.workflows.shop import Forward, Shop, delivery_of
from worker.alarm import ChannelAlarm
from worker.loops import run_loop

GRACE = timedelta(seconds=0.5)
"""Of debts; rows without a workflow are left alone for longer, or their net would pay debts before this one."""
STEP_SECONDS = 2
PATIENCE_SECONDS = 120
BEGUN = time.monotonic()
"""When this run began: `make faults` is over an hour later, whatever is left."""


class OfSome(Promises):
    """Those of some checkouts: the others are to be found by other means than asking."""

    def __init__(self, pool: AsyncEngine, checkouts: set[str]) -> None:
        super().__init__(pool)
        self.checkouts = checkouts

    async def silent_payments(self, silence: timedelta) -> list[SilentPayment]:
        """List payments that are waited for and of which nothing was heard for that long."""
        silent = await super().silent_payments(silence)
        return [payment for payment in silent if payment.checkout_id in self.checkouts]


@dataclass(kw_only=True)
class Premises:
    """A shop and the way into it."""

    shop: Shop
    http: httpx2.AsyncClient
    asked_after: set[str]

    async def play(self, case: Case, forward: Forward) -> tuple[Passed, bool, set[str]]:
        """Play a case to its right ending, with the fault in this process."""
        checkout = await customer(
            self.shop,
            self.http,
            stock=case.scenario.stock,
            ttl_seconds=case.scenario.ttl_seconds,
            step_seconds=STEP_SECONDS,
        )
        if case.scenario is UNTOLD:
            self.asked_after.add(checkout.id)
        gate, outlived = self.shop.gate, STEP_SECONDS * 1.7
        gate.disturb(checkout.id, case.place, case.fault, seconds=outlived, later=case.later)
        await case.scenario.told(self.shop, checkout, forward, patience=PATIENCE_SECONDS)
        came_up = not gate.met[checkout.id, case.place]
        return gate.places[checkout.id], came_up, await rare_states(checkout)


@pytest.fixture
async def roomy_shop(counter: Shop, database: Database) -> AsyncIterator[Shop]:
    """Give a shop with an empty ledger, wide enough for all who work in one process here."""
    pool = engine(database.application_url, pool_size=30)
    watch, queue = Watch(pool), f"queue-{next(counter.numbers)}"
    ledger = Ledger(pool)
    lay_trail(database)
    yield replace(
        counter,
        ledger=ledger,
        watch=watch,
        database=database,
        delivery=delivery_of(watch, counter.client, queue),
        queue=queue,
    )
    await ledger.drained()
    await pool.dispose()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Give what is kept of a whole proof; a share of it keeps nothing."""
    if not FULL:
        return Record()
    minutes = float(os.environ.get("ONHAND_FAULTS_MINUTES", "60"))
    name = f"{fingerprint()}-{request.path.stem}.jsonl"
    return Record(FOLDER / name, ends_at=BEGUN + minutes * 60)


async def all_is_said_and_done(shop: Shop) -> None:
    """See every promise kept once all stories are over, those in time without any grace."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while broken := broken_promises(shop.database, grace="0"):
        assert time.monotonic() < ends_at, broken
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def open_premises(shop: Shop) -> AsyncIterator[Premises]:
    """Open them: front door, worker and nets."""
    asked_after: set[str] = set()
    async with shop.working(), _front_door(shop) as http, _nets(shop, asked_after):
        yield Premises(shop=shop, http=http, asked_after=asked_after)


@asynccontextmanager
async def _front_door(shop: Shop) -> AsyncIterator[httpx2.AsyncClient]:
    async def client() -> Client:
        return shop.client

    inbox = engine(shop.database.application_url, pool_size=5, role=Role.WEBHOOK)
    checkout_engine = CheckoutEngine(client, task_queue=shop.queue, wait_seconds=3)
    signing = ReservationTokenSettings(reservation_token_keys=SecretStr(TOKEN_KEYS))
    wiring = Wiring(
        ledger=shop.ledger,
        inbox=inbox,
        engine=checkout_engine,
        tokens=TokenVerifier(TokenSettings(token_secret=SecretStr(TOKEN_SECRET))),
        reservation_tokens=ReservationTokens(signing.token_keys()),
        webhook_secrets=(WEBHOOK_SECRET,),
        checkout=CheckoutSettings(ttl_min_seconds=1),
        step_seconds=STEP_SECONDS,
        noticeboards=shop.ledger.engine,
        availability=AvailabilityFeed(reading=shop.ledger.engine, line=shop.ledger.engine),
    )
    transport = httpx2.ASGITransport(app=create_app(wiring), raise_app_exceptions=False)
    async with (
        checkout_engine.running(),
        httpx2.AsyncClient(transport=transport, base_url="http://onhand") as http,
    ):
        yield http
    await inbox.dispose()


@asynccontextmanager
async def _nets(shop: Shop, asked_after: set[str]) -> AsyncIterator[None]:
    asking = polling(shop, GRACE)
    asking.promises = OfSome(shop.ledger.engine, asked_after)
    alarm = ChannelAlarm(shop.ledger.engine, inbox.CHANNEL)
    try:
        async with _running(
            run_loop("delivery", shop.delivery.round, 0.5, alarm),
            run_loop("reaper", reaper(shop).round, 0.5),
            run_loop("orphans", orphans(shop, 2 * GRACE, recheck=4 * GRACE).round, 0.5),
            run_loop("polling", asking.round, 0.3),
        ):
            yield
    finally:
        await alarm.close()


@asynccontextmanager
async def _running(*loops: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
