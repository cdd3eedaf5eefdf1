"""`onhand doctor` as an operator runs it: its words, its exit codes, its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.copies import Database, MakeDatabase
from tests.integration.ledger.long_history import write_long_history
from tests.integration.ledger.shop import Shop, broken_promises
from tests.proof import size

LONG = size(share=40_000, full=100_000)
"""Entries. To keep the shorter history in memory takes 40 MB more, too."""
PEAK_MEMORY_MB = 150
"""The same for every size; ten million movements must fit in 300."""


def doctor(url: str, *arguments: str) -> Result:
    """Type it."""
    return CliRunner().invoke(app, ["doctor", *arguments], env={"DATABASE_URL": url})


def told(printed: str) -> dict[str, Any]:
    """Read its one line of JSON."""
    (line,) = printed.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def names_in(folder: Path) -> list[str]:
    """List what is there."""
    return sorted(path.name for path in folder.iterdir())


def forge(database: Database, *statements: LiteralString) -> None:
    """Change the history past its guard, and keep it."""
    database.run("ALTER TABLE movement DISABLE TRIGGER movement_no_rewrite")
    for statement in statements:
        database.run(statement)
    database.run("ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_no_rewrite")


@pytest.mark.proof
def test_a_long_history_is_read_in_little_memory(make_database: MakeDatabase) -> None:
    """What is kept is an entry and a row, whatever their number; and Postgres hashes as we do."""
    database = make_database()
    write_long_history(database, rows=2_000, entries=LONG // 2_000)
    run = subprocess.run(
        [sys.executable, "-m", "cli", "doctor", "--json"],
        env={**os.environ, "DATABASE_URL": database.application_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    answer = told(run.stdout)
    assert (answer["healthy"], answer["movements"], answer["chains"]) == (True, LONG, 2_000)
    assert answer["peak_memory_mb"] < PEAK_MEMORY_MB
    assert answer["seconds"] > 0
    # No terminal here: lines, a tenth each.
    assert f"history: {LONG // 2:,} of {LONG:,}" in run.stderr


async def test_a_healthy_ledger_is_said_to_be_one(shop: Shop, tmp_path: Path) -> None:
    """Exit code 0; heads are exported, and hold the next day."""
    await shop.stocked(3)
    heads = tmp_path / "heads.jsonl"
    url = shop.database.application_url
    first = doctor(url, "--export-heads", str(heads))
    assert first.exit_code == 0, first.stderr
    assert "The ledger is what it says it is." in first.stdout
    assert names_in(tmp_path) == ["heads.jsonl"]
    await shop.stocked(4)
    second = doctor(url, "--heads", str(heads), "--export-heads", str(heads), "--json")
    answer = told(second.stdout)
    assert (second.exit_code, answer["heads_verified"], answer["heads_exported"]) == (0, 1, 1)
    assert json.loads(heads.read_text().splitlines()[1])["sequence"] == 2


async def test_a_forged_entry_is_told_in_words_and_what_to_do(shop: Shop, tmp_path: Path) -> None:
    """Exit code 1, the row and the entry named; and no heads of it are kept."""
    await shop.stocked(3)
    await shop.stocked(4)
    before = broken_promises(shop.database)
    forge(shop.database, "UPDATE movement SET actor = actor || '-not' WHERE sequence = 2")
    kept = tmp_path / "heads.jsonl"
    run = doctor(shop.database.application_url, "--export-heads", str(kept))
    assert run.exit_code == 1, run.stderr
    assert (
        "The history of brass-lamp at BER1 was changed after it was written, at entry 2"
        in run.stdout
    )
    assert "Do: " in run.stdout
    assert "No heads were exported" in run.stdout
    assert names_in(tmp_path) == []
    machine = doctor(shop.database.application_url, "--json")
    (finding,) = told(machine.stdout)["findings"]
    assert (machine.exit_code, finding["code"]) == (1, "entry-changed")
    assert finding["facts"] == {"sku": "brass-lamp", "location": "BER1", "sequence": 2}
    forge(
        shop.database, "UPDATE movement SET actor = replace(actor, '-not', '') WHERE sequence = 2"
    )
    assert broken_promises(shop.database) == before == {}


def test_a_broken_promise_is_told_with_its_rows(database: Database) -> None:
    """The reader sees what anybody may do, though none of it was granted to itself."""
    database.run("GRANT UPDATE (actor) ON movement TO onhand_application")
    run = doctor(database.application_url, "--json")
    (finding,) = told(run.stdout)["findings"]
    assert (run.exit_code, finding["code"]) == (1, "I38")
    assert finding["facts"]["rows"][0]["grantee"] == "onhand_application"
    assert "movement" in finding["what"]


def test_what_cannot_be_looked_at_is_neither_healthy_nor_ill(
    database: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """Exit code 2 and one sentence: nobody there, no schema, no heads, not the heads of anything."""
    spoilt = tmp_path / "spoilt.jsonl"
    spoilt.write_text("{}\n")
    elsewhere = make_database(empty=True).application_url
    nobody = "postgresql://onhand:wrong@127.0.0.1:1/onhand"
    url = database.application_url
    runs = {
        "The database could not be looked at": doctor(nobody),
        "run `onhand migrate`": doctor(elsewhere),
        "cannot be read or written": doctor(url, "--heads", str(tmp_path / "none.jsonl")),
        "The file of chain heads cannot be used": doctor(url, "--heads", str(spoilt)),
        "written: ": doctor(url, "--export-heads", str(tmp_path / "no" / "such" / "folder")),
        "The database could not be looked at: Could not parse": doctor(""),
    }
    for words, run in runs.items():
        assert run.exit_code == 2, (words, run.stdout, run.stderr)
        assert words in run.stderr
        assert (run.stdout, run.stderr.count("Traceback")) == ("", 0)
    machine = doctor(nobody, "--json")
    assert (machine.exit_code, told(machine.stdout)["healthy"]) == (2, None)


def test_an_older_schema_is_not_judged(database: Database) -> None:
    """Its promises were others."""
    database.run("UPDATE alembic_version SET version_num = '0001'")
    run = doctor(database.application_url)
    assert run.exit_code == 2
    assert "The schema is at 0001" in run.stderr


def test_a_reader_of_its_own_may_run_it(database: Database) -> None:
    """A login that is nothing but a member of `onhand_read`."""
    login: LiteralString = "doctor_of_another_house"
    database.run(f"CREATE ROLE {login} LOGIN PASSWORD 'reads' IN ROLE onhand_read")
    try:
        place = database.application_url.rpartition("@")[2]
        url = f"postgresql://{login}:reads@{place}"
        assert doctor(url).exit_code == 0
        with psycopg.connect(url, autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM movement").fetchone() == (0,)
    finally:
        database.run(f"DROP ROLE {login}")
