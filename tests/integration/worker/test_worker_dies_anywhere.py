"""A worker killed at a crash point: whoever comes next tells every checkout to the same end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.worker.processes import Employ, WorkerProcess
from tests.proof import FULL
from tests.workflows.scenarios import (
    SCENARIOS,
    TTL_SECONDS,
    Scenario,
    paid_late_for_nothing,
    taken_back,
)
from tests.workflows.shop import Forward, Shop
from workflows.steps import Step

PLAYED = [
    scenario
    for scenario in SCENARIOS
    # These need a step held back, which is done in the worker's own process.
    if scenario.play not in (paid_late_for_nothing, taken_back)
]
EVERYWHERE = [
    f"{step}.{when}"
    for step in Step
    # Only an operator's cancel past the fence comes to it.
    if step is not Step.CANCEL_ORDER
    for when in ("before", "after")
]
SHARE = [
    f"{step}.after"
    for step in (Step.RESERVE_STOCK, Step.REQUEST_PAYMENT, Step.CAPTURE_PAYMENT, Step.VOID_PAYMENT)
]
PLACES = EVERYWHERE if FULL else SHARE


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_a_worker_that_dies_anywhere_changes_no_ending(
    own_shop: Shop, employ: Employ, forward: Forward, tmp_path: Path
) -> None:
    """Once at each place, with every checkout that it had in hand."""
    drills = tmp_path / "drills"
    drills.mkdir()
    for place in PLACES:
        (drills / place).touch()
    keeping = asyncio.create_task(_always_one(employ, own_shop, drills))
    try:
        async with asyncio.TaskGroup() as group:
            for scenario in PLAYED:
                group.create_task(_told(scenario, own_shop, forward))
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    survived = {place.name for place in drills.iterdir()}
    assert survived == set(), "nobody came there"
    print(f"{len(PLACES)} deaths, {len(PLAYED)} checkouts, each with its right ending")


async def _told(scenario: Scenario, shop: Shop, forward: Forward) -> None:
    lamp = await shop.stock("brass-lamp", scenario.stock)
    checkout = await shop.open(lamp, ttl_seconds=TTL_SECONDS, step_seconds=2)
    await scenario.told(shop, checkout, forward, patience=240)


async def _always_one(employ: Employ, shop: Shop, drills: Path) -> None:
    """Start a worker whenever there is none, as a supervisor does; it may die of its drills alone."""
    address = shop.client.service_client.config.target_host
    while True:
        worker: WorkerProcess = employ(address, shop.client.namespace, drills=str(drills))
        while worker.process.poll() is None:
            await asyncio.sleep(0.05)
        assert worker.process.returncode == -signal.SIGKILL, worker.log.read_text()
