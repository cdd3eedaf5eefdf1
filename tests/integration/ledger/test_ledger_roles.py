"""Owner, application, webhook, relay, read: what each may do, and eight attacks on the history that are refused."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from ledger.database import Role, engine, snapshot
from ledger.examining.chains import ChainExaminer
from ledger.examining.findings import Findings
from ledger.examining.history import entries
from ledger.inbox import InboxEvent, Stored, store
from ledger.migrate import upgrade
from ledger.movements import HASHED_FIELDS, chained
from ledger.stock import GENESIS_HASH
from tests.copies import Database, MakeDatabase
from tests.integration.ledger.shop import Shop, open_shop
from tests.integration.ledger.test_ledger_append_only import attempt, histories, some_history
from tests.unit.ledger.cast import BERLIN, LAMP

SECRETS = {("payment", "client_secret")}
"""What only the application may see. A new column that is one belongs here, and out of `onhand_read`."""

REPLICATING: LiteralString = "SET session_replication_role = replica"
AS_APPLICATION: LiteralString = "SET ROLE onhand_application"
AS_WEBHOOK: LiteralString = "SET ROLE onhand_webhook"
AS_RELAY: LiteralString = "SET ROLE onhand_relay"
AS_READ: LiteralString = "SET ROLE onhand_read"
UPDATE: LiteralString = "UPDATE movement SET actor = 'nobody'"
DISABLE: LiteralString = "ALTER TABLE movement DISABLE TRIGGER movement_no_rewrite"

EIGHT_ATTACKS: dict[str, tuple[str, list[LiteralString], str]] = {
    "the owner updates": ("owner", [UPDATE], "append-only"),
    "the owner deletes": ("owner", ["DELETE FROM movement"], "append-only"),
    "the owner truncates": ("owner", ["TRUNCATE movement"], "append-only"),
    "a superuser replicates": ("superuser", [REPLICATING, UPDATE], "append-only"),
    "the application updates": ("application", [AS_APPLICATION, UPDATE], "permission denied"),
    "the application truncates": (
        "application",
        [AS_APPLICATION, "TRUNCATE movement"],
        "permission denied",
    ),
    "the application disarms": ("application", [AS_APPLICATION, DISABLE], "must be owner"),
    "the application replicates": (
        "application",
        [AS_APPLICATION, REPLICATING, UPDATE],
        "permission denied",
    ),
}
"""Who logs in, what they try, and the words of the refusal."""

LESSER_ATTACKS: dict[str, list[LiteralString]] = {
    "update": [UPDATE],
    "delete": ["DELETE FROM movement"],
    "truncate": ["TRUNCATE movement"],
    "disarm": [DISABLE],
    "replicate": [REPLICATING],
    "write stock": ["UPDATE stock SET sellable = 1000"],
    "forge an answer": ["INSERT INTO operation (key, fingerprint) VALUES ('forged', '')"],
    "drop": ["DROP TABLE movement"],
    "make a table": ["CREATE TABLE public.mine (sku text)"],
    "take a secret": ["SELECT client_secret FROM payment"],
    "take a secret's row": ["SELECT * FROM payment"],
    "take a secret as a whole row": ["SELECT payment FROM payment"],
    "mark an event as done": ["UPDATE webhook_event SET applied_at = now(), disposition = 'done'"],
    "forget an event": ["DELETE FROM webhook_event"],
    "become the application": ["RESET ROLE", "SET ROLE onhand_application", UPDATE],
}
"""What neither the webhook's role nor the relay's nor the reader's may do."""


def urls(database: Database) -> dict[str, str]:
    """Give the address of each login."""
    return {
        "owner": database.owner_url,
        "superuser": database.superuser_url,
        "application": database.application_url,
    }


@pytest.mark.parametrize("name", EIGHT_ATTACKS)
async def test_an_attack_on_the_history_is_refused(shop: Shop, name: str) -> None:
    """By a guard, or by having no right to it; and nothing has changed."""
    await some_history(shop)
    before = histories(shop.database)
    login, statements, refusal = EIGHT_ATTACKS[name]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=refusal):
        attempt(urls(shop.database)[login], *statements)
    assert histories(shop.database) == before
    assert all(before)


