"""History is only added to, whoever tries otherwise."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.copies import Database
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast

REWRITES: dict[str, LiteralString] = {
    "update": "UPDATE {} SET actor = 'nobody'",
    "delete": "DELETE FROM {}",
    "truncate": "TRUNCATE {}",
}
REPLICATING: LiteralString = "SET session_replication_role = replica"
HISTORIES = ["movement", "reservation_transition"]

READ, ADD, CHANGE = {"SELECT"}, {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE"}
GRANTS = {
    "alembic_version": READ,
    "movement": ADD,
    "reservation_transition": ADD,
    "checkout_line": ADD,
    "reservation_line": ADD,
    "product": CHANGE,
    "location": CHANGE,
    "stock": CHANGE,
    "checkout": CHANGE,
    "reservation": CHANGE,
    "orders": CHANGE,
    "payment": CHANGE,
    "payment_operation": CHANGE,
    "webhook_event": CHANGE,
    "webhook_conflict": {"SELECT"},
    "outbox": CHANGE,
    "outbox_pruned": {"SELECT"},
    "outbox_shard": {"SELECT", "UPDATE"},
    "operation": {*CHANGE, "DELETE"},
    "order_line": CHANGE,
    "returns": ADD,
    "return_line": CHANGE,
    "inspection_line": ADD,
    "transfer": ADD,
    "transfer_line": CHANGE,
    "document": CHANGE,
    "review": CHANGE,
    "note": ADD,
    "refund": CHANGE,
}


def attempt(url: str, *statements: LiteralString | sql.Composed) -> None:
    """Log in and try."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


async def some_history(shop: Shop) -> None:
    """One hold, and with it entries in both histories."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_hold())


async def test_nobody_rewrites_history(shop: Shop) -> None:
    """Neither the application nor the owner, nor a superuser in a session that replicates."""
    await some_history(shop)
    before = histories(shop.database)
    attacks = [
        sql.SQL(rewrite).format(sql.Identifier(history))
        for history in HISTORIES
        for rewrite in REWRITES.values()
    ]
    for attack in attacks:
        for role in ("RESET ROLE", "SET ROLE onhand_application"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                attempt(shop.database.application_url, role, attack)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            attempt(shop.database.owner_url, attack)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            attempt(shop.database.superuser_url, REPLICATING, attack)
    assert histories(shop.database) == before
    assert all(before)


def histories(database: Database) -> list[list[psycopg.rows.TupleRow]]:
    """Read all of both histories."""
    return [
        database.rows("SELECT * FROM movement ORDER BY sku, location, sequence"),
        database.rows("SELECT * FROM reservation_transition ORDER BY 1, 2"),
    ]


ESCAPES: dict[str, LiteralString] = {
    "switch the guard off": "ALTER TABLE movement DISABLE TRIGGER movement_no_rewrite",
    "replicate": "SET session_replication_role = replica",
    "drop the guard": "DROP TRIGGER movement_no_rewrite ON movement",
    "replace the guard": (
        "CREATE OR REPLACE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN OLD; END'"
    ),
    "drop the history": "DROP TABLE movement",
    "move it away": "ALTER TABLE movement RENAME TO forgotten",
    "make a table": "CREATE TABLE public.movement_two (sku text)",
    "become the owner": "SET ROLE onhand_owner",
}


def test_the_application_cannot_free_itself(database: Database) -> None:
    """With its role taken, and with the role put down again."""
    roles: list[LiteralString] = ["SET ROLE onhand_application", "RESET ROLE"]
    freed = []
    for name, escape in ESCAPES.items():
        for role in roles:
            try:
                attempt(database.application_url, role, escape)
            except psycopg.errors.InsufficientPrivilege:
                continue
            freed.append((name, role))
    assert freed == []


def test_the_application_cannot_give_itself_rights(database: Database) -> None:
    """Postgres warns and grants nothing."""
    attempt(database.application_url, "GRANT UPDATE ON movement TO onhand_application")
    assert not database.value("SELECT has_table_privilege('onhand', 'movement', 'UPDATE')")


ANSWER_REWRITES: dict[str, LiteralString] = {
    "another answer": "UPDATE operation SET outcome = '{}' WHERE outcome IS NOT NULL",
    "no answer": "UPDATE operation SET outcome = NULL",
    "another input": "UPDATE operation SET fingerprint = ''",
    "another name": "UPDATE operation SET key = key || '-again'",
    "forgotten": "DELETE FROM operation",
    "all forgotten": "TRUNCATE operation",
}


async def test_an_answer_stands_for_ever(shop: Shop) -> None:
    """Whoever could take it back could let a command act twice."""
    await some_history(shop)
    logins: list[tuple[str, LiteralString]] = [
        (shop.database.application_url, "SET ROLE onhand_application"),
        (shop.database.owner_url, "RESET ROLE"),
        (shop.database.superuser_url, "SET session_replication_role = replica"),
    ]
    for rewrite in ANSWER_REWRITES.values():
        for url, prelude in logins:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attempt(url, prelude, rewrite)


def test_a_claim_without_an_answer_can_be_taken_back(database: Database) -> None:
    """That is how a refused command becomes possible again."""
    attempt(
        database.application_url,
        "INSERT INTO operation (key, fingerprint) VALUES ('claimed', '')",
        "DELETE FROM operation WHERE key = 'claimed'",
    )
    assert database.rows("SELECT key FROM operation") == []


def test_the_application_owns_nothing(database: Database) -> None:
    """Whoever owns a table may switch its guards off."""
    owners = {
        owner
        for (owner,) in database.rows(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace"
        )
    }
    assert owners == {"onhand_owner"}


def test_the_application_has_the_rights_it_needs_and_no_other(database: Database) -> None:
    """Table by table; a new table without a line here fails."""
    granted: dict[str, set[str]] = {}
    for table, privilege in database.rows(
        "SELECT t.tablename, p.name FROM pg_tables t"
        " CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',"
        " 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS p(name)"
        " WHERE t.schemaname = 'public' AND has_table_privilege('onhand',"
        " quote_ident(t.tablename), p.name)"
    ):
        granted.setdefault(table, set()).add(privilege)
    assert granted == GRANTS


def test_a_stranger_may_not_even_look(database: Database) -> None:
    """Nothing is open to everybody: not the schema, and no table."""
    open_to_all = database.rows(
        "SELECT relname FROM pg_class, aclexplode(relacl) AS a"
        " WHERE relnamespace = 'public'::regnamespace AND a.grantee = 0"
    )
    schema = database.rows(
        "SELECT a.privilege_type FROM pg_namespace, aclexplode(nspacl) AS a"
        " WHERE nspname = 'public' AND a.grantee = 0"
    )
    assert (open_to_all, schema) == ([], [])
