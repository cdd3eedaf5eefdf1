"""One engine whose time can be skipped, one till and one ledger for all checkouts of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from activities.tracing import Tracing
from dev.temporal import TIME_SKIPPING, find_temporal
from ledger.database import engine
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.provider import PaymentProvider
from tests.copies import Copies, Database
from tests.workflows.shop import Checkout, Forward, Shop, delivery_of
from tests.workflows.till import KEY, Till, Wire, open_wire
from workflows.search_attributes import (
    EXPIRES_AT,
    NEEDS_ATTENTION,
    ORDER_ID,
    SKU_COUNT,
    SKUS,
    STAGE,
    STAGE_SINCE,
)

ATTRIBUTES: list[SearchAttributeKey[Any]] = [
    ORDER_ID,
    STAGE,
    STAGE_SINCE,
    NEEDS_ATTENTION,
    SKUS,
    SKU_COUNT,
    EXPIRES_AT,
]


@pytest.fixture(scope="session")
async def engine_room() -> AsyncIterator[WorkflowEnvironment]:
    """Give a Temporal on which each workflow has a clock of its own, that stands until it is pushed."""
    env = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=find_temporal(),
        dev_server_extra_args=["--dynamic-config-value", TIME_SKIPPING],
        dev_server_log_level="error",
        search_attributes=ATTRIBUTES,
        data_converter=pydantic_data_converter,
        interceptors=[Tracing()],
    )
    async with env:
        yield env


@pytest.fixture(scope="session")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    """Give a simulator of the provider."""
    running = Till(tmp_path_factory.mktemp("till") / "state.jsonl")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
async def wire(till: Till) -> AsyncIterator[Wire]:
    """Give the wire to it."""
    async with open_wire(till) as opened:
        yield opened


@pytest.fixture(scope="session")
def shop_database(copies: Copies) -> Iterator[Database]:
    """Give one database for all of them; every checkout here has a sku of its own."""
    with copies.one() as database:
        yield database


@pytest.fixture(scope="session")
async def counter(
    engine_room: WorkflowEnvironment, till: Till, wire: Wire, shop_database: Database
) -> AsyncIterator[Shop]:
    """Give the shop before anybody works in it."""
    pool = engine(shop_database.application_url, pool_size=20)
    provider = PaymentProvider(base=wire.url, key=KEY, timeout_seconds=3)
    watch = Watch(pool)
    yield Shop(
        client=engine_room.client,
        ledger=Ledger(pool),
        watch=watch,
        provider=provider,
        till=till,
        wire=wire,
        database=shop_database,
        delivery=delivery_of(watch, engine_room.client),
        queue="checkout",
    )
    await provider.close()
    await pool.dispose()


@pytest.fixture(scope="session")
async def shop(counter: Shop) -> AsyncIterator[Shop]:
    """Give the shop with a worker in it."""
    async with counter.working():
        yield counter


@pytest.fixture(scope="session")
async def forgetful_shop(counter: Shop) -> AsyncIterator[Shop]:
    """Give the shop with a worker that keeps no workflow in memory: each task replays from the start."""
    forgetful = replace(counter, queue="forgetful")
    async with forgetful.working(max_cached_workflows=0):
        yield forgetful


@pytest.fixture(params=["remembering", "forgetful"])
def any_shop(request: pytest.FixtureRequest) -> Shop:
    """Give the shop with either worker; what is not deterministic shows with the second."""
    name = "shop" if request.param == "remembering" else "forgetful_shop"
    shop: Shop = request.getfixturevalue(name)
    return shop


@pytest.fixture
def empty_shop(counter: Shop) -> Shop:
    """Give the shop with a queue that nobody works on, until the test says so."""
    return replace(counter, queue=f"queue-{next(counter.numbers)}")


@pytest.fixture
def forward(engine_room: WorkflowEnvironment) -> Forward:
    """Push a checkout's clock by that many seconds; it says whether the checkout was still there."""

    async def push(checkout: Checkout, seconds: float) -> bool:
        return await engine_room.fast_forward(checkout.handle, timedelta(seconds=seconds))

    return push
