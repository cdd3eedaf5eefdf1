"""The last line: what the database refuses whatever the rules let through."""

from __future__ import annotations

from itertools import product
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from ledger import loading
from ledger.checkouts import (
    LIVE,
    MAY_STILL_BE_PAID,
    OrderState,
    PaymentState,
    ReservationState,
    Status,
    combination_allowed,
)
from ledger.movements import HASHED_FIELDS
from ledger.stock import ALLOWED_MOVES, OUTSIDE, MovementKind, Pile
from tests.copies import Database
from tests.integration.ledger.shop import Shop
from tests.unit.ledger import cast

POLICY = set(MovementKind) - set(ALLOWED_MOVES)


def check(database: Database, name: str) -> sql.SQL:
    """Give the condition of a CHECK as the database has it."""
    definition: LiteralString = database.value(
        "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = %s", name
    )
    return sql.SQL(definition)


def test_the_checks_of_a_checkout_are_the_table_of_states(database: Database) -> None:
    """All 6,048 combinations of known words, and unknown ones: the same verdict in both places."""
    statuses, reservations = [*map(str, Status), "gone"], [*map(str, ReservationState), "gone"]
    payments, orders = [*map(str, PaymentState), "gone"], [*map(str, OrderState), "gone"]
    query = sql.SQL(
        "SELECT status, reservation_state, payment_state, order_state"
        " FROM unnest(%s::text[]) AS status, unnest(%s::text[]) AS reservation_state,"
        " unnest(%s::text[]) AS payment_state, unnest(%s::text[]) AS order_state"
        " WHERE ({}) AND ({})"
    ).format(
        check(database, "checkout_states_go_together"),
        check(database, "checkout_order_state_is_known"),
    )
    rows = database.superuser.execute(query, [statuses, reservations, payments, orders])
    allowed = {
        (str(s), str(r), str(p), str(o))
        for s, r, p, o in product(Status, ReservationState, PaymentState, OrderState)
        if combination_allowed(s, r, p, o)
    }
    assert set(rows.fetchall()) == allowed


def test_the_checks_of_a_movement_are_the_table_of_moves(database: Database) -> None:
    """Every kind between every two piles, or none, of no unit or one."""
    kinds, piles = [*map(str, MovementKind), "vanish"], [*map(str, Pile), "pocket", None]
    query = sql.SQL(
        "SELECT kind, source, target, quantity"
        " FROM unnest(%s::text[]) AS kind, unnest(%s::text[]) AS source,"
        " unnest(%s::text[]) AS target, unnest(ARRAY[-1, 0, 1]) AS quantity"
        " WHERE ({}) AND ({})"
    ).format(
        check(database, "movement_kind_moves_its_piles"),
        check(database, "movement_quantity_fits_its_kind"),
    )
    rows = database.superuser.execute(query, [kinds, piles, piles])
    moves = {
        (str(kind), str(source), str(target), 1)
        for kind, pairs in ALLOWED_MOVES.items()
        for source, target in pairs
    }
    assert set(rows.fetchall()) == moves | {(str(kind), None, None, 0) for kind in POLICY}


async def test_a_movement_between_wrong_piles_is_refused(shop: Shop) -> None:
    """Sold without having been reserved; written as the application writes."""
    await shop.stocked(2)
    columns = sql.SQL(", ").join(map(sql.Identifier, [*HASHED_FIELDS, "hash"]))
    changed = {
        "sequence": sql.SQL("2"),
        "kind": sql.SQL("'confirm'"),
        "source": sql.SQL("'sellable'"),
        "target": sql.SQL("'sold'"),
    }
    values = sql.SQL(", ").join(
        changed.get(name, sql.Identifier(name)) for name in [*HASHED_FIELDS, "hash"]
    )
    with (
        psycopg.connect(shop.database.application_url) as connection,
        pytest.raises(psycopg.errors.CheckViolation, match="movement_kind_moves_its_piles"),
    ):
        connection.execute(
            sql.SQL("INSERT INTO movement ({}) SELECT {} FROM movement").format(columns, values)
        )


def test_every_hashed_field_is_a_column_in_its_order(database: Database) -> None:
    """The table is the documentation of the hash."""
    columns = [
        name
        for (name,) in database.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'movement'::regclass"
            " AND attnum > 0 ORDER BY attnum"
        )
    ]
    assert columns == [*HASHED_FIELDS, "hash"]


async def test_a_negative_pile_is_impossible(shop: Shop) -> None:
    """Even for the application's own UPDATE, with the units properly given back to supply."""
    await shop.stocked(2)
    for pile in (pile for pile in Pile if pile not in OUTSIDE):
        statement = sql.SQL("UPDATE stock SET supply = supply + {0} + 1, {0} = -1").format(
            sql.Identifier(pile)
        )
        with (
            psycopg.connect(shop.database.application_url) as connection,
            pytest.raises(psycopg.errors.CheckViolation, match=f"stock_{pile}_not_negative"),
        ):
            connection.execute(statement)


