"""What a noticeboard cannot take in is put aside, looked at, and tried again by hand; nothing else waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest

from cli.projections import LISTED_MOST
from dev.clean_environment import clean_environment
from events.envelope import message, topic
from projections.status import retried
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop
from tests.integration.projections.conftest import Board
from tests.integration.projections.test_doubts import newer, written
from tests.integration.projections.test_following import publish
from tests.processes import ran
from tests.unit.ledger.cast import LAMP, RUG, TEAPOT
from worker.projections import Office

CHOKE: LiteralString = """
  CREATE FUNCTION projections.choke() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NEW.sku = 'long-rug' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END IF;
    RETURN NEW;
  END $$;
"""
INDIGESTIBLE: dict[str, LiteralString] = {
    "availability": CHOKE
    + """
      CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON projections.availability
        FOR EACH ROW EXECUTE FUNCTION projections.choke()
    """,
    "board": CHOKE
    + """
      CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON projections.board_watermark
        FOR EACH ROW EXECUTE FUNCTION projections.choke()
    """,
    "analytics": CHOKE
    + """
      CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON projections.analytics_hour
        FOR EACH ROW EXECUTE FUNCTION projections.choke()
    """,
}
"""What makes every event about rugs one that cannot be heeded, until `projections.choke` is gone."""


async def test_an_event_that_cannot_be_heeded_takes_nothing_else_with_it(
    board: Board, bus: Nats
) -> None:
    """It comes in a batch with others; when it can be heeded, it is tried again and closed."""
    await board.settle()
    board.database.run(INDIGESTIBLE[board.name])
    for sku in (LAMP, RUG, TEAPOT):
        await board.shop.stocked(4, sku)
    await board.settle()

    (letter,) = await board.office.desk.letters.open(board.name)
    assert (letter.subject, letter.attempts) == (f"{RUG}/BER1", 3)
    assert letter.code == "IntegrityError"
    projections = board.office.projections
    assert await retried(board.office.desk, projections, board.name) == [(letter, "IntegrityError")]

    board.database.run("DROP FUNCTION projections.choke CASCADE")
    assert await retried(board.office.desk, projections, board.name) == [(letter, None)]

    assert await board.office.desk.letters.open() == []
    assert await board.equals_the_ledger()


async def test_a_letter_comes_once_however_often_it_is_delivered(board: Board, bus: Nats) -> None:
    """Its body is kept as it came."""
    await board.settle()
    await publish(bus, [(f"onhand.stock.{LAMP}.BER1", b"\x00nonsense")])
    await board.settle()
    (letter,) = await board.office.desk.letters.open(board.name)
    await board.office.desk.letters.put([letter])

    (again,) = await board.office.desk.letters.open(board.name)

    assert (again.body, again.code, again.attempts) == (b"\x00nonsense", "no-event", 2)


async def test_an_older_event_that_comes_again_settles_no_letter(board: Board, bus: Nats) -> None:
    """It says nothing of what the letter tells; what tells as much, or more, does."""
    await board.shop.stocked(4)
    await board.settle()
    subject = f"{LAMP}/BER1"
    payload = str(
        board.database.value("SELECT payload::text FROM outbox WHERE subject = %s", subject)
    )
    again = message(written(subject, 1, 1, payload)).body
    await publish(bus, [(topic(subject), newer(subject, 2)), (topic(subject), again)])
    await board.settle()
    (letter,) = await board.office.desk.letters.open(board.name)
    assert (letter.subject, letter.code) == (subject, "newer-version")

    await board.shop.stocked(1)
    await board.settle()

    assert await board.office.desk.letters.open(board.name) == []
    assert await board.equals_the_ledger()


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_commands_show_them_and_try_them_again(board: Board, bus: Nats) -> None:
    """As a person meets them."""
    await board.settle()
    nothing = await command(board, bus, "dead-letters")
    await publish(bus, [(f"onhand.stock.{LAMP}.BER1", b"nonsense")])
    await board.settle()

    listed = await command(board, bus, "dead-letters", "--bodies", cold=True)
    as_json = await command(board, bus, "dead-letters", "availability", "--json")
    tried = await command(board, bus, "retry")
    standing = await command(board, bus, "status", "--json")

    assert nothing == (0, "There are none.\n")
    assert listed[0] == 0
    assert "no-event" in listed[1]
    assert "nonsense" in listed[1]
    (line,) = as_json[1].splitlines()
    assert json.loads(line)["subject"] == f"{LAMP}/BER1"
    assert "body" not in json.loads(line)
    assert tried[0] == 1
    assert tried[1].rstrip().endswith("still no-event")
    (row,) = (row for row in json.loads(standing[1]) if row["projection"] == "availability")
    assert (row["state"], row["behind"], row["dead_letters"]) == ("live", 0, 1)


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_one_that_cannot_be_tried_keeps_no_other_from_it(board: Board, bus: Nats) -> None:
    """One of a generation that is not read any more, and one of a search that is not kept here."""
    board.database.value("SELECT setval('projections.generation_number', 5)")
    await board.settle()
    board.database.run(INDIGESTIBLE[board.name])
    await board.shop.stocked(4, RUG)
    await board.settle()
    (good,) = await board.office.desk.letters.open(board.name)
    board.database.run("DROP FUNCTION projections.choke CASCADE")
    board.database.run(
        "INSERT INTO projections.generation (projection, generation, state, stream, live_at)"
        " VALUES ('availability', 1, 'retired', 's', now()), ('search', 2, 'live', 's', now())"
    )
    late, kept_elsewhere = (
        replace(good, generation=1),
        replace(good, projection="search", generation=2),
    )
    await board.office.desk.letters.put([late, kept_elsewhere])

    first = await command(board, bus, "retry")
    second = await command(board, bus, "retry")

    at = f"{good.position} {RUG}/BER1:"
    heeded = f"availability {at} heeded"
    not_tried = [
        f"availability {at} not tried, another generation is read by now",
        f"search {at} not tried, no ONHAND_SEARCH_DIRECTORY is set here",
    ]
    assert (first[0], first[1].splitlines()) == (1, [not_tried[0], heeded, not_tried[1]])
    assert (second[0], second[1].splitlines()) == (1, not_tried)
    assert await board.equals_the_ledger()


MANY: LiteralString = """
  INSERT INTO projections.dead_letter (projection, generation, position, topic, subject, code, body, attempts, state)
  SELECT name, number, n, 'onhand.stock.' || n || '.BER1', n || '/BER1', 'no-event', 'nonsense', 1, 'open'
  FROM unnest(%s::text[], %s::bigint[]) AS g (name, number), generate_series(-1, %s) n
  WHERE n <> 0
