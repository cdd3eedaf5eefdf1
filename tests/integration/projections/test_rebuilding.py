"""A noticeboard is made anew while the old one is read and the shop sells; it takes its place when it is right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import LiteralString

import pytest

from ledger import crash_points
from ledger.errors import Transient
from projections.dead_letters import DeadLetter
from projections.keeping import Keeper
from projections.rebuilding import DifferentError, rebuild
from tests.integration.events.conftest import Nats
from tests.integration.projections.conftest import SHORTLY, Board, open_office
from tests.unit.ledger.cast import LAMP, MUNICH, RUG, TEAPOT
from tests.workflows.shop import eventually

AT_ONCE = 4


SPOILT: dict[str, LiteralString] = {
    "availability": "UPDATE projections.availability SET available = available + 1",
    "board": "UPDATE projections.board_watermark SET sequence = sequence + 1",
    "analytics": "UPDATE projections.analytics_hour SET on_hand = on_hand + 1",
}
"""What makes a noticeboard wrong."""

SPOILT_WHEN_MADE: dict[str, LiteralString] = {
    "availability": """
      CREATE FUNCTION projections.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.available := NEW.available + 1; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE INSERT ON projections.availability
        FOR EACH ROW EXECUTE FUNCTION projections.spoil()
    """,
    "board": """
      CREATE FUNCTION projections.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.sequence := NEW.sequence + 1; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE INSERT ON projections.board_watermark
        FOR EACH ROW EXECUTE FUNCTION projections.spoil()
    """,
    "analytics": """
      CREATE FUNCTION projections.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.on_hand := NEW.on_hand + 1; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE INSERT ON projections.analytics_hour
        FOR EACH ROW EXECUTE FUNCTION projections.spoil()
    """,
}
"""What makes each new entry of one wrong, until `projections.spoil` is gone."""


class DiedError(Exception):
    """What a process does that is switched off, as far as one that goes on can."""


def silent(_stage: str, _done: int, _of: int) -> None:
    """Look away."""


@asynccontextmanager
async def busy(board: Board) -> AsyncIterator[None]:
    """Have the shop receive, the relay carry and the old noticeboard heed for the time of a block."""
    over = asyncio.Event()

    async def sell() -> None:
        while not over.is_set():
            await asyncio.gather(
                *(board.shop.stocked(1, sku) for sku in (LAMP, RUG, TEAPOT)),
                board.shop.stocked(2, LAMP, MUNICH),
            )

    async def follow() -> None:
        while not over.is_set():
            await board.is_settled()

    working = [asyncio.create_task(sell()), asyncio.create_task(follow())]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*working)


async def test_it_is_made_anew_while_the_shop_sells(board: Board, bus: Nats) -> None:
    """Again and again; each is compared before it is read, and none is behind the one before."""
    await board.settle()
    before = await board.office.desk.generations.live(board.name)
    assert before is not None
    stages: set[str] = set()
    async with open_office(board.shop, bus.url) as office, busy(board):
        for number in range(2, 5):
            rebuilt = await rebuild(
                office.desk,
                office.named(board.name),
                lambda stage, _done, _of: stages.add(stage),
            )
            after = await office.desk.generations.live(board.name)
            assert after is not None
            assert (rebuilt.number, after.number) == (number, number)
            assert rebuilt.wrong_before is not None
            assert rebuilt.wrong_before.equal
            assert after.as_of is not None
            assert before.as_of is None or after.as_of > before.as_of
            before = after
    await board.settle()

    assert stages == {"filling", "catching up", "comparing"}
    assert await board.live() == 4
    assert await board.equals_the_ledger()
    assert [one.number for one in await board.office.desk.generations.all()] == [4]


async def test_what_was_wrong_before_is_told_and_gone(board: Board, bus: Nats) -> None:
    """Somebody wrote over a number; making it anew is how it is mended."""
    await board.shop.stocked(3)
    await board.settle()
    board.database.run(SPOILT[board.name])

    rebuilt = await rebuild(board.office.desk, board.office.named(board.name), silent)

    assert rebuilt.wrong_before is not None
    assert any(LAMP in sentence for sentence in rebuilt.wrong_before.differences)
    assert "The one before differed" in rebuilt.sentence()
    await board.settle()
    assert await board.equals_the_ledger()


async def test_what_differs_is_not_taken(board: Board, bus: Nats) -> None:
    """The old one is read on, and nothing is left of the attempt."""
    await board.shop.stocked(3)
    await board.settle()
    board.database.run(SPOILT_WHEN_MADE[board.name])

    with pytest.raises(DifferentError) as caught:
        await rebuild(board.office.desk, board.office.named(board.name), silent)

    assert caught.value.comparison.differences
    assert await board.live() == 1
    assert [one.number for one in await board.office.desk.generations.all()] == [1]
    board.database.run("DROP FUNCTION projections.spoil CASCADE")
    await board.settle()
    assert await board.equals_the_ledger()


async def test_two_do_not_make_it_at_once(board: Board, bus: Nats) -> None:
    """The second is told so."""
    await board.settle()
    desk = board.office.desk
    async with desk.generations.alone(board.name):
        with pytest.raises(Transient, match="rebuild-under-way"):
            await rebuild(desk, board.office.named(board.name), silent)

    await rebuild(desk, board.office.named(board.name), silent)
    assert await board.live() == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_whoever_dies_at_the_swap_leaves_one_that_is_read(
    board: Board, bus: Nats, when: str
) -> None:
    """Before it, the old one; after it, the new one. The next attempt clears what was left."""
    await board.shop.stocked(3)
    await board.settle()

    async def die(place: str, _of: str) -> None:
        if place == f"projections.swap.{when}":
            raise DiedError

    crash_points.arm(die)
    try:
        with pytest.raises(DiedError):
            await rebuild(board.office.desk, board.office.named(board.name), silent)
    finally:
        crash_points.arm(None)
    assert await board.live() == (1 if when == "before" else 2)
    await board.shop.stocked(2)
    await board.settle()
    assert await board.equals_the_ledger()

    await rebuild(board.office.desk, board.office.named(board.name), silent)

    assert [one.number for one in await board.office.desk.generations.all()] == [3]
    await board.settle()
    assert await board.equals_the_ledger()


async def test_letters_of_the_old_one_are_settled_by_the_new_one(board: Board, bus: Nats) -> None:
    """What they did not tell is in the ledger, from which it was made."""
    await board.settle()
    letter = DeadLetter(
        projection=board.name,
        generation=1,
        position=1,
        topic=f"onhand.stock.{LAMP}.BER1",
        subject=f"{LAMP}/BER1",
        code="no-event",
        body=b"?",
        attempts=1,
    )
    await board.office.desk.letters.put([letter])
    assert await board.office.desk.letters.counts() == {board.name: 1}

    await rebuild(board.office.desk, board.office.named(board.name), silent)

    assert await board.office.desk.letters.counts() == {}


async def test_it_follows_whichever_is_live(board: Board, bus: Nats) -> None:
    """Another process made it anew: from then on that one's place in the stream is taken from."""
    await board.settle()
    async with open_office(board.shop, bus.url) as office:
        await rebuild(office.desk, office.named(board.name), silent)
    await board.shop.stocked(2)

    async def followed() -> bool:
        return await board.is_settled() and await board.equals_the_ledger()

    await eventually(followed)
    assert await board.live() == 2


async def test_whoever_starts_beside_a_rebuild_follows_what_is_read(
    board: Board, bus: Nats
) -> None:
    """It may take long, and the old one is read all the while."""
    await board.settle()
    async with open_office(board.shop, bus.url) as office:
        late = Keeper(office.desk, office.named(board.name), wait_seconds=SHORTLY)
        async with board.office.desk.generations.alone(board.name):
            await board.shop.stocked(2)
            await board.relay.round()
            await late.round()
            assert await board.equals_the_ledger()
    assert await board.live() == 1