IMPOSSIBLE: dict[str, LiteralString] = {
    "stock_piles_sum_to_zero": "UPDATE stock SET sellable = sellable + 1",
    "stock_policy_not_negative": "UPDATE stock SET safety_stock = -1",
    "stock_hash_is_sha256": "UPDATE stock SET hash = ''",
    "stock_location_exists": "INSERT INTO stock (sku, location) VALUES ('brass-lamp', 'NOWHERE')",
    "reservation_expires_unless_tombstone": "UPDATE reservation SET expires_at = NULL",
    "reservation_extended_at_most_twice": "UPDATE reservation SET extension = 3",
    "reservation_state_is_known": "UPDATE reservation SET state = 'lost'",
    "checkout_states_go_together": "UPDATE checkout SET payment_state = 'refunded'",
    "checkout_total_is_chargeable": "UPDATE checkout SET total_minor = 0",
    "payment_returns_no_more_than_taken": "UPDATE payment SET refunded_minor = 1",
    "payment_takes_no_more_than_asked": "UPDATE payment SET captured_minor = amount_minor + 1",
    "payment_operation_one_capture": (
        "INSERT INTO payment_operation (key, checkout_id, kind, state, amount_minor, requested_at)"
        " SELECT n::text, 'co_ada', 'capture', 'requested', 1, now() FROM generate_series(1, 2) AS n"
    ),
    "outbox_one_event_per_change": (
        "INSERT INTO outbox (subject, sequence, shard, type, payload, recorded_at)"
        " SELECT subject, sequence, shard, type, payload, recorded_at FROM outbox"
    ),
    "product_sku_is_an_id": (
        "INSERT INTO product (sku, title, price_minor, currency) VALUES (E'lamp\\n', 'a', 1, 'EUR')"
    ),
    "location_is_an_id": "INSERT INTO location (location, kind) VALUES ('a.b', 'warehouse')",
    "location_seller_named_for_sellers_only": (
        "INSERT INTO location (location, kind) VALUES ('S1', 'seller')"
    ),
    "webhook_event_applied_with_a_word": (
        "INSERT INTO webhook_event (provider, event_id, kind, body_sha256, applied_at)"
        " VALUES ('stripe', 'evt', 'k', '', now())"
    ),
}


async def test_what_must_not_be_is_refused_by_name(shop: Shop) -> None:
    """Each constraint, seen red once, under the name that errors are told by."""
    await shop.stocked(2)
    await shop.tell(*cast.commands_to_authorize())
    refused = {}
    for name, statement in IMPOSSIBLE.items():
        with psycopg.connect(shop.database.application_url) as connection:
            try:
                connection.execute(statement)
            except psycopg.IntegrityError as error:
                refused[name] = error.diag.constraint_name
    assert refused == {name: name for name in IMPOSSIBLE}


def test_the_index_of_live_carts_knows_the_live_statuses(database: Database) -> None:
    """A status that may take money and is not in the index would let one cart be paid twice."""
    condition = database.value(
        "SELECT pg_get_expr(indpred, indrelid) FROM pg_index"
        " WHERE indexrelid = 'checkout_one_live_per_cart'::regclass"
    )
    assert {status for status in Status if f"'{status}'" in condition} == LIVE


def test_the_index_of_unpaid_carts_knows_what_may_still_be_paid(database: Database) -> None:
    """Nor may it miss money that may still be taken; the question to it is asked in the same words."""
    condition = database.value(
        "SELECT pg_get_expr(indpred, indrelid) FROM pg_index"
        " WHERE indexrelid = 'checkout_cart_unpaid'::regclass"
    )
    _, _, asked = str(loading._LIVE_CARTS).partition("payment_state IN ")
    assert {state for state in PaymentState if f"'{state}'" in condition} == MAY_STILL_BE_PAID
    assert {state for state in PaymentState if f"'{state}'" in asked} == MAY_STILL_BE_PAID


def test_the_question_after_live_carts_knows_the_live_statuses() -> None:
    """In the words of the index, or it reads every checkout of a cart."""
    asked, _, _ = str(loading._LIVE_CARTS).partition("UNION")
    assert {status for status in Status if f"'{status}'" in asked} == LIVE


def test_every_text_id_compares_by_bytes(database: Database) -> None:
    """Sorted otherwise, two machines would lock rows in different orders."""
    wrong = database.rows(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute"
        " JOIN pg_class c ON c.oid = attrelid AND c.relkind = 'r'"
        " AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'"
        " WHERE attnum > 0 AND atttypid = 'text'::regtype"
        " AND (attname LIKE '%%_id' OR attname IN ('sku', 'location', 'key', 'subject', 'owner'))"
        " AND attcollation <> '\"C\"'::regcollation"
    )
    assert wrong == []


def test_no_constraint_is_nameless(database: Database) -> None:
    """A name that Postgres made up is no sentence; not-null ones aside."""
    unnamed = database.rows(
        "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
        " AND contype IN ('c', 'f', 'u') AND conname ~ '_(check|fkey|key)[0-9]*$'"
    )
    assert unnamed == []
