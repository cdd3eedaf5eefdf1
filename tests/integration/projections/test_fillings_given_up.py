"""What no row is to blame for is put aside for none: a filling is given up, following waits, the old one is read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest
import structlog
from sqlalchemy.exc import ProgrammingError

from events import following
from events.bus import BusAway
from projections import keeping, watermarks
from projections.keeping import LONGEST_REST_SECONDS, RESTS_TIMES, Keeper
from projections.projection import UnfilledError
from projections.rebuilding import rebuild
from projections.status import retried
from tests.integration.events.conftest import Nats
from tests.integration.projections.conftest import SHORTLY, Board
from tests.integration.projections.test_dead_letters import CHOKE, INDIGESTIBLE, command
from tests.integration.projections.test_rebuilding import silent
from tests.integration.projections.test_uncountable import BEHIND_EVERYBODY, SUMMING, traded
from tests.unit.ledger.cast import LAMP, RUG
from tests.workflows.shop import eventually

GRANTS: dict[str, tuple[LiteralString, LiteralString]] = {
    "availability": (
        "REVOKE UPDATE ON projections.availability FROM onhand_projections",
        "GRANT UPDATE ON projections.availability TO onhand_projections",
    ),
    "board": (
        "REVOKE UPDATE ON projections.board_watermark FROM onhand_projections",
        "GRANT UPDATE ON projections.board_watermark TO onhand_projections",
    ),
    "analytics": (
        "REVOKE UPDATE ON projections.analytics_watermark FROM onhand_projections",
        "GRANT UPDATE ON projections.analytics_watermark TO onhand_projections",
    ),
}
"""What takes a grant away without which nothing is kept, and what gives it back."""

CHOKE_ON_ALL: LiteralString = CHOKE.replace("= 'long-rug'", "IS NOT NULL")


async def made(board: Board) -> bytes:
    """Trade, have the noticeboard made, and give what it holds."""
    await traded(board.shop)
    await board.settle()
    return await board.entries()


async def is_as_before(board: Board, before: bytes) -> bool:
    """Tell whether the first generation is read, nothing is left of another, and nothing put aside."""
    numbers = [one.number for one in await board.office.desk.generations.all()]
    letters = await board.office.desk.letters.open()
    return (numbers, letters) == ([1], []) and await board.entries() == before


async def test_a_grant_that_is_missing_fails_a_filling(board: Board, bus: Nats) -> None:
    """It is raised, told, and told by the command; with the grant, it is made."""
    before = await made(board)
    revoke, grant = GRANTS[board.name]
    board.database.run(revoke)

    with (
        structlog.testing.capture_logs() as told,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        await rebuild(board.office.desk, board.office.named(board.name), silent)
    ended = await command(board, bus, "rebuild", board.name)

    assert [line["why"] for line in told if line["event"] == "noticeboard not filled"] == [
        "InsufficientPrivilege"
    ]
    assert ended == (2, "")
    assert await is_as_before(board, before)
    board.database.run(grant)
    await rebuild(board.office.desk, board.office.named(board.name), silent)
    assert await board.equals_the_ledger()


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_a_filling_in_which_no_row_can_be_counted_is_not_taken(
    board: Board, bus: Nats
) -> None:
    """Each row is refused by itself, and all of them are: it is no matter of rows."""
    before = await made(board)
    board.database.run(INDIGESTIBLE[board.name].replace(CHOKE, CHOKE_ON_ALL))

    with pytest.raises(
        UnfilledError, match=r"^3 of 3 rows of stock cannot be counted: IntegrityError$"
    ):
        await rebuild(board.office.desk, board.office.named(board.name), silent)
    ended = await command(board, bus, "rebuild", board.name)

    assert ended == (1, "")
    assert await is_as_before(board, before)


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_a_filling_that_puts_too_many_aside_is_not_taken(
    board: Board, bus: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as may be are put aside; one more, and it is given up."""
    before = await made(board)
    board.database.run(BEHIND_EVERYBODY)
    board.database.run(
        "UPDATE movement SET kind = 'engrave' WHERE sku IN ('long-rug', 'blue-teapot')"
    )
    monkeypatch.setattr(watermarks, "MOST_ASIDE", 1)

    with pytest.raises(UnfilledError, match=r"^2 of 3 rows of stock cannot be counted: kind-un"):
        await rebuild(board.office.desk, board.office.named(board.name), silent)
    assert await is_as_before(board, before)

    monkeypatch.setattr(watermarks, "MOST_ASIDE", 2)
    await rebuild(board.office.desk, board.office.named(board.name), silent)
    assert await board.office.desk.letters.counts() == {board.name: 2}


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_whoever_keeps_it_tries_a_filling_again(board: Board, bus: Nats) -> None:
    """The stream was made anew, and nothing can be counted meanwhile: the old one is read until a filling is right."""
    before = await made(board)
    board.database.run("UPDATE projections.generation SET stream = 'another'")
    board.database.run(INDIGESTIBLE[board.name].replace(CHOKE, CHOKE_ON_ALL))
    keeper = Keeper(board.office.desk, board.office.named(board.name), wait_seconds=SHORTLY)

    for _ in range(2):
        with pytest.raises(UnfilledError):
            await keeper.round()
        assert await is_as_before(board, before)

    board.database.run("DROP FUNCTION projections.choke CASCADE")
    await keeper.round()
    assert await board.live() > 1
    assert await board.equals_the_ledger()