@pytest.mark.parametrize("name", LESSER_ATTACKS)
@pytest.mark.parametrize("role", [AS_WEBHOOK, AS_RELAY, AS_READ])
def test_the_lesser_roles_change_nothing(
    database: Database, role: LiteralString, name: str
) -> None:
    """Whatever is wrong with the code that takes them."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(database.application_url, role, *LESSER_ATTACKS[name])


def test_the_webhooks_role_sees_nothing_of_value(database: Database) -> None:
    """Column by column: only what tells a repeated event from another."""
    assert seen_by("onhand_webhook", database) == {
        ("webhook_event", "provider"),
        ("webhook_event", "event_id"),
        ("webhook_event", "body_sha256"),
    }


def test_the_reader_sees_everything_but_secrets(database: Database) -> None:
    """A new column too, unless it is named a secret here."""
    columns = {
        (table, column)
        for table, column in database.rows(
            "SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " AND attnum > 0 AND NOT attisdropped"
        )
    }
    assert seen_by("onhand_read", database) == columns - SECRETS
    assert columns > SECRETS
    named_like_one = {pair for pair in columns if "secret" in pair[1] or "token" in pair[1]}
    assert named_like_one == SECRETS


def seen_by(role: str, database: Database) -> set[tuple[str, str]]:
    """List the columns that a role may read."""
    return {
        (table, column)
        for table, column in database.rows(
            "SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " AND attnum > 0 AND NOT attisdropped"
            " AND has_column_privilege(%s, c.oid, attnum, 'SELECT')",
            role,
        )
    }


def test_the_lesser_roles_may_write_the_inbox_at_most(database: Database) -> None:
    """The webhook's inbox, and what contradicts it; and no column of what became of an event."""
    written = database.rows(
        "SELECT r.rolname, relname, attname, p.name"
        " FROM pg_roles r, pg_class c JOIN pg_attribute a ON attrelid = c.oid,"
        " unnest(ARRAY['INSERT', 'UPDATE', 'REFERENCES']) AS p(name)"
        " WHERE r.rolname IN ('onhand_webhook', 'onhand_read')"
        " AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0"
        " AND has_column_privilege(r.oid, c.oid, attnum, p.name)"
    )
    stored = ("provider", "event_id", "kind", "payment_intent", "body_sha256")
    assert set(written) == {
        ("onhand_webhook", table, column, "INSERT")
        for table in ("webhook_event", "webhook_conflict")
        for column in stored
    }


def test_the_relays_role_marks_what_is_out_and_writes_nothing_else(database: Database) -> None:
    """It reads the outbox, locks its shards, and can neither change an event nor take one away."""
    of_outbox = {pair for pair in seen_by("onhand_relay", database) if pair[0] == "outbox"}
    columns = database.rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'outbox'::regclass"
        " AND attnum > 0 AND NOT attisdropped"
    )

    assert {name for _, name in of_outbox} == {name for (name,) in columns}
    assert seen_by("onhand_relay", database) - of_outbox == {("outbox_shard", "shard")}
    assert rights("onhand_relay", database) == {
        ("public", "outbox", "published_at", "UPDATE"),
        ("public", "outbox_shard", "shard", "UPDATE"),
    }


def rights(role: str, database: Database) -> set[tuple[str, str, str, str]]:
    """List everything but reading that a role may do to a table, or to a column of one, wherever that is."""
    return {
        (schema, table, column, right)
        for schema, table, column, right in database.rows(
            "SELECT n.nspname, relname, attname, p.name"
            " FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
            " JOIN pg_namespace n ON n.oid = relnamespace,"
            " unnest(ARRAY['INSERT', 'UPDATE', 'REFERENCES', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p(name)"
            " WHERE n.nspname IN ('public', 'projections') AND relkind IN ('r', 'p', 'v') AND attnum > 0"
            " AND NOT attisdropped AND CASE WHEN p.name IN ('DELETE', 'TRUNCATE', 'TRIGGER')"
            " THEN has_table_privilege(%s, c.oid, p.name)"
            " ELSE has_column_privilege(%s, c.oid, attnum, p.name) END",
            role,
            role,
        )
    }


