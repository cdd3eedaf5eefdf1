"""What cannot be counted is put aside with its reason; every other row is counted as if it were not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import orjson
import pytest

from events.envelope import message, topic
from events.reading import Event
from projections.keeping import Keeper
from projections.projection import Projection
from projections.rebuilding import rebuild
from projections.status import retried
from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop
from tests.integration.projections.conftest import SHORTLY, Board, entries_of
from tests.integration.projections.test_dead_letters import CHOKE
from tests.integration.projections.test_doubts import written
from tests.integration.projections.test_following import publish
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import BERLIN, LAMP, RUG, TEAPOT
from worker.projections import Office

SUBJECT = f"{LAMP}/{BERLIN}"
RECEIVED, RESERVED, CONFIRMED, SENT, TRAVELLED = range(1, 6)
"""The lamps' entries in Berlin: five came, one is held, sold and sent, and one goes to Munich."""

BEHIND_EVERYBODY: LiteralString = """
  ALTER TABLE movement DISABLE TRIGGER USER;
  ALTER TABLE movement DROP CONSTRAINT movement_kind_moves_its_piles;
  SET session_replication_role = replica;
  UPDATE movement SET recorded_at = recorded_at - interval '2 minutes';
  CREATE TABLE kept_movement AS SELECT * FROM movement;
  CREATE TABLE kept_document AS SELECT * FROM document;
  CREATE TABLE kept_line AS SELECT * FROM reservation_line;
  CREATE TABLE kept_transfer AS SELECT * FROM transfer;
"""
MENDED: LiteralString = """
  DELETE FROM movement; INSERT INTO movement SELECT * FROM kept_movement;
  DELETE FROM document; INSERT INTO document SELECT * FROM kept_document;
  DELETE FROM reservation_line; INSERT INTO reservation_line SELECT * FROM kept_line;
  DELETE FROM transfer; INSERT INTO transfer SELECT * FROM kept_transfer;
  DROP FUNCTION IF EXISTS projections.choke CASCADE;
"""


@dataclass(frozen=True, kw_only=True)
class Poison:
    """What is done to the lamps' entry of that number, and what each noticeboard says of it; None, nothing."""

    entry: int
    statement: LiteralString
    board: str | None
    analytics: str | None

    def code(self, name: str) -> str | None:
        """Tell what this noticeboard says."""
        return self.board if name == "board" else self.analytics


POISONS: dict[str, Poison] = {
    "a kind that only a later version knows": Poison(
        entry=RESERVED,
        statement="UPDATE movement SET kind = 'engrave' WHERE (sku, sequence) = ('brass-lamp', 2)",
        board="kind-unknown",
        analytics="kind-unknown",
    ),
    "a pile that only a later version knows": Poison(
        entry=TRAVELLED,
        statement="UPDATE movement SET target = 'cellar' WHERE (sku, sequence) = ('brass-lamp', 5)",
        board="kind-unknown",
        analytics="kind-unknown",
    ),
    "the first entry of all": Poison(
        entry=RECEIVED,
        statement="UPDATE movement SET kind = 'engrave' WHERE (sku, sequence) = ('brass-lamp', 1)",
        board="kind-unknown",
        analytics="kind-unknown",
    ),
    "an entry that is not there": Poison(
        entry=RESERVED,
        statement="DELETE FROM movement WHERE (sku, sequence) = ('brass-lamp', 2)",
        board="entry-missing",
        analytics="entry-missing",
    ),
    "fewer on hand than none": Poison(
        entry=RESERVED,
        statement="UPDATE movement SET sellable_after = -7 WHERE (sku, sequence) = ('brass-lamp', 2)",
        board="entry-contradicts",
        analytics="entry-contradicts",
    ),
    "more than a number can be": Poison(
        entry=RESERVED,
        statement="UPDATE movement SET sellable_after = 9223372036854775807"
        " WHERE (sku, sequence) = ('brass-lamp', 2)",
        board="entry-contradicts",
        analytics="entry-contradicts",
    ),
    "a parcel that no document tells of": Poison(
        entry=SENT,
        statement="DELETE FROM document WHERE kind = 'shipment'",
        board="document-unknown",
        analytics="document-unknown",
    ),
    "a parcel of an order that is not waited for": Poison(
        entry=SENT,
        statement="UPDATE document SET refers_to = 'co_nobody' WHERE kind = 'shipment'",
        board="more-done-than-waited",
        analytics=None,
    ),
    "a hold without lines": Poison(
        entry=RESERVED,
        statement="DELETE FROM reservation_line",
        board=None,
        analytics="reservation-unknown",
    ),
    "a journey that nobody planned": Poison(
        entry=TRAVELLED,
        statement="DELETE FROM transfer",
        board="transfer-unknown",
        analytics=None,
    ),
    "a row that the database refuses": Poison(
        entry=RECEIVED,
        statement=CHOKE.replace("long-rug", "brass-lamp")
        + """
      CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON projections.board_watermark
        FOR EACH ROW EXECUTE FUNCTION projections.choke();
      CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON projections.analytics_hour
        FOR EACH ROW EXECUTE FUNCTION projections.choke()
    """,
        board="IntegrityError",
        analytics="IntegrityError",
    ),
}

