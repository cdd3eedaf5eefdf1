"""Doctor finds whatever is wrong, in one pass over the history and one question a promise."""

# ruff: noqa: E501, S608 - a forgery is a line of SQL, put together from constants

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from ledger.examining.chains import PROVED, ChainExaminer
from ledger.examining.examination import Examination, examine
from ledger.examining.findings import SHOWN, Findings
from ledger.examining.heads import Heads, HeadsUnreadable, no_heads, read_heads
from ledger.examining.history import entries
from ledger.examining.words import CHAIN_WORDS
from tests.copies import Database
from tests.integration.ledger.long_history import HASHED_IN_SQL
from tests.integration.ledger.mutants import MUTANTS, Mutant, disarm
from tests.integration.ledger.shop import INVARIANTS, Shop

Falsified = psycopg.Connection[psycopg.rows.TupleRow]


@contextmanager
def falsified(database: Database, *statements: str, armed: bool = False) -> Iterator[Falsified]:
    """Falsify, and look at it as the reader; nothing of it is kept."""
    connection = database.superuser
    with connection.transaction(force_rollback=True):
        if not armed:
            disarm(connection)
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount != 0, "nothing was changed"
        connection.execute("SET LOCAL ROLE onhand_read")
        yield connection


def examined(connection: Falsified, heads: Heads | None = None) -> Examination:
    """Examine what this connection sees."""
    return examine(connection, lambda *_: None, heads=heads)


def exported(connection: Falsified) -> str:
    """Export the heads of what this connection sees."""
    file = io.StringIO()
    examine(connection, lambda *_: None, export=file)
    return file.getvalue()


def test_a_busy_world_is_healthy(busy: Database) -> None:
    """Every entry is read, every row, and every promise that reading does not prove is asked."""
    with falsified(busy, armed=True) as connection:
        seen = examined(connection)
    assert [finding.what for finding in seen.found.shown] == []
    assert seen.healthy
    assert seen.movements == busy.value("SELECT count(*) FROM movement")
    assert seen.chains == busy.value("SELECT count(*) FROM stock")
    assert seen.promises == len(INVARIANTS) - len(PROVED)
    assert {name.partition("_")[0] for name in INVARIANTS} > PROVED


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=[f"{mutant.caught_by} {mutant.story}" for mutant in MUTANTS]
)
def test_doctor_finds_a_mutant(busy: Database, mutant: Mutant) -> None:
    """By its promise, or in the history where that proves it; and says so in sentences."""
    armed = mutant.caught_by in ("I38", "I39", "I40")
    with falsified(busy, mutant.falsify, armed=armed) as connection:
        if mutant.caught_by in PROVED:
            found = in_history(connection)
            assert set(found.numbers) & set(CHAIN_WORDS)
        else:
            found = examined(connection).found
            assert mutant.caught_by in found.numbers
    for finding in found.shown:
        assert finding.what[0].isupper() or finding.facts.get("sku") == finding.what.split()[0]
        assert finding.what.endswith(".")
        assert finding.do.endswith(".")
        assert "{" not in finding.what.replace("{}", "")


