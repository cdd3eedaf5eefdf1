"""A test's database was perhaps another's before: nothing of that is left, or it does not come again."""

from __future__ import annotations

from contextlib import ExitStack
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from dev.postgres import PostgresServer
from tests.blank import Blank
from tests.copies import AHEAD, Copies, Database, MakeDatabase
from tests.integration.ledger.shop import open_shop

CHANGES: tuple[LiteralString, ...] = (
    "CREATE TABLE mine ()",
    "DROP TABLE public.movement CASCADE",
    "ALTER TABLE stock ADD COLUMN mine integer",
    "ALTER TABLE stock DROP CONSTRAINT stock_pkey CASCADE",
    "ALTER TABLE movement DISABLE TRIGGER ALL",
    "CREATE INDEX mine ON stock (sku)",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "ALTER SEQUENCE outbox_id_seq INCREMENT BY 2",
    "REVOKE SELECT ON stock FROM onhand_application",
    "GRANT UPDATE (sku) ON movement TO onhand_application",
    "GRANT CREATE ON SCHEMA public TO onhand_application",
    "ANALYZE outbox_shard",
)
SETTINGS: tuple[LiteralString, ...] = (
    "ALTER DATABASE {} SET lock_timeout = '1ms'",
    "ALTER DATABASE {} CONNECTION LIMIT 5",
    "ALTER DATABASE {} ALLOW_CONNECTIONS false",
    "GRANT CREATE ON DATABASE {} TO onhand_application",
)


@pytest.fixture
def blank(database: Database) -> Blank:
    """Give what one is that nobody has used."""
    return Blank.of(database.superuser_url)


def everything(database: Database) -> dict[str, list[TupleRow]]:
    """Read all rows of all tables, and the numbers that are given next."""
    names = database.rows("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^pg_'")
    all_of = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1")
    found = {
        ".".join(name): database.superuser.execute(all_of.format(sql.Identifier(*name))).fetchall()
        for name in names
        if name[0] != "information_schema"
    }
    return found | {
        "numbers": database.rows("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
    }


async def test_one_that_was_used_is_as_new(
    blank: Blank, database: Database, make_database: MakeDatabase
) -> None:
    """Whatever was in it, and wherever its numbers were."""
    used = make_database()
    async with open_shop(used) as shop:
        await shop.stocked(4)
        await shop.opened("anna")
    used.run("SELECT nextval('projections.generation_number')")
    used.run("DELETE FROM outbox_shard WHERE shard = 7")
    new, before = everything(database), everything(used)
    assert [table for table in new if new[table] != before[table]]
    used.close()

    assert blank.made_of(used.superuser_url)
    assert everything(used) == new
    async with open_shop(used) as shop:
        await shop.stocked(2)
        assert shop.pile("sellable") == 2
    assert blank.made_of(used.superuser_url)


@pytest.mark.parametrize("change", CHANGES)
def test_one_of_another_schema_is_not_used_again(
    blank: Blank, make_database: MakeDatabase, change: LiteralString
) -> None:
    """It would be made as the template was, and be something else."""
    changed = make_database()
    changed.run(change)

    assert not blank.made_of(changed.superuser_url)


@pytest.mark.parametrize("setting", SETTINGS)
def test_one_with_settings_of_its_own_is_not_used_again(
    blank: Blank, postgres: PostgresServer, make_database: MakeDatabase, setting: LiteralString
) -> None:
    """They are kept outside it."""
    changed = make_database()
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL(setting).format(sql.Identifier(changed.name)))

    assert not blank.made_of(changed.superuser_url)


def test_whoever_is_late_does_not_find_it(copies: Copies) -> None:
    """What a test left running would else work in the next one's shop."""
    with copies.one() as used:
        late = psycopg.connect(used.application_url, autocommit=True)
    with ExitStack() as given:
        names = [given.enter_context(copies.one()).name for _ in range(AHEAD + 2)]

    with pytest.raises(psycopg.OperationalError):
        late.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(used.application_url)
    assert used.name not in names
