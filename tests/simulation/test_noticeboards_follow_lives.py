"""Whatever a shop lives through, what was told of it in any way ends in the rows that a filling has."""

from __future__ import annotations

from collections import Counter
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from ledger.database import Role, engine
from projections.changes import of_events
from tests.integration.projections.summing.town import (
    BOTH,
    Town,
    events_of,
    in_batches,
    told,
    with_losses,
)
from tests.proof import FULL, size
from tests.simulation.ground import MakeGround
from tests.simulation.machine import LedgerMachine, lives

LIVES = size(share=10, full=400)
STEPS = size(share=30, full=50)


class ToldMachine(LedgerMachine):
    """A life that is told when it is over: half of it never, the rest twice, in any order."""

    told: Counter[str]

    def teardown(self) -> None:
        """Tell it, and hold both noticeboards against the ledger and against a filling."""
        try:
            if self.sound:
                self.ground.run(self._tell())
        finally:
            super().teardown()

    async def _tell(self) -> None:
        database = self.ground.database
        pool = engine(database.application_url, pool_size=2, role=Role.PROJECTIONS)
        town = Town(
            database=database,
            engine=pool,
            events=tuple(events_of(database)),
            generations=count(1),
        )
        # By the life itself, so that a failure is the same when it is tried again.
        random = Random(len(town.events))
        heard = with_losses(random, town.events) * 2
        random.shuffle(heard)
        for make in BOTH:
            noticeboard = make(pool)
            filled = await town.built(noticeboard)
            number = town.begun(noticeboard)
            await told(noticeboard, number, in_batches(random, heard))
            assert town.rows(noticeboard, number) == town.rows(noticeboard, filled)
            assert (await noticeboard.compare(number)).differences == ()
            for table, rows in town.rows(noticeboard, number).items():
                self.told[table] += len(rows)
        self.told["changes"] += len(of_events(town.events))
        await pool.dispose()


@pytest.mark.proof
@pytest.mark.timeout(size(share=900, full=9_000))  # a failure takes minutes to be made small
def test_any_life_told_in_any_way_ends_as_a_filling_does(make_ground: MakeGround) -> None:
    """Every command in any order, three skus at three places; of hundreds, some leave rows of each kind."""
    found: Counter[str] = Counter()
    ground: dict[str, Any] = {
        "make_ground": staticmethod(make_ground),
        "reached": Counter(),
        "told": found,
    }
    run_state_machine_as_test(type("Life", (ToldMachine,), ground), settings=lives(LIVES, STEPS))
    print(f"{LIVES} lives of {STEPS} steps: {dict(found)}")
    kinds = ("board_task", "board_transfer", "analytics_hour") if FULL else ("analytics_hour",)
    assert all(found[table] for table in kinds)
