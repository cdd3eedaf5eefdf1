"""Every index earns its keep: each write pays for it, so it says which question needs it."""

from __future__ import annotations

import re

from ledger.migrations.scripts import VERSIONS
from tests.copies import Database

CREATION = re.compile(r"^CREATE (?:UNIQUE )?INDEX (\w+)", re.MULTILINE)
EXPLAINED = re.compile(
    r"^-- (?!squawk-ignore)\w.+\n(?:-- .+\n)*CREATE (?:UNIQUE )?INDEX (\w+)", re.MULTILINE
)


def explained_in(script: str) -> set[str]:
    """Name the indexes of a script with a comment above them."""
    return set(EXPLAINED.findall(script))


def test_every_index_says_which_question_needs_it(database: Database) -> None:
    """Above its CREATE INDEX, or as a comment on it; those of constraints are explained by those."""
    made: dict[str, str | None] = dict(
        database.rows(
            "SELECT c.relname, obj_description(c.oid, 'pg_class')"
            " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version_pkc'"
            " AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype <> 'f')"
        )
    )
    scripts = [path.read_text() for path in VERSIONS.glob("*/*.sql")]
    explained = {name for script in scripts for name in explained_in(script)}
    commented = {name for name, comment in made.items() if comment and comment.endswith(".")}
    assert len(made) > 10
    assert set(made) - explained - commented == set()
    assert set(made) <= {name for script in scripts for name in CREATION.findall(script)}


def test_an_index_without_a_word_is_found() -> None:
    """Nor does the excuse of a lint explain it."""
    bare = "\nCREATE INDEX bare ON stock (sold);\n"
    assert explained_in(bare) == set()
    assert explained_in("-- squawk-ignore a-rule" + bare) == set()
    assert explained_in("-- What the board reads." + bare) == {"bare"}
    assert explained_in("-- What the board reads.\n-- squawk-ignore a-rule" + bare) == {"bare"}