SUMMING = ("board", "analytics")


async def traded(shop: Shop) -> None:
    """Sell and send a lamp, and move another; have rugs and teapots on the shelves, one of them sold."""
    for sku in (LAMP, RUG, TEAPOT):
        await shop.stocked(5, sku)
    for command in cast.commands_to_confirm("co_ada"):
        await shop.tell(command)
    await shop.tell(warehouse.ship(order="co_ada"))
    await shop.tell(warehouse.send(1))


def others(entries: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Leave the lamps out."""
    return {table: [row for row in rows if row["sku"] != LAMP] for table, rows in entries.items()}


async def filled(office: Office, name: str) -> int:
    """Fill a generation from the ledger as it is; one is in the making at a time."""
    for number in await office.desk.generations.unused(name):
        await office.desk.generations.forget(name, number)
    number = await office.desk.generations.begin(name, stream="none")
    await office.named(name).build(number, lambda _done, _of: None)
    return number


async def test_a_filling_puts_aside_the_row_that_cannot_be_counted(
    shop: Shop, office: Office, subtests: pytest.Subtests
) -> None:
    """Counted up to there, and on from there when it is tried again; the others are as ever."""
    await traded(shop)
    shop.database.run(BEHIND_EVERYBODY)
    whole = {name: entries_of(shop.database, name, await filled(office, name)) for name in SUMMING}
    for poison, harm in POISONS.items():
        for name in SUMMING:
            with subtests.test(poison, name=name):
                shop.database.run(harm.statement)
                try:
                    await puts_it_aside(shop, office, name, harm, whole[name])
                finally:
                    shop.database.run(MENDED)


async def puts_it_aside(
    shop: Shop, office: Office, name: str, harm: Poison, whole: dict[str, list[Any]]
) -> None:
    """See what a filling makes of it, and of what was mended."""
    code = harm.code(name)
    number = await filled(office, name)
    letters = await office.desk.letters.open(name)
    there = entries_of(shop.database, name, number)
    compared = await office.named(name).compare(number)

    assert [(letter.subject, letter.code) for letter in letters] == (
        [(SUBJECT, code)] if code else []
    )
    assert others(there) == others(whole)
    marks = [row for row in there[f"{name}_watermark"] if row["location"] == BERLIN]
    lamps = [row["sequence"] for row in marks if row["sku"] == LAMP]
    assert lamps == ([harm.entry - 1] if code and harm.entry > 1 else [] if code else [TRAVELLED])
    if code:
        met = harm.entry + (code == "entry-missing")
        assert orjson.loads(letters[0].body)["sequence"] == met
        assert compared.equal, compared.differences
        assert await tried(office, name) == [(SUBJECT, code)]
        shop.database.run(MENDED)
        assert await tried(office, name) == [(SUBJECT, None)]
        assert await tried(office, name) == []
        assert entries_of(shop.database, name, number) == whole


async def tried(office: Office, name: str) -> list[tuple[str, str | None]]:
    """Try everything again; give of each what it is about, and why it still cannot be taken in."""
    found = await retried(office.desk, office.projections, name)
    return [(letter.subject, code) for letter, code in found]


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_it_is_made_and_followed_beside_a_poison(board: Board, bus: Nats) -> None:
    """The next event of the row is put aside, too; once the row can be counted, it overtakes all of that."""
    await traded(board.shop)
    board.database.run(BEHIND_EVERYBODY)
    board.database.run(POISONS["a kind that only a later version knows"].statement)
    await board.settle()

    made = await rebuild(board.office.desk, board.office.named(board.name), lambda *_: None)
    for sku in (LAMP, RUG, TEAPOT):
        await board.shop.stocked(1, sku)
    await board.settle()
    letters = await board.office.desk.letters.open(board.name)

    assert made.sentence().startswith(
        f"generation {made.number} is read now, {made.entries} entries, equal to the ledger"
        " but for what 1 dead letters are about, "
    )
    assert letters[0].place == "filling"
    assert [(letter.subject, letter.code) for letter in letters] == [(SUBJECT, "kind-unknown")] * 2
    told = letters[0].told(with_body=False)
    assert (told["position"], told["code"]) == (None, "kind-unknown")

    board.database.run("UPDATE movement SET kind = 'reserve' WHERE kind = 'engrave'")
    await board.shop.stocked(1, LAMP)
    await board.settle()
    assert await board.office.desk.letters.open(board.name) == []
    assert await board.equals_the_ledger()


@pytest.mark.parametrize("name", SUMMING, indirect=True)
async def test_an_older_event_that_comes_again_settles_no_letter_of_a_filling(
    board: Board, bus: Nats
) -> None:
    """The row is stuck all the same, and its letter is all that tells; what is counted beyond it settles it."""
    await traded(board.shop)
    board.database.run(BEHIND_EVERYBODY)
    board.database.run(POISONS["a kind that only a later version knows"].statement)
    await board.settle()
    (letter,) = await board.office.desk.letters.open(board.name)
    assert (letter.place, orjson.loads(letter.body)["sequence"]) == ("filling", RESERVED)

    await publish(bus, [(topic(SUBJECT), event_of(board, RECEIVED))])
    await board.settle()
    assert await board.office.desk.letters.open(board.name) == [letter]

    board.database.run("UPDATE movement SET kind = 'reserve' WHERE kind = 'engrave'")
    await publish(bus, [(topic(SUBJECT), event_of(board, RESERVED))])
    await board.settle()
    assert await board.office.desk.letters.open(board.name) == []


def event_of(board: Board, sequence: int) -> bytes:
    """Give the body of the lamps' event of that number."""
    query: LiteralString = "SELECT payload::text FROM outbox WHERE subject = %s AND sequence = %s"
    payload = str(board.database.value(query, SUBJECT, sequence))
    return message(written(SUBJECT, sequence, 1, payload)).body


class Counting:
    """A noticeboard, and how often it is asked to heed events."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        """Give whatever the noticeboard has."""
        return getattr(self.projection, name)

    async def apply(self, generation: int, events: Sequence[Event]) -> None:
        """Heed them, and count."""
        self.asked += 1
        await self.projection.apply(generation, events)


CHOKED: dict[str, LiteralString] = {
    "availability": "projections.availability",
    "board": "projections.board_watermark",
    "analytics": "projections.analytics_hour",
}
SKUS = [f"{'cup' if n % 2 else 'mug'}-{n:02}" for n in range(60)]


async def test_following_asks_few_twice_for_the_sake_of_one(board: Board, bus: Nats) -> None:
    """Found by halves at first; afterwards what follows of that subject is kept from the others."""
    counting = Counting(board.office.named(board.name))
    board.keeper = Keeper(board.office.desk, counting, wait_seconds=SHORTLY)
    await board.shop.offers(*SKUS)
    await board.settle()
    board.database.run(CHOKE)
    trigger = (
        f"CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON {CHOKED[board.name]}"
        " FOR EACH ROW EXECUTE FUNCTION projections.choke()"
    )
    board.database.superuser.execute(trigger.encode())

    asked = []
    for _ in range(2):
        for sku in (RUG, *SKUS):
            await board.shop.stocked(1, sku)
        await board.relay.round()
        counting.asked = 0
        await board.settle()
        asked.append(counting.asked)
    letters = await board.office.desk.letters.open(board.name)

    assert [letter.subject for letter in letters] == [f"{RUG}/{BERLIN}"] * 2
    assert [letter.attempts for letter in letters] == [3, 1]
    # One by one it would be each of them; a slow machine may have them in several batches.
    assert max(asked) < len(SKUS) // 2
