"""The schema is made by its migrations: from nothing, twice, at once, and beside other databases."""

from __future__ import annotations

import asyncio
import sys

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from ledger.migrate import head, upgrade
from tests.copies import Database, MakeDatabase
from tests.integration.ledger.shop import another_ledger, open_shop
from tests.unit.ledger import cast

OTHER_OWNER, PASSWORD = "other_owner", "other-owner"


def schema(database: Database) -> list[tuple[object, ...]]:
    """List every column and constraint."""
    return database.rows(
        "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull::text"
        " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0"
        " UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), ''"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3"
    )


async def upgraded_elsewhere(url: str) -> tuple[int | None, str]:
    """Migrate in a process of its own."""
    program = "import sys; from ledger.migrate import upgrade; upgrade(sys.argv[1])"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, url, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


def test_the_owner_is_no_superuser(database: Database) -> None:
    """It may make roles, and has made everything here."""
    assert database.rows(
        "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'onhand_owner'"
    ) == [(False, True)]
    assert database.value("SELECT version_num FROM alembic_version") == head()


def test_a_second_migration_finds_nothing_to_do(database: Database) -> None:
    """Every start of a new version runs it."""
    before = schema(database)
    upgrade(database.owner_url)
    assert schema(database) == before


async def test_migrations_at_once_of_two_databases_of_one_server(
    make_database: MakeDatabase, database: Database
) -> None:
    """Two processes each: one works, the other waits and finds nothing left; roles are shared."""
    first, second = make_database(empty=True), make_database(empty=True)
    urls = [first.owner_url, second.owner_url] * 2
    results = await asyncio.gather(*[upgraded_elsewhere(url) for url in urls])
    assert [code for code, _ in results] == [0] * 4, results
    assert schema(first) == schema(second) == schema(database)
    async with open_shop(second) as shop:
        await shop.stocked(1)
        await shop.tell(*cast.commands_to_confirm())
        assert shop.pile("sold") == 1


async def test_one_login_can_serve_a_small_installation(database: Database) -> None:
    """The owner migrates, and acts as the application with less than its own rights."""
    async with (
        another_ledger(database, url=database.owner_url) as small,
        small.engine.connect() as c,
    ):
        row = (await c.exec_driver_sql("SELECT current_user, session_user")).one()
        assert tuple(row) == ("onhand_application", "onhand_owner")


async def test_another_owner_can_migrate_a_database_of_its_own(
    make_database: MakeDatabase,
) -> None:
    """Two installations on one server, each with its owner; the application's role is made already."""
    database = make_database(empty=True)
    name = sql.Identifier(database.name)
    try:
        database.superuser.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                sql.Identifier(OTHER_OWNER), sql.Literal(PASSWORD)
            )
        )
        database.superuser.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(OTHER_OWNER))
        )
        url = make_url(database.owner_url).set(username=OTHER_OWNER, password=PASSWORD)
        upgrade(url.render_as_string(hide_password=False))
        assert database.value("SELECT version_num FROM alembic_version") == head()
    finally:
        database.superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO onhand_owner").format(name))
        drop = sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}")
        database.superuser.execute(drop.format(sql.Identifier(OTHER_OWNER)))


def test_a_migration_that_fails_leaves_nothing_behind(make_database: MakeDatabase) -> None:
    """A table of that name is there already, somebody else's; nothing of ours is made beside it."""
    database = make_database(empty=True)
    database.run("CREATE TABLE public.outbox (mine integer)")
    with pytest.raises(Exception, match="outbox"):
        upgrade(database.owner_url)
    assert database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") in (
        [("outbox",)],
        [("outbox",), ("alembic_version",)],
    )
    database.run("DROP TABLE public.outbox")
    upgrade(database.owner_url)
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
