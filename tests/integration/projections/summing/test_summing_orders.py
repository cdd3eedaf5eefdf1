"""However a bus tells them, the same events end in the same rows: those that a filling from the ledger has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random, randrange

import pytest

from events.reading import Event
from tests.integration.projections.summing.town import (
    BOTH,
    Make,
    Town,
    in_batches,
    told,
    with_losses,
)

Telling = Callable[[Random, Sequence[Event]], list[list[Event]]]


def in_order(random: Random, events: Sequence[Event]) -> list[list[Event]]:
    """Tell them as they were written."""
    return in_batches(random, events)


def shuffled(random: Random, events: Sequence[Event]) -> list[list[Event]]:
    """Tell them in any order."""
    return in_batches(random, random.sample(events, len(events)))


def twice(random: Random, events: Sequence[Event]) -> list[list[Event]]:
    """Tell each twice, in any order."""
    return shuffled(random, [*events, *events])


def lossy(random: Random, events: Sequence[Event]) -> list[list[Event]]:
    """Tell half of them never, and a later one of the subject in any case."""
    return in_batches(random, with_losses(random, events))


def lossy_and_shuffled(random: Random, events: Sequence[Event]) -> list[list[Event]]:
    """Tell the same in any order."""
    return shuffled(random, with_losses(random, events))


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("telling", [in_order, shuffled, twice, lossy, lossy_and_shuffled])
async def test_any_telling_ends_as_a_filling_does(town: Town, make: Make, telling: Telling) -> None:
    """Every row, byte for byte; and the ledger finds nothing to object to."""
    seed = randrange(2**32)
    noticeboard = make(town.engine)
    filled = await town.built(noticeboard)
    heard = town.begun(noticeboard)
    await told(noticeboard, heard, telling(Random(seed), town.events))
    rows = town.rows(noticeboard, heard)
    assert rows == town.rows(noticeboard, filled), f"seed {seed}"
    assert all(rows.values())
    assert (await noticeboard.compare(heard)).differences == (), f"seed {seed}"
    assert (await noticeboard.compare(filled)).equal


@pytest.mark.parametrize("make", BOTH)
async def test_two_consumers_at_once_count_everything_once(town: Town, make: Make) -> None:
    """Both are told everything, with losses, each in an order of its own."""
    seed = randrange(2**32)
    random = Random(seed)
    noticeboard, another = make(town.engine), make(town.engine)
    filled = await town.built(noticeboard)
    heard = town.begun(noticeboard)
    await asyncio.gather(
        told(noticeboard, heard, lossy_and_shuffled(random, town.events)),
        told(another, heard, twice(random, town.events)),
    )
    assert town.rows(noticeboard, heard) == town.rows(noticeboard, filled), f"seed {seed}"


@pytest.mark.parametrize("make", BOTH)
async def test_a_filling_goes_on_by_events(town: Town, make: Make) -> None:
    """What was heard before is passed over; dropped, nothing of it is left."""
    noticeboard = make(town.engine)
    filled = await town.built(noticeboard)
    before = town.rows(noticeboard, filled)
    await told(noticeboard, filled, twice(Random(), town.events))
    assert town.rows(noticeboard, filled) == before
    await noticeboard.drop(filled)
    assert not any(town.rows(noticeboard, filled).values())
    await noticeboard.drop(filled)


@pytest.mark.parametrize("make", BOTH)
async def test_every_moment_between_agrees_with_the_ledger(town: Town, make: Make) -> None:
    """Half told, rows are compared with the ledger as it was at each row's watermark."""
    noticeboard = make(town.engine)
    heard = town.begun(noticeboard)
    town.database.run(
        "UPDATE projections.generation SET started_at = '2000-01-01' WHERE generation = %s", heard
    )
    for batch in shuffled(Random(), town.events[:600]):
        await told(noticeboard, heard, [batch])
        assert (await noticeboard.compare(heard)).differences == ()