FORGERIES: dict[str, tuple[str, list[str]]] = {
    "entry-changed": (
        "at entry 3",
        ["UPDATE movement SET actor = 'nobody' WHERE sku = 'brass-lamp' AND location = 'BER1' AND sequence = 3"],
    ),
    "entry-missing": (
        "a gap before entry 3",
        ["DELETE FROM movement WHERE sku = 'brass-lamp' AND location = 'BER1' AND sequence = 2"],
    ),
    "entry-repeated": (
        "numbered 2",
        ["INSERT INTO movement SELECT * FROM movement WHERE sku = 'brass-lamp' AND location = 'BER1' AND sequence = 2"],
    ),
    "end-missing": (
        "the last of them are gone",
        ["DELETE FROM movement m USING stock s WHERE (s.sku, s.location, s.sequence) = (m.sku, m.location, m.sequence) AND m.sku = 'brass-lamp' AND m.location = 'BER1'"],
    ),
    "row-behind": (
        "its history has more",
        ["UPDATE stock SET sequence = sequence - 1 WHERE sku = 'brass-lamp' AND location = 'BER1'"],
    ),
    "row-hash-differs": (
        "another hash than its last entry",
        ["UPDATE stock SET hash = sha256('x') WHERE sku = 'brass-lamp' AND location = 'BER1'"],
    ),
    "row-differs": (
        "is not what its last entry",
        ["UPDATE stock SET safety_stock = 7 WHERE sku = 'brass-lamp' AND location = 'BER1'"],
    ),
    "row-missing": (
        "and no row",
        ["DELETE FROM stock WHERE sku = 'brass-lamp' AND location = 'BER1'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", FORGERIES)
def test_a_forgery_is_named_for_what_it_is(busy: Database, code: str) -> None:
    """Which row, which entry, and what was done to it."""
    words, statements = FORGERIES[code]
    with falsified(busy, *statements) as connection:
        (finding,) = in_history(connection).shown
    assert finding.code == code
    assert "brass-lamp at BER1" in finding.what
    assert words in finding.what


def in_history(connection: Falsified, heads: Heads | None = None) -> Findings:
    """Read the history only."""
    examiner = ChainExaminer(Findings(), heads or no_heads())
    examiner.read(entries(connection), 1_000, lambda _: None)
    return examiner.found


REWRITE_THE_CHAIN = f"""
DO $$
DECLARE entry record; previous bytea := decode(repeat('00', 32), 'hex');
BEGIN
  FOR entry IN SELECT sku, location, sequence, '[' || concat_ws(',', {HASHED_IN_SQL}) || ']' AS fields
    FROM movement WHERE sku = 'brass-lamp' AND location = 'BER1' ORDER BY sequence
  LOOP
    previous := sha256(previous || convert_to(entry.fields, 'UTF8'));
    UPDATE movement SET hash = previous
    WHERE (sku, location, sequence) = (entry.sku, entry.location, entry.sequence);
  END LOOP;
  UPDATE stock SET hash = previous WHERE sku = 'brass-lamp' AND location = 'BER1';
END $$
"""
CHANGE_AN_ENTRY = (
    "UPDATE movement SET {} WHERE sku = 'brass-lamp' AND location = 'BER1' AND sequence = {}"
)
HASHED_FORGERIES = {
    "entry-does-not-follow": ("sold_after = sold_after + 1", 3),
    "entry-disordered": ("recorded_at = recorded_at - interval '1 day'", 3),
}


@pytest.mark.parametrize("code", HASHED_FORGERIES)
def test_right_hashes_do_not_hide_what_makes_no_sense(busy: Database, code: str) -> None:
    """Somebody who can hash has changed one entry and all hashes after it."""
    change, sequence = HASHED_FORGERIES[code]
    falsify = CHANGE_AN_ENTRY.format(change, sequence)
    with falsified(busy, falsify, REWRITE_THE_CHAIN) as connection:
        (finding,) = in_history(connection).shown
    assert (finding.code, finding.facts["sequence"]) == (code, sequence)


def test_an_oversold_row_is_found_though_everything_adds_up(busy: Database) -> None:
    """A consistent history in which a pile was below nothing."""
    swap = (
        "UPDATE movement SET (kind, source, target, quantity, sellable_after, supply_after,"
        " reserved_after) = ('reserve', 'sellable', 'reserved', 5, -5, 0, 5)"
        " WHERE sku = 'blue-teapot' AND sequence = 1"
    )
    clear = "DELETE FROM movement WHERE sku = 'blue-teapot' AND sequence > 1"
    with falsified(busy, swap, clear) as connection:
        assert in_history(connection).numbers["entry-changed"] == 1
    rehash = REWRITE_THE_CHAIN.replace("brass-lamp", "blue-teapot").replace("BER1", "MUC1")
    with falsified(busy, swap, clear, rehash) as connection:
        (finding,) = in_history(connection).shown
    assert finding.code == "pile-negative"


def test_exported_heads_betray_a_chain_that_was_written_anew(busy: Database) -> None:
    """Every hash is right, every promise holds, and yet somebody else is said to have done it."""
    with falsified(busy, armed=True) as connection:
        kept = exported(connection)
    guard = "ALTER TABLE movement {} TRIGGER movement_no_rewrite"
    falsify = CHANGE_AN_ENTRY.format("actor = 'nobody'", 3)
    rewrite = [guard.format("DISABLE"), falsify, REWRITE_THE_CHAIN, guard.format("ENABLE ALWAYS")]
    with falsified(busy, *rewrite, armed=True) as connection:
        assert examined(connection).healthy
        seen = examined(connection, read_heads(io.StringIO(kept)))
    (finding,) = seen.found.shown
    assert finding.code == "history-rewritten"
    assert "brass-lamp at BER1 was written anew" in finding.what


HEADS_OF_OTHERS: dict[str, tuple[str, list[LiteralString]]] = {
    "history-shortened": (
        "now ends at entry",
        [
            "DELETE FROM movement m USING stock s WHERE m.sku = s.sku AND m.location = s.location AND m.sku = 'brass-lamp' AND m.location = 'BER1' AND m.sequence = s.sequence",
            "UPDATE stock SET sequence = sequence - 1 WHERE sku = 'brass-lamp' AND location = 'BER1'",
        ],
    ),
    "history-vanished": (
        "is gone altogether",
        [
            "DELETE FROM movement WHERE sku = 'brass-lamp' AND location = 'BER1'",
            "DELETE FROM stock WHERE sku = 'brass-lamp' AND location = 'BER1'",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", HEADS_OF_OTHERS)
def test_exported_heads_betray_what_is_gone(busy: Database, code: str) -> None:
    """The end of a chain, or the whole of it."""
    with falsified(busy, armed=True) as connection:
        kept = exported(connection)
    words, statements = HEADS_OF_OTHERS[code]
    with falsified(busy, *statements) as connection:
        found = in_history(connection, read_heads(io.StringIO(kept)))
    (finding,) = [finding for finding in found.shown if finding.code == code]
    assert words in finding.what
    assert "brass-lamp at BER1" in finding.what


async def test_yesterdays_heads_hold_though_the_shop_has_gone_on(shop: Shop) -> None:
    """A chain that has grown still has its entry of that number."""
    await shop.stocked(1)
    with psycopg.connect(shop.database.superuser_url) as connection:
        kept = exported(connection)
    await shop.stocked(2)
    await shop.stocked(3, location="MUC1")
    with psycopg.connect(shop.database.superuser_url) as connection:
        seen = examined(connection, read_heads(io.StringIO(kept)))
    assert seen.healthy
    assert (seen.heads_verified, seen.movements) == (1, 3)


SPOILT: dict[str, Callable[[list[str]], list[str]]] = {
    "cut off": lambda lines: lines[:-1],
    "a head left out": lambda lines: [*lines[:2], *lines[3:]],
    "another order": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "a head twice": lambda lines: [*lines[:2], *lines[1:]],
    "no first line": lambda lines: lines[1:],
    "no JSON": lambda lines: [lines[0], "brass-lamp\n", *lines[2:]],
    "a head of nothing": lambda lines: [lines[0], "{}\n", *lines[2:]],
    "no hash": lambda lines: [lines[0], lines[1].replace('"hash":"', '"hash":"x'), *lines[2:]],
    "nothing at all": lambda _: [],
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_of_heads_is_refused(busy: Database, how: str) -> None:
    """Half a file would verify half of the ledger and look like the whole."""
    with falsified(busy, armed=True) as connection:
        lines = exported(connection).splitlines(keepends=True)
        assert len(lines) > 4
        spoilt = io.StringIO("".join(SPOILT[how](lines)))
        with pytest.raises(HeadsUnreadable):
            in_history(connection, read_heads(spoilt))


def test_a_ledger_in_ruins_is_told_in_a_few_words(busy: Database) -> None:
    """Twenty findings in full and the number of the rest: memory and patience are bounded."""
    found = Findings()
    with falsified(busy, "UPDATE movement SET actor = 'nobody'") as connection:
        (first, *_) = in_history(connection).shown
    for _ in range(3 * SHOWN):
        found.add(first)
    assert (len(found.shown), found.total) == (SHOWN, 3 * SHOWN)
    assert "more of its entries are wrong" in first.what
