"""A ledger of the first version, with history in it, is brought up to this one and goes on."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from ledger.errors import Refused
from ledger.migrate import upgrade
from tests.copies import Database, MakeDatabase
from tests.integration.ledger.shop import another_ledger, broken_promises, open_shop
from tests.unit.ledger import cast
from tests.unit.ledger import warehouse_cast as warehouse
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, MUNICH

BOB, EVE, FAY = "co_bob", "co_eve", "co_fay"
# Parents before children.
TABLES = (
    *("product", "location", "stock", "operation", "movement", "checkout", "checkout_line"),
    *("reservation", "reservation_line", "reservation_transition", "orders", "payment"),
    *("payment_operation", "outbox"),
)


OF_THE_WAREHOUSE = ("order_line", "returns", "return_line", "inspection_line", "document")


def columns(database: Database, table: str) -> list[str]:
    """List a table's columns but those that count themselves."""
    found = database.rows(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND is_identity = 'NO' ORDER BY 1",
        table,
    )
    return [name for (name,) in found]


def copied(source: Database, target: Database, *more: str) -> None:
    """Take over all rows, as far as the older schema has a place for them."""
    for table in (*TABLES, *more):
        names = sql.SQL(", ").join(map(sql.Identifier, columns(target, table)))
        name = sql.Identifier(table)
        reading = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(names, name)
        writing = sql.SQL("COPY {} ({}) FROM STDIN").format(name, names)
        with (
            source.superuser.cursor().copy(reading) as taken,
            target.superuser.cursor().copy(writing) as given,
        ):
            for block in taken:
                given.write(block)


async def test_an_older_ledger_is_brought_up_and_goes_on(
    database: Database, make_database: MakeDatabase
) -> None:
    """Placed orders are owed their lines, cancelled ones nothing, holds end as they would have."""
    old = make_database(empty=True)
    upgrade(old.owner_url, "0001")
    async with open_shop(database) as shop:
        await shop.stocked(1)
        await shop.stocked(5, location=MUNICH)
        for name in (ADA, BOB):
            await shop.tell(*cast.commands_to_confirm(name))
        await shop.tell(*cast.commands_to_confirm(EVE), cast.cancel_order(EVE))
        await shop.tell(*cast.commands_to_hold(FAY), cast.pause())
    copied(database, old)
    upgrade(old.owner_url)
    assert broken_promises(old) == {}
    assert old.rows(
        "SELECT order_id, sku, location, quantity, shipped, returned, short FROM order_line ORDER BY 1"
    ) == [
        (ADA, LAMP, BERLIN, 1, 0, 0, 0),
        (BOB, LAMP, MUNICH, 1, 0, 0, 0),
        (EVE, LAMP, MUNICH, 1, 0, 0, 0),
    ]
    async with another_ledger(old) as ledger:
        await ledger.post(warehouse.ship())
        await ledger.post(warehouse.take_back(location=MUNICH))
        await ledger.post(warehouse.inspect(0, 1))
        await ledger.post(cast.cancel_order(BOB))
        await ledger.post(cast.release(FAY))
        with pytest.raises(Refused, match="order-cancelled"):
            await ledger.post(warehouse.ship(location=MUNICH, order=EVE, shipment="S2"))
    assert broken_promises(old) == {}


async def test_the_new_table_of_kinds_holds_for_what_comes(
    database: Database, make_database: MakeDatabase
) -> None:
    """Old movements are not read again; a new one of the wrong piles is refused."""
    old = make_database(empty=True)
    upgrade(old.owner_url, "0001")
    async with open_shop(database) as shop:
        await shop.stocked(1)
    copied(database, old)
    upgrade(old.owner_url)
    names = sql.SQL(", ").join(
        sql.Identifier(name)
        for name in columns(old, "movement")
        if name not in ("sequence", "kind")
    )
    wrong = sql.SQL(
        "INSERT INTO movement (sequence, kind, {0}) SELECT sequence + 1, 'ship', {0} FROM movement"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="movement_kind_moves_its_piles"):
        old.superuser.execute(wrong.format(names))


async def test_what_was_owed_before_debts_were_written_down_is_owed(
    database: Database, make_database: MakeDatabase
) -> None:
    """An inspection granted it, an order was cancelled: nobody had paid either."""
    old = make_database(empty=True)
    upgrade(old.owner_url, "0002")
    async with open_shop(database) as shop:
        await shop.stocked(3)
        await shop.tell(*cast.commands_to_confirm(ADA), warehouse.ship(), warehouse.take_back())
        await shop.tell(warehouse.inspect(1))
        await shop.tell(*cast.commands_to_confirm(EVE), cast.cancel_order(EVE))
        await shop.tell(*cast.commands_to_confirm(BOB))
    # Its lines come over with the rest, and not by the trigger that gives them to new orders.
    old.superuser.execute("SET session_replication_role = replica")
    copied(database, old, *OF_THE_WAREHOUSE)
    upgrade(old.owner_url)
    assert broken_promises(old) == {}
    owed = "SELECT checkout_id, refund_id, state, amount_minor FROM refund ORDER BY 1"
    assert old.rows(owed) == [
        (ADA, "inspection-I1", "owed", cast.PRICE),
        (EVE, "whole", "owed", cast.PRICE),
    ]
