"""One fault at every crash point of every scenario: the ending is the one it has without.

A fault is an attempt that raises, or one that takes longer than it may, so that a second runs beside it:
before the step has done anything, or after it has and before it could tell.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.proof import FULL
from tests.workflows.gate import Fault
from tests.workflows.scenarios import SCENARIOS, TTL_SECONDS, Scenario
from tests.workflows.shop import Forward, Shop
from workflows.steps import Step

STEP_SECONDS = 1
AT_ONCE = 12
PLACES = frozenset(f"{step.value}.{when}" for step in Step for when in ("before", "after"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario, disturbed once."""

    scenario: Scenario
    place: str = ""
    fault: Fault = Fault.NONE

    async def told(self, shop: Shop, forward: Forward) -> set[str]:
        """Play it; give the places that were passed."""
        lamp = await shop.stock("brass-lamp", self.scenario.stock)
        checkout = await shop.open(lamp, ttl_seconds=TTL_SECONDS, step_seconds=STEP_SECONDS)
        shop.gate.disturb(checkout.id, self.place, self.fault, seconds=STEP_SECONDS * 1.7)
        await self.scenario.told(shop, checkout, forward)
        if self.fault is not Fault.NONE:
            assert not shop.gate.met[checkout.id, self.place], "the fault never happened"
        return shop.gate.places[checkout.id]


@pytest.mark.proof
@pytest.mark.timeout(3_000)
async def test_one_fault_anywhere_changes_no_ending(shop: Shop, forward: Forward) -> None:
    """Every place is passed by some scenario: one that never was has shown nothing."""
    calm = [Case(scenario=scenario) for scenario in SCENARIOS]
    passed = dict(zip(SCENARIOS, await _all_told(calm, shop, forward), strict=True))
    assert set().union(*passed.values()) == PLACES

    cases = [
        Case(scenario=scenario, place=place, fault=fault)
        for scenario, places in passed.items()
        for place in sorted(places)
        for fault in (Fault.RAISE, Fault.OUTLIVE)
    ]
    first = {place: next(s for s in SCENARIOS if place in passed[s]) for place in PLACES}
    tried = cases if FULL else [case for case in cases if first[case.place] is case.scenario]
    await _all_told(tried, shop, forward)

    counted = Counter((case.place, case.fault.value) for case in tried)
    assert {place for place, _ in counted} == PLACES
    print(f"{len(tried)} of {len(cases)} single faults, each with its right ending")
    for (place, fault), times in sorted(counted.items()):
        print(f"{times:4} {place} {fault}")


async def _all_told(cases: list[Case], shop: Shop, forward: Forward) -> list[set[str]]:
    crowd = asyncio.Semaphore(AT_ONCE)

    async def told(case: Case) -> set[str]:
        async with crowd:
            try:
                return await case.told(shop, forward)
            except Exception as error:
                error.add_note(f"{case.scenario.name}, {case.place} {case.fault.value}")
                raise

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(told(case)) for case in cases]
    return [task.result() for task in tasks]
