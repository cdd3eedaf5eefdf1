"""One fault at every crash point of every scenario: the ending is the one it has without.

A fault is an attempt that raises; a reply of the provider that is lost when it has acted; or an attempt that
takes longer than it may, so that a second runs beside it. Each before something has been done, or after it
has and before it could be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pytest

from tests.integration.worker.faults.cases import (
    CALM,
    PLACES,
    Case,
    Passed,
    crossed,
    share,
    told_all,
)
from tests.integration.worker.faults.conftest import Premises, all_is_said_and_done, open_premises
from tests.integration.worker.faults.record import Record
from tests.integration.worker.faults.trail import RARE
from tests.proof import FULL
from tests.workflows.gate import Fault
from tests.workflows.shop import Forward, Shop

AT_ONCE = 12
FAULTS = (Fault.RAISE, Fault.UNANSWERED, Fault.OUTLIVE)


@pytest.mark.proof
@pytest.mark.timeout(3_600)
# The SDK's own: an attempt that outlived its time may be over when it is told to end.
@pytest.mark.filterwarnings("default:Cannot find activity to cancel:UserWarning")
async def test_one_fault_anywhere_changes_no_ending(
    roomy_shop: Shop, forward: Forward, record: Record
) -> None:
    """Every place is passed by some scenario: one that never was has shown nothing."""
    async with open_premises(roomy_shop) as premises:
        told = await _told(CALM if FULL else share(), premises, forward, Record())
        assert set().union(*told.values()) == PLACES
        if FULL:
            passed = {case.scenario: places for case, places in told.items()}
            cases = crossed(passed, *FAULTS)
            await _told(cases, premises, forward, record)
        await all_is_said_and_done(roomy_shop)
        if FULL:
            print(f"{len(record.shown.parts)} of {len(cases)} single faults\n{record.table()}")
            assert record.left(cases) == [], "out of time: run it again, it goes on where it was"
            assert {place for place, _ in record.faults()} == PLACES
            assert set(RARE) - set(record.rare()) == set(), "never reached"


async def _told(
    cases: Iterable[Case], premises: Premises, forward: Forward, record: Record
) -> dict[Case, Passed]:
    return await told_all(
        cases,
        partial(premises.play, forward=forward),
        at_once=AT_ONCE,
        record=record,
    )
