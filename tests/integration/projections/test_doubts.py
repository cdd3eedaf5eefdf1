"""A sku is doubted where an event that was put aside may tell more than is shown of it, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.envelope import message, topic
from events.reading import read
from ledger.outgoing import Written
from projections.availability.reading import shown
from projections.dead_letters import DeadLetter, subject_of
from projections.generations import AVAILABILITY
from tests.integration.events.conftest import Nats
from tests.integration.projections.conftest import Board
from tests.integration.projections.test_following import publish
from tests.unit.ledger.cast import LAMP, RUG

BERLIN = f"{LAMP}/BER1"
SHOWN = 3
"""The sequence of Berlin's lamps that everything here shows."""


@pytest.fixture
def name() -> str:
    """Name the only noticeboard whose letters are doubts."""
    return AVAILABILITY


@pytest.fixture
async def lamps(board: Board, bus: Nats) -> Board:
    """Show lamps in Berlin, after three changes."""
    for _ in range(SHOWN):
        await board.shop.stocked(2)
    await board.settle()
    return board


def written(subject: str, sequence: int, version: int, payload: str) -> Written:
    """Give an event as the outbox has it."""
    return Written(
        id=sequence,
        shard=1,
        subject=subject,
        sequence=sequence,
        type="StockReceived",
        version=version,
        recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
        payload=payload,
    )


def newer(subject: str, sequence: int) -> bytes:
    """Give the body of an event of a version that nobody here can read."""
    return message(written(subject, sequence, 99, '{"what":"nobody knows"}')).body


async def put(board: Board, where: str, body: bytes) -> None:
    """Put a body aside that came on this topic."""
    number = await board.live()
    aside = DeadLetter(
        projection=AVAILABILITY,
        generation=number,
        position=1_000 + len(await board.office.desk.letters.open()),
        topic=where,
        subject=subject_of(where),
        code="newer-version",
        body=body,
        attempts=1,
    )
    await board.office.desk.letters.put([aside])


async def forget(board: Board) -> None:
    """Take all that was put aside away, as if it had never been."""
    board.database.run("DELETE FROM projections.dead_letter")
    assert await doubted(board, LAMP, RUG) == []


async def doubted(board: Board, *skus: str) -> list[str]:
    """List those of these skus that are doubted."""
    seen = await shown(board.office.engine, skus)
    assert sorted(seen.entries) == sorted(skus)
    return [sku for sku in skus if seen.entries[sku].doubted]


async def test_a_letter_is_a_doubt_where_it_may_tell_more(lamps: Board, bus: Nats) -> None:
    """Put aside after its successor was heeded, it is for a person to look at, and changes nothing for customers."""
    doubts: dict[str, list[str]] = {}
    for what, sequence in (("older", SHOWN - 1), ("what is shown", SHOWN), ("newer", SHOWN + 1)):
        await publish(bus, [(topic(BERLIN), newer(BERLIN, sequence))])
        await lamps.settle()

        (letter,) = await lamps.office.desk.letters.open(AVAILABILITY)
        assert (letter.subject, letter.code) == (BERLIN, "newer-version")
        doubts[what] = await doubted(lamps, LAMP, RUG)
        await forget(lamps)

    assert doubts == {"older": [], "what is shown": [], "newer": [LAMP]}


async def test_what_is_heeded_later_ends_a_doubt(lamps: Board) -> None:
    """Even where it was sent before: it tells all of its subject. The letter stays for a person."""
    await put(lamps, topic(BERLIN), newer(BERLIN, SHOWN + 1))
    assert await doubted(lamps, LAMP) == [LAMP]
    await lamps.shop.stocked(1)
    payload = lamps.database.value("SELECT payload::text FROM outbox ORDER BY id DESC LIMIT 1")
    event = read(message(written(BERLIN, SHOWN + 1, 1, str(payload))).body)
    await lamps.office.named(AVAILABILITY).apply(await lamps.live(), [event])

    assert await doubted(lamps, LAMP) == []
    assert len(await lamps.office.desk.letters.open()) == 1


UNSURE = {
    "no text": b"\x00\xff\xfe nonsense",
    "nothing": b"",
    "all backslashes": b"\\" * 1_000,
    "another sku's": newer(f"{RUG}/BER1", 1),
    "another place's": newer(f"{LAMP}/MUC1", 1),
    "a product's": newer(LAMP, 1),
    "another source's": newer(BERLIN, 1).replace(b"urn:onhand:ledger", b"urn:somebody:else"),
    "a number too long": newer(BERLIN, 1).replace(b"BER1/1", b"BER1/" + b"9" * 40),
    "no number": newer(BERLIN, 1).replace(b"BER1/1", b"BER1/-1"),
    "not as we write": b" " + newer(BERLIN, 1),
    "cut": newer(BERLIN, 1)[:40],
}
"""What does not say how old it is, by what it is."""


async def test_what_does_not_say_how_old_it_is_may_mean_anything(lamps: Board) -> None:
    """Only what begins as the ledger writes, under its own topic, is believed."""
    doubts: dict[str, list[str]] = {}
    for what, body in UNSURE.items():
        await put(lamps, topic(BERLIN), body)
        doubts[what] = await doubted(lamps, LAMP, RUG)
        await forget(lamps)

    assert doubts == {what: [LAMP] for what in UNSURE}


async def test_a_place_that_is_not_shown_is_a_doubt(lamps: Board) -> None:
    """Its first change is what could not be heeded."""
    await put(lamps, topic(f"{LAMP}/MUC1"), newer(f"{LAMP}/MUC1", 1))
    assert await doubted(lamps, LAMP, RUG) == [LAMP]


async def test_a_place_speaks_for_itself_alone(lamps: Board) -> None:
    """What is old in Berlin is harmless; what is new in Munich is not."""
    await lamps.shop.stocked(1, LAMP, "MUC1")
    await lamps.settle()
    await put(lamps, topic(BERLIN), newer(BERLIN, 2))
    assert await doubted(lamps, LAMP) == []
    await put(lamps, topic(f"{LAMP}/MUC1"), newer(f"{LAMP}/MUC1", 2))
    assert await doubted(lamps, LAMP) == [LAMP]


async def test_a_product_is_compared_by_its_own_number(lamps: Board) -> None:
    """Which has nothing to do with those of its places."""
    await put(lamps, topic(LAMP), newer(LAMP, 1))
    assert await doubted(lamps, LAMP) == []
    await put(lamps, topic(LAMP), newer(LAMP, 2))
    assert await doubted(lamps, LAMP) == [LAMP]


async def test_a_stranger_under_our_topics_breaks_nothing(lamps: Board, bus: Nats) -> None:
    """Whatever they call their places, and whatever they say."""
    for place in ("B(R", "B'R", "BER1.X", "B[", "%25", "BER1"):
        await publish(bus, [(f"onhand.stock.{LAMP}.{place}", newer(BERLIN, SHOWN))])
    await lamps.settle()
    assert len(await lamps.office.desk.letters.open(AVAILABILITY)) == 6
    assert await doubted(lamps, LAMP, RUG) == [LAMP]
