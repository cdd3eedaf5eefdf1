"""The races of a hold through the whole saga: whoever wins, the ending, the money and the stock are right."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from ledger import rules
from ledger.commands import Release
from ledger.world import Change, World
from tests.history.conftest import Say, say
from tests.proof import size
from tests.workflows.races import (
    TTL_SECONDS,
    Arena,
    First,
    cancel_and_fence,
    release_and_reserve,
    ttl_and_payment,
)
from tests.workflows.shop import Forward, Shop
from workflows import story
from workflows.steps import Done, Stage, Step
from workflows.story import Story

__all__ = ["say"]

INTERLEAVINGS = size(share=4, full=50)
AT_ONCE = 8
NO_RIVAL = next(seed for seed in count() if Random(seed).choice((True, False)) is False)
RACES: dict[str, tuple[Callable[[Arena], Awaitable[str]], set[str], int]] = {
    "TTL racing payment": (ttl_and_payment, {"TTL", "payment"}, 2),
    "cancel racing fence": (cancel_and_fence, {"cancel", "fence"}, 2),
    "release racing reserve": (release_and_reserve, {"release", "reserve"}, 1),
}
"""How it is run, who may win, and for how many seconds a step may be held before it is tried again."""
TURNS = (First.ONE, First.OTHER, First.FREE, First.FREE)


@pytest.mark.proof
@pytest.mark.timeout(size(share=120, full=900))
@pytest.mark.parametrize("race", RACES)
async def test_whoever_wins_the_ending_is_right(
    shop: Shop, forward: Forward, say: Say, race: str
) -> None:
    """One terminal movement of each hold, and both winners seen: else nothing raced."""
    lived, sides, step_seconds = RACES[race]
    room = asyncio.Semaphore(AT_ONCE)

    async def run(seed: int) -> tuple[First, str]:
        lamp = await shop.stock("brass-lamp", 1)
        checkout = await shop.open(lamp, ttl_seconds=TTL_SECONDS, step_seconds=step_seconds)
        arena = Arena(
            shop=shop,
            checkout=checkout,
            forward=forward,
            random=Random(seed),
            first=TURNS[seed % len(TURNS)],
        )
        async with room:
            try:
                return arena.first, await lived(arena)
            except BaseException as error:
                error.add_note(
                    f"{race}, seed {seed}: {checkout.id}, {arena.first} first, {arena.notes}"
                )
                raise

    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(run(seed)) for seed in range(1, INTERLEAVINGS + 1)]
    ends = [one.result() for one in runs]
    winners = Counter(winner for _, winner in ends)
    free = Counter(winner for first, winner in ends if first is First.FREE)
    say(
        f"{race} through the saga, seeds 1 to {INTERLEAVINGS}: {dict(winners)}, of these unforced {dict(free)}"
    )
    assert set(winners) == sides


# Wrong sagas, which the races above must see


Patch = pytest.MonkeyPatch


def a_late_payment_is_never_sold(patch: Patch) -> None:
    def let_go(told: Story, event: Done) -> Story:
        return replace(story._let_go(told, event), rescuing=False)

    patch.setitem(story._FOLD, Step.EXPIRE_HOLD, let_go)


def an_operator_is_not_heard_past_the_fence(patch: Patch) -> None:
    def confirmed(told: Story, _event: Done) -> Story:
        return replace(told, stage=Stage.CLOSED, undo=())

    patch.setattr(story, "_confirmed", confirmed)


def a_release_of_nothing_is_forgotten(patch: Patch) -> None:
    true = rules._RULES[Release]

    def forgetful(world: World, asked: Release) -> Change:
        nothing_yet = asked.reservation_id not in world.reservations
        change = true(world, asked)
        return replace(change, reservation=None, checkout=None) if nothing_yet else change

    patch.setitem(rules._RULES, Release, forgetful)


@pytest.mark.parametrize(
    ("wrong", "race", "first", "wanted"),
    [
        (a_late_payment_is_never_sold, ttl_and_payment, First.ONE, "timer"),
        (an_operator_is_not_heard_past_the_fence, cancel_and_fence, First.OTHER, "operator"),
        (a_release_of_nothing_is_forgotten, release_and_reserve, First.ONE, "another hand"),
    ],
)
async def test_a_wrong_saga_is_seen(
    shop: Shop,
    forward: Forward,
    monkeypatch: Patch,
    wrong: Callable[[Patch], None],
    race: Callable[[Arena], Awaitable[str]],
    first: First,
    wanted: str,
) -> None:
    """A race that every saga passes has shown nothing."""
    lamp = await shop.stock("brass-lamp", 1)
    checkout = await shop.open(lamp, ttl_seconds=TTL_SECONDS, step_seconds=2)
    alone = Random(NO_RIVAL)
    arena = Arena(
        shop=shop, checkout=checkout, forward=forward, random=alone, first=first, wanted=wanted
    )
    wrong(monkeypatch)
    with pytest.raises(AssertionError):
        await race(arena)
