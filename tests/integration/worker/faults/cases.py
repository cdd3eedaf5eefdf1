"""What is tried: every scenario, disturbed once at each place it passes, by each fault that can come up there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import api.app
import worker.main
from ledger import crash_points
from tests.integration.worker.faults import scenarios as plays
from tests.integration.worker.faults.record import Record
from tests.integration.worker.faults.scenarios import SCENARIOS, UNTOLD, Scenario
from tests.workflows.gate import Fault

ROOMS = (api.app, worker.main)
"""With these loaded every place is named: nothing else runs in production."""
PLACES = frozenset(
    place for place in crash_points.places() if not place.startswith(("relay.", "projections."))
)
"""Relay and noticeboards have processes of their own, and tests of their own."""
TRIES = 3
HELD_UP_AT_ONCE = 2
ENOUGH_FAILED = 5
"""One wrong ending leaves the others to be tried; whatever fails them all need not wait for each."""
NOT_THE_FRONT_DOORS = 3
"""Commits after which a checkout's are its worker's."""
COMMITS = ("ledger.commit.before", "ledger.commit.after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario, disturbed once: where a place is passed often, after it has been passed so many times."""

    scenario: Scenario
    place: str = ""
    fault: Fault = Fault.NONE
    later: int = 0

    @property
    def name(self) -> str:
        """Name it."""
        again = f" (after {self.later} times)" if self.later else ""
        return f"{self.scenario.name}: {self.place} {self.fault.value}{again}"

    @property
    def holds_up(self) -> bool:
        """Tell whether others wait as well."""
        return self.place in COMMITS and self.fault is Fault.OUTLIVE


Passed = Counter[str]
"""How often each place was passed."""

Play = Callable[[Case], Awaitable[tuple[Passed, bool, set[str]]]]
"""Plays a case to its right ending; tells what was passed, whether the fault came up, and rare states."""

CALM = tuple(Case(scenario=scenario) for scenario in (*SCENARIOS, UNTOLD))

_WHERE: dict[plays.Play, str] = {
    plays.paid: "reserve_stock request_payment accept_payment capture_payment confirm_order"
    " ledger.commit provider.authorize provider.capture api.decide webhook.store delivery.bring",
    plays.declined: "void_payment provider.void",
    plays.abandoned: "expire_hold",
    plays.cancelled: "release_stock api.cancel",
    plays.extended: "extend_hold api.extend",
    plays.paid_late: "reacquire_stock",
    plays.debited_too_late: "refund_payment provider.refund",
    plays.taken_back: "cancel_order",
    plays.never_begun: "orphans.repair",
    plays.lost: "find_checkout",
    plays.lost_and_abandoned: "reaper.expire",
    plays.paid_in_silence: "polling.tell",
    plays.given_back: "find_debts pay_refund api.pay_back",
    plays.returned: "find_return_debts",
    plays.charged_beside: "delivery.rescue find_late_payment give_back_stray",
}
"""The first scenario that comes by each place: what is tried of it in every run."""


def share() -> list[Case]:
    """Give one fault a place: what was done and is not told in time, which a second attempt runs beside."""
    by_play = {case.scenario.play: case.scenario for case in CALM}
    return [
        Case(
            scenario=by_play[play],
            place=f"{name}.after",
            # Held up, it would hold up all the others.
            fault=Fault.RAISE if name == "ledger.commit" else Fault.OUTLIVE,
            later=NOT_THE_FRONT_DOORS if f"{name}.after" in COMMITS else 0,
        )
        for play, names in _WHERE.items()
        for name in names.split()
    ]


def crossed(passed: Mapping[Scenario, Passed], *faults: Fault) -> list[Case]:
    """Give every scenario at every place it passes with every fault; some of its commits, which are many."""
    return [
        Case(scenario=scenario, place=place, fault=fault, later=later)
        for scenario, places in passed.items()
        for place, times in sorted(places.items())
        for fault in faults
        if fault is not Fault.UNANSWERED
        or (place.startswith("provider.") and place.endswith("after"))
        for later in (
            sorted({min(NOT_THE_FRONT_DOORS, times - 1), times - 1}) if place in COMMITS else (0,)
        )
    ]


async def told_all(
    cases: Iterable[Case],
    play: Play,
    *,
    at_once: int,
    record: Record,
    asking: Callable[[], AbstractAsyncContextManager[None]] | None = None,
) -> dict[Case, Passed]:
    """Tell all that the record has not: first those that `asking` the provider after every payment disturbs.

    A commit that is held up holds up whoever waits behind it: many at once would be another fault than one.
    """
    due = [case for case in cases if case.name not in record]
    usual = [case for case in due if case.scenario is not UNTOLD or not asking]
    told = await _crowd([c for c in usual if not c.holds_up], play, at_once, record)
    told |= await _crowd([c for c in usual if c.holds_up], play, HELD_UP_AT_ONCE, record)
    if asking and len(usual) < len(due):
        async with asking():
            untold = [case for case in due if case.scenario is UNTOLD]
            told |= await _crowd(untold, play, at_once, record)
    return told


async def _crowd(cases: list[Case], play: Play, at_once: int, record: Record) -> dict[Case, Passed]:
    crowd = asyncio.Semaphore(at_once)
    told: dict[Case, Passed] = {}
    failed: list[Exception] = []

    async def tell(case: Case) -> None:
        async with crowd:
            if record.out_of_time() or len(failed) >= ENOUGH_FAILED:
                return
            try:
                told[case] = await _until_it_comes_up(case, play, record)
            except Exception as error:  # noqa: BLE001 - told with all the others
                error.add_note(case.name)
                failed.append(error)

    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(tell(case))
    if failed:
        message = "not the ending it should have been"
        raise ExceptionGroup(message, failed)
    return told


async def _until_it_comes_up(case: Case, play: Play, record: Record) -> Passed:
    """Play until the fault has come up.

    Who is first of several who may do a thing is a race: a place that was passed once may be left out.
    """
    for _ in range(TRIES):
        passed, came_up, rare = await play(case)
        if came_up:
            record.add(case.name, place=case.place, fault=case.fault.value, rare=rare)
            return passed
    record.add(case.name, place=case.place, fault="did not come up again", rare=set())
    return passed
