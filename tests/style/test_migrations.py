"""A migration must not stop a shop that is selling: squawk reads each as it runs, in one transaction."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.migrations.scripts import VERSIONS
from tests.style.tree import ROOT

RELEASED_BEFORE_THE_LINT = {"v0001_first_checkout_sql"}
"""Makes everything in an empty database, where there is nobody to lock out; and is never edited."""

LINTED = sorted(
    folder
    for folder in VERSIONS.glob("v*_sql")
    if folder.is_dir() and folder.name not in RELEASED_BEFORE_THE_LINT
)
TIMELY = "SET LOCAL lock_timeout = '5s';\n"

BAD = {
    "CREATE INDEX stock_by_hash ON stock (hash);": "require-concurrent-index-creation",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS s ON stock (hash);": "ban-concurrent-index-creation-in-transaction",
    "ALTER TABLE stock ALTER COLUMN sequence TYPE numeric;": "changing-column-type",
    "ALTER TABLE stock ADD CONSTRAINT c CHECK (sold < 9);": "constraint-missing-not-valid",
    "ALTER TABLE stock ALTER COLUMN recorded_at SET NOT NULL;": "adding-not-nullable-field",
    "ALTER TABLE stock RENAME COLUMN sold TO paid;": "renaming-column",
    "ALTER TABLE stock DROP COLUMN sold;": "ban-drop-column",
    "DROP TABLE stock;": "ban-drop-table",
}
"""Statements that would stop a shop or break the version that still runs, and the rule that says so."""


def rules_broken(script: str) -> list[str]:
    """Let squawk read a script as a whole migration."""
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("squawk")),
            *("--config", str(ROOT / ".squawk.toml")),
            *("--reporter", "json", "--stdin-filepath", "migration.sql"),
        ],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    return [f"{found['rule_name']} in line {found['line'] + 1}" for found in json.loads(run.stdout)]


def whole(folder: Path) -> str:
    """Put a migration's files together in the order in which they run."""
    return "\n".join(script.read_text() for script in sorted(folder.glob("*.sql")))


@pytest.mark.parametrize("folder", LINTED, ids=lambda folder: folder.name)
def test_a_migration_does_not_stop_the_shop(folder: Path) -> None:
    """Whatever it locks, it locks briefly, and the version before it goes on working."""
    assert rules_broken(whole(folder)) == []


def test_every_migration_after_the_first_is_read() -> None:
    """A folder of another name would be run and not read."""
    steps = {f"{path.stem}_sql" for path in VERSIONS.glob("v*.py")}
    assert {folder.name for folder in LINTED} | RELEASED_BEFORE_THE_LINT == steps
    assert LINTED


@pytest.mark.parametrize("statement", BAD)
def test_a_bad_migration_is_refused(statement: str) -> None:
    """Or the lint is asleep."""
    assert rules_broken(TIMELY + statement) == [f"{BAD[statement]} in line 2"]


def test_a_migration_without_a_limit_on_its_waiting_is_refused() -> None:
    """It would wait behind one long report, and every buyer behind it."""
    assert rules_broken("ALTER TABLE stock ADD COLUMN n bigint;") == [
        "require-lock-timeout in line 1"
    ]


def test_every_excuse_has_its_reason() -> None:
    """A rule that is off for no reason is off for ever."""
    config = (ROOT / ".squawk.toml").read_text().splitlines()
    excused = [n for n, line in enumerate(config) if re.fullmatch(r'\s+"[a-z-]+",', line)]
    assert excused
    assert [config[n] for n in excused if not config[n - 1].lstrip().startswith("# ")] == []
    bare = [
        (folder.name, line)
        for folder in LINTED
        for before, line in zip(
            whole(folder).splitlines(), whole(folder).splitlines()[1:], strict=False
        )
        if "squawk-ignore" in line and not before.startswith("-- ")
    ]
    assert bare == []