"""
GENERATIONS: LiteralString = """
  INSERT INTO projections.generation (projection, generation, state, stream, live_at)
  VALUES ('availability', 1, 'retired', 's', now()), ('availability', 2, 'live', 's', now()),
         ('board', 1, 'live', 's', now())
"""


async def test_all_are_tried_however_many_are_read_at_once(office: Office, shop: Shop) -> None:
    """Of any noticeboard and generation, each once and in its order."""
    shop.database.run(GENERATIONS)
    shop.database.run(MANY, ["availability", "availability", "board"], [1, 2, 1], 3)

    for name, names in ((None, ("availability", "board")), ("board", ("board",))):
        whole = [
            (one, number, position)
            for one, number in (("availability", 1), ("availability", 2), ("board", 1))
            for position in (-1, 1, 2, 3)
            if one in names
        ]
        for at_once in (1, 3, 4, 1_000):
            tried = await retried(office.desk, [], name, at_once=at_once)
            assert [
                (letter.projection, letter.generation, letter.position) for letter, _ in tried
            ] == whole


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_a_list_that_is_cut_says_so(board: Board, bus: Nats) -> None:
    """And one that is not does not."""
    board.database.run(GENERATIONS)
    board.database.run(MANY, ["board"], [1], LISTED_MOST - 1)
    whole = await told(board, bus, "dead-letters", "--json")
    board.database.run(MANY, ["availability"], [2], 1)
    cut = await told(board, bus, "dead-letters", "--json")

    assert (whole.returncode, whole.stderr) == (0, "")
    assert (cut.returncode, cut.stderr) == (0, "These are the first 1,000: there are more.\n")
    assert len(whole.stdout.splitlines()) == len(cut.stdout.splitlines()) == LISTED_MOST


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_a_database_that_cannot_be_had_is_no_fault_of_a_letter(
    board: Board, bus: Nats
) -> None:
    """Nothing is told of any: it ends as what cannot be run."""
    await board.settle()
    board.database.run(INDIGESTIBLE[board.name])
    await board.shop.stocked(4, RUG)
    await board.settle()
    with psycopg.connect(board.database.owner_url) as connection:
        connection.execute("SELECT FROM projections.generation FOR UPDATE")
        assert await command(board, bus, "retry") == (2, "")
    assert len(await board.office.desk.letters.open()) == 1


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_a_command_makes_one_anew(board: Board, bus: Nats) -> None:
    """With what it does told on the way, and its end as a sentence."""
    await board.shop.stocked(2)
    await board.settle()

    made = await command(board, bus, "rebuild", "availability")
    unknown = await command(board, bus, "rebuild", "nothing")

    assert made[0] == 0
    assert made[1].startswith("availability: generation 2 is read now, ")
    assert unknown == (2, "")
    assert await board.live() == 2


@pytest.mark.parametrize("name", ["availability"], indirect=True)
async def test_without_a_bus_a_command_says_so(board: Board, away: Nats) -> None:
    """And ends as one that cannot be run."""
    assert await command(board, away, "rebuild", "availability", cold=True) == (2, "")


async def command(board: Board, bus: Nats, *words: str, cold: bool = False) -> tuple[int, str]:
    """Run `onhand projections …`; give its exit code and what it printed."""
    printed = await told(board, bus, *words, cold=cold)
    return printed.returncode, printed.stdout


async def told(
    board: Board, bus: Nats, *words: str, cold: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run it; give all of it."""
    environment = {
        **clean_environment(os.environ),
        "DATABASE_URL": board.database.application_url,
        "NATS_URL": bus.url,
    }
    return await asyncio.to_thread(ran, "projections", *words, environment=environment, cold=cold)