async def test_a_grant_that_is_missing_is_no_fault_of_an_event(board: Board, bus: Nats) -> None:
    """What comes is not put aside and not done: it grows old, and is heeded when the grant is back."""
    before = await made(board)
    await board.look()
    known = await board.office.desk.generations.live(board.name)
    revoke, grant = GRANTS[board.name]
    board.database.run(revoke)
    for sku in (LAMP, RUG):
        await board.shop.stocked(1, sku)
    await board.relay.round()

    with pytest.raises(ProgrammingError, match="permission denied"):
        await board.keeper.round()
    await board.look()

    live = await board.office.desk.generations.live(board.name)
    assert live is not None
    assert known is not None
    assert live.as_of == known.as_of
    assert (await board.office.desk.following(board.name, 1).progress()).behind == 2
    assert await is_as_before(board, before)

    board.database.run(grant)
    await board.settle()
    assert await board.equals_the_ledger()


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_a_grant_that_is_missing_is_no_fault_of_a_letter(board: Board, bus: Nats) -> None:
    """It is as open as before, and the command ends as what cannot be run."""
    await made(board)
    board.database.run(INDIGESTIBLE[board.name])
    await board.shop.stocked(1, RUG)
    await board.settle()
    board.database.run("DROP FUNCTION projections.choke CASCADE")
    letters = await board.office.desk.letters.open()
    revoke, grant = GRANTS[board.name]
    board.database.run(revoke)

    assert await command(board, bus, "retry") == (2, "")
    assert await board.office.desk.letters.open() == letters

    board.database.run(grant)
    projections = board.office.projections
    assert await retried(board.office.desk, projections, board.name) == [(letters[0], None)]
    assert await board.equals_the_ledger()


@pytest.mark.parametrize("name", ["board"], indirect=True)
async def test_between_fillings_it_rests(
    board: Board, bus: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In proportion to what they take, up to a bound: a fault that stays must not cost the database all its time."""
    await made(board)
    board.database.run("UPDATE projections.generation SET stream = 'another'")
    board.database.run(INDIGESTIBLE[board.name].replace(CHOKE, CHOKE_ON_ALL))
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    keeper = Keeper(
        board.office.desk, board.office.named(board.name), wait_seconds=SHORTLY, rest=rest
    )
    for times in (0, RESTS_TIMES, 1_000_000_000):
        monkeypatch.setattr(keeping, "RESTS_TIMES", times)
        with pytest.raises(UnfilledError):
            await keeper.round()
    board.database.run("DROP FUNCTION projections.choke CASCADE")
    await keeper.round()
    await board.office.desk.following(board.name, await board.live()).end()

    async def another_is_made() -> bool:
        with suppress(BusAway):
            await keeper.round()
        return len(rests) == 5

    await eventually(another_is_made)
    first, without, some, longest, again = rests
    assert (first, without, longest, again) == (0, 0, LONGEST_REST_SECONDS, 0)
    assert 0 < some < LONGEST_REST_SECONDS


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_of_one_row_alone_nobody_says_that_all_are_wrong(board: Board, bus: Nats) -> None:
    """A shop that has just begun gets its noticeboard, with that row put aside."""
    await board.shop.stocked(2)
    board.database.run(BEHIND_EVERYBODY)
    board.database.run("UPDATE movement SET kind = 'engrave'")

    await board.settle()

    assert await board.office.desk.letters.counts() == {board.name: 1}


@pytest.fixture
def kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the bus wait for an hour until it gives an event to somebody else."""
    monkeypatch.setattr(following, "DONE_WITHIN", timedelta(hours=1))


@pytest.mark.usefixtures("kept_for_long")
@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_what_could_not_be_heeded_comes_again_at_once(board: Board, bus: Nats) -> None:
    """Whoever took it gives it back."""
    await made(board)
    revoke, grant = GRANTS[board.name]
    board.database.run(revoke)
    await board.shop.stocked(1)
    await board.relay.round()
    with pytest.raises(ProgrammingError, match="permission denied"):
        await board.keeper.round()

    board.database.run(grant)
    await board.settle()
    assert await board.equals_the_ledger()


@pytest.mark.usefixtures("kept_for_long")
@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_whoever_is_told_to_end_gives_back_what_is_under_way(board: Board, bus: Nats) -> None:
    """Or each deployment would keep some of the news waiting."""
    await made(board)
    await board.shop.stocked(1)
    await board.relay.round()
    with psycopg.connect(board.database.superuser_url) as held:
        held.execute("LOCK TABLE projections.availability")
        working = asyncio.create_task(board.keeper.round())

        async def waits() -> bool:
            return bool(board.database.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    await board.settle()
    assert await board.equals_the_ledger()
