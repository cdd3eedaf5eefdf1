"""Two processes full of callers, and every answer they were given held against the ledger."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.copies import Database
from tests.history.check import Fault, check
from tests.history.conftest import Say
from tests.history.crowds import crowds, days_of, histories
from tests.history.days import MANY, proved, stocked, summary, told, wishes
from tests.history.plants import PLANTS
from tests.history.record import Outcome
from tests.integration.ledger.proxy import Cut
from tests.proof import FULL, size

OPERATIONS = size(share=5_000, full=100_000)
PLANTED = tuple(PLANTS) if FULL else (Fault.UNJUSTIFIED, Fault.OUT_OF_ORDER, Fault.CYCLE)
"""Every day those that need a long history to hide in; the checker's own tests plant them all."""
CUT_OPERATIONS = size(share=300, full=3_000)
CROSSED_SECONDS = size(share=3, full=60)


@pytest.mark.proof
@pytest.mark.timeout(1_800 if FULL else 300)
async def test_every_answer_of_a_busy_day_was_true(
    database: Database, tmp_path: Path, say: Say
) -> None:
    """Stock runs out, keys are posted twice, callers hang up, wires are cut; each fault planted in it is found."""
    dawn = await stocked(database, scarce=20)
    plan = wishes(
        database,
        tmp_path,
        seed=7,
        posts=OPERATIONS // 2,
        doubled=0.05,
        hurried=0.02,
        forgetful=0.3,
        batching=2,
        on_wires=4,
        cut=[cut.name for cut in Cut],
        cut_share=0.1,
    )
    reports, day = await days_of(plan)
    history = [*dawn, *day]
    ledger = proved(history, database)
    say(summary("a busy day", day, reports))
    posted_in = Counter(key for key, _ in {(post.key, post.caller[:5]) for post in day})
    assert len(day) >= OPERATIONS
    assert min(told(day)[answer] for answer in ("ok", "hung-up", "insufficient-stock")) > 0
    assert min(report.cuts for report in reports) > 0
    assert max(posted_in.values()) == 2
    for name in PLANTED:
        planted = PLANTS[name](history, ledger)
        found = check(planted.history, planted.ledger)
        assert [finding.fault for finding in found] == [planted.finding.fault], name
        # A knot may be larger than the two that tied it.
        assert set(planted.finding.keys) <= set(found[0].keys)
        assert found == [planted.finding] or name == Fault.CYCLE


@pytest.mark.proof
@pytest.mark.parametrize("cut", Cut)
async def test_two_processes_learn_the_true_outcome_of_commits_cut_off(
    database: Database, tmp_path: Path, say: Say, cut: Cut
) -> None:
    """Every key is posted by both, every third COMMIT is lost on its way there or back."""
    dawn = await stocked(database, scarce=5)
    plan = wishes(
        database,
        tmp_path,
        seed=11,
        posts=CUT_OPERATIONS // 2,
        doubled=1.0,
        on_wires=32,
        cut=[cut.name],
        cut_share=0.3,
    )
    reports, day = await days_of(plan)
    proved([*dawn, *day], database)
    say(summary(f"cut {cut.name.lower().replace('_', ' ')}", day, reports))
    assert min(report.cuts for report in reports) > 0
    assert min(report.retries for report in reports) > 0
    last_told = {(post.key, post.caller): post.outcome for post in day}
    assert Outcome.UNKNOWN not in last_told.values()


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_crossed_carts_of_two_processes_never_deadlock(
    database: Database, tmp_path: Path, say: Say
) -> None:
    """Carts of up to four skus, their lines in any order, from two processes at once."""
    dawn = await stocked(database, scarce=MANY)
    plan = wishes(database, tmp_path, seed=13, posts=MANY, batching=4)
    async with crowds(plan) as started:
        early = [asyncio.create_task(crowd.ended()) for crowd in started]
        with suppress(TimeoutError):
            async with asyncio.timeout(CROSSED_SECONDS):
                await asyncio.wait(early, return_when=asyncio.FIRST_COMPLETED)
        for crowd in started:
            await crowd.hears(b"end")
        reports, day = histories(await asyncio.gather(*early))
    proved([*dawn, *day], database)
    say(summary("crossed carts", day, reports))
    assert set(told(day)) == {"ok"}
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert database.value(deadlocks) == 0