async def test_a_webhook_is_stored_by_a_role_that_can_do_nothing_else(database: Database) -> None:
    """New, repeated, and another body under a known id."""
    inbox = engine(database.application_url, pool_size=1, role=Role.WEBHOOK)
    event = {"provider": "stripe", "event_id": "evt_1", "kind": "x", "payment_intent": None}
    try:
        told = [
            await store(inbox, InboxEvent(**event, body_sha256=digest))  # type: ignore[arg-type]
            for digest in ("aa", "aa", "bb", "bb", "aa")
        ]
        async with inbox.connect() as connection:
            who = (await connection.exec_driver_sql("SELECT current_user")).scalar_one()
    finally:
        await inbox.dispose()
    again = [Stored.CONFLICT, Stored.DUPLICATE]
    assert told == [Stored.STORED, Stored.DUPLICATE, Stored.CONFLICT, *again]
    noted = "SELECT event_id, encode(body_sha256, 'hex') FROM webhook_conflict"
    assert database.rows(noted) == [("evt_1", "bb")]
    assert who == "onhand_webhook"


def test_a_snapshot_is_of_one_moment_and_changes_nothing(database: Database) -> None:
    """As the reader, without a limit on its time, and blind to what is committed meanwhile."""
    with snapshot(database.application_url) as moment:
        asked = "SELECT current_user::text, current_setting('statement_timeout'), (SELECT count(*) FROM product)"
        before = moment.execute(asked).fetchone()
        database.run(
            "INSERT INTO product (sku, title, price_minor, currency) VALUES ('late', 'Late', 1, 'EUR')"
        )
        assert moment.execute(asked).fetchone() == before == ("onhand_read", "0", 0)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            moment.execute("CREATE TEMPORARY TABLE mine (sku text)")


def test_the_reader_sees_what_later_migrations_make(database: Database) -> None:
    """Or doctor would be blind to it until somebody remembers a grant."""
    attempt(database.owner_url, "CREATE TABLE made_later (n integer)")
    attempt(database.application_url, AS_READ, "SELECT n FROM made_later")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(database.application_url, AS_WEBHOOK, "SELECT n FROM made_later")


async def test_a_ledger_with_a_past_is_brought_up_to_date(make_database: MakeDatabase) -> None:
    """Rows of the first schema stay, the roles come to a database that had none, and the chain goes on."""
    database = make_database(empty=True)
    upgrade(database.owner_url, "0001")
    database.run("GRANT onhand_application TO onhand")
    put_one_lamp(database)
    before = histories(database)
    upgrade(database.owner_url)
    assert histories(database) == before
    async with open_shop(database) as shop:
        await shop.stocked(3)
    with snapshot(database.application_url) as moment:
        examiner = ChainExaminer(Findings())
        examiner.read(entries(moment), 1, lambda _: None)
    assert (examiner.movements, examiner.found.shown) == (2, [])


def put_one_lamp(database: Database) -> None:
    """Write one receipt as the first schema's code did."""
    moved = [LAMP, BERLIN, 1, "receive", "supply", "sellable", 1, 1, *([0] * 6), -1, 0, 0, 0, 0, []]
    caused = ["receipt/old", "receipt", "old", "olga", None, 0, 0]
    digest = chained(GENESIS_HASH, [*moved, *caused])
    places = ["%s"] * (len(HASHED_FIELDS) - 2) + ["to_timestamp(%s)"] * 2 + ["%s"]
    database.run(
        "INSERT INTO product (sku, title, price_minor, currency) VALUES (%s, 'Lamp', 100, 'EUR')",
        LAMP,
    )
    database.run("INSERT INTO location (location, kind) VALUES (%s, 'warehouse')", BERLIN)
    database.run(
        "INSERT INTO stock (sku, location, sellable, supply, sequence, hash, recorded_at, total_received)"
        " VALUES (%s, %s, 1, -1, 1, %s, to_timestamp(0), 1)",
        *(LAMP, BERLIN, digest),
    )
    insert = f"INSERT INTO movement ({', '.join(HASHED_FIELDS)}, hash) VALUES ({', '.join(places)})"  # noqa: S608 - constants
    database.superuser.execute(insert.encode(), [*moved, *caused, digest])


def test_the_noticeboards_role_writes_on_noticeboards_and_nowhere_else(database: Database) -> None:
    """The application, which may take it, writes on none as what it is. Customers and keys are not its business."""
    kept = {schema for schema, _, _, _ in rights("onhand_projections", database)}
    by_application = {schema for schema, _, _, _ in rights("onhand_application", database)}
    private = {"customer_id", "owner", "client_secret", "cart_id", "actor"}

    assert kept == {"projections"}
    assert by_application == {"public"}
    assert private & {column for _, column in seen_by("onhand_projections", database)} <= {"actor"}
