"""A batch: one transaction, and each of its commands answered on its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.checkouts import CheckoutLine, PaymentOperationKind, Status
from ledger.commands import Command
from ledger.errors import Broken, KeyConflict, LedgerError, Refused
from ledger.posting import post_in
from tests.integration.ledger.shop import Shop, outcome, patiently
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, LAMP, MUNICH, NOON, PRICE, RUG

HUGE = 2**63 - 1


def codes(answers: list[object]) -> list[str]:
    """Say in a word each what became of a batch's commands."""
    return [getattr(getattr(answer, "error", None), "code", "done") for answer in answers]


async def test_a_batch_is_one_transaction(shop: Shop) -> None:
    """Every row it wrote carries the same transaction's number and the same moment."""
    await shop.stocked(5)
    await shop.tell(*(c for name in ("co_1", "co_2") for c in cast.commands_to_hold(name)))
    assert len(shop.database.rows("SELECT DISTINCT xmin::text FROM reservation")) == 1
    assert len(shop.database.rows("SELECT DISTINCT created_at FROM checkout")) == 1


async def test_each_command_sees_what_the_ones_before_it_did(shop: Shop) -> None:
    """Three lamps: two holds, one refused, one released, and the next fits again."""
    await shop.stocked(2)
    names = ["co_1", "co_2", "co_3", "co_4"]
    await shop.opened(*names)
    answers = await shop.ledger.post_batch(
        [
            *(cast.reserve(name) for name in names[:3]),
            cast.release("co_1"),
            cast.reserve("co_4"),
        ]
    )
    assert codes([*answers]) == ["done", "done", "insufficient-stock", "done", "done"]
    assert shop.pile("reserved") == 2


async def test_a_whole_story_fits_into_one_batch(shop: Shop) -> None:
    """From an empty shelf to a cancelled order, in order."""
    story = [cast.receive(1), *cast.commands_to_confirm(), cast.cancel_order()]
    await shop.tell(*story)
    assert (shop.status(ADA), shop.pile("sellable"), shop.pile("sold")) == ("refund_pending", 1, 0)


async def test_a_refusal_refuses_one_command(shop: Shop) -> None:
    """Its neighbours are done, and nothing of it is left but a remembered no."""
    await shop.stocked(1)
    await shop.opened(ADA, "co_bob")
    answers = await shop.ledger.post_batch(
        [
            cast.receive(1, "no-such-sku", receipt="r-unknown"),
            cast.reserve(ADA),
            cast.fence("co_bob"),
            cast.reserve("co_bob"),
            cast.receive(1, location=MUNICH, receipt="r-munich"),
        ]
    )
    assert codes([*answers]) == [
        "unknown-sku",
        "done",
        "unknown-reservation",
        "insufficient-stock",
        "done",
    ]


async def test_only_the_refusal_of_a_reserve_is_remembered(shop: Shop) -> None:
    """Its caller has given up; a fence or a receipt may be tried again."""
    await shop.opened(ADA)
    assert (
        await outcome(shop.ledger.post(cast.receive(1, "kite", receipt="r-kite"))) == "unknown-sku"
    )
    assert await outcome(shop.ledger.post(cast.fence())) == "unknown-reservation"
    assert await outcome(shop.ledger.post(cast.reserve())) == "insufficient-stock"
    await shop.offers("kite")
    await shop.stocked(5)
    assert await outcome(shop.ledger.post(cast.receive(1, "kite", receipt="r-kite"))) == "done"
    with pytest.raises(Refused) as refused:
        await shop.ledger.post(cast.reserve())
    assert refused.value.facts["shortages"] == [{"sku": LAMP, "requested": 1, "available": 0}]
    keys = {key for (key,) in shop.database.rows("SELECT key FROM operation")}
    assert "reservation/co_ada/1/fence" not in keys
    assert "reservation/co_ada/1/reserve" in keys


async def test_the_first_answer_is_the_answer(shop: Shop) -> None:
    """Word for word, however the world has changed since."""
    await shop.stocked(2)
    await shop.opened(ADA)
    first = await shop.ledger.post(cast.reserve())
    await shop.ledger.post(cast.release())
    (again,) = await shop.ledger.post_batch([cast.reserve(actor="somebody else")])
    assert (again.body, again.replayed) == (first, True)
    assert shop.movements("reserve") == 1


async def test_twins_in_one_batch_are_one_operation(shop: Shop) -> None:
    """The second is answered as a replay."""
    one, two, other = await shop.ledger.post_batch(
        [
            cast.receive(5, receipt="r-twin"),
            cast.receive(5, receipt="r-twin"),
            cast.receive(6, receipt="r-twin"),
        ]
    )
    assert (one.replayed, two.replayed) == (False, True)
    assert one.body == two.body
    assert isinstance(other.error, KeyConflict)
    assert shop.pile("sellable") == 5


async def test_an_unlike_twin_does_not_take_over_the_key(shop: Shop) -> None:
    """The one that was done is replayed; the one that was refused stays refused."""
    done, unlike = cast.receive(5, receipt="r-twin"), cast.receive(6, receipt="r-twin")
    await shop.ledger.post_batch([done, unlike])
    assert await outcome(shop.ledger.post(unlike)) == "key-reused"
    assert await outcome(shop.ledger.post(done)) == "done"


async def test_a_limit_holds_for_checkouts_opened_in_the_same_batch(shop: Shop) -> None:
    """Two rugs a customer, however the commands are grouped."""
    await shop.offers(RUG, limit=2)
    await shop.stocked(9, RUG)
    answers = await shop.ledger.post_batch(
        [
            *(cast.open_checkout(name, customer="ada") for name in ("co_1", "co_2")),
            *(cast.reserve(name, {RUG: 2}) for name in ("co_1", "co_2")),
        ]
    )
    assert codes([*answers]) == ["done", "done", "done", "limit-exceeded"]


async def test_a_cancelled_order_gives_back_within_its_batch(shop: Shop) -> None:
    """The refusal would be remembered for ever."""
    await shop.offers(LAMP, limit=1)
    await shop.stocked(2)
    await shop.tell(*cast.commands_to_confirm())
    await shop.opened("co_2", customer="ada")
    answers = await shop.ledger.post_batch([cast.cancel_order(), cast.reserve("co_2")])
    assert codes([*answers]) == ["done", "done"]


async def test_a_cart_is_free_once_its_checkout_was_cancelled_in_the_same_batch(shop: Shop) -> None:
    """Cancel the older, open the newer: the way a cart is checked out again."""
    await shop.tell(cast.open_checkout("co_old", cart="cart-7"))
    answers = await shop.ledger.post_batch(
        [cast.release("co_old"), cast.open_checkout("co_new", cart="cart-7")]
    )
    assert codes([*answers]) == ["done", "done"]


async def test_two_openings_of_one_cart_in_a_batch_are_told_apart(shop: Shop) -> None:
    """By the index that nobody gets past, and then by the rule, which names the live one."""
    first, second = await shop.ledger.post_batch(
        [cast.open_checkout(name, cart="cart-7") for name in ("co_1", "co_2")]
    )
    assert first.error is None
    assert second.error is not None
    assert (second.error.code, second.error.facts) == ("cart-busy", {"checkout_id": "co_1"})


async def test_an_opened_checkout_keeps_all_its_units(shop: Shop) -> None:
    """Lines of one sku are merged before anything is written, or refused; never lost."""
    line = CheckoutLine(sku=LAMP, quantity=6, price_minor=PRICE)
    command = replace(
        cast.open_checkout(), lines=(line, replace(line, quantity=8)), total_minor=14 * PRICE
    )
    if await outcome(shop.ledger.post(command)) == "done":
        stored = shop.database.value("SELECT sum(quantity)::int FROM checkout_line")
        shop.database.run("UPDATE checkout SET total_minor = %s", stored * PRICE)
        assert stored == 14


POISON: dict[str, Command] = {
    "a NUL in the actor": cast.receive(1, receipt="poison", actor="do\0ck"),
    "a NUL in the key": cast.receive(1, receipt="poi\0son"),
    "a NUL in a checkout's id": cast.start(PaymentOperationKind.CAPTURE, "co_\0"),
    "a total nobody can pay": replace(cast.open_checkout("co_rich"), total_minor=10**9),
}


async def test_a_poisonous_command_fails_alone(shop: Shop) -> None:
    """First, last or in the middle: its neighbours are done, once each."""
    good = [cast.receive(1, receipt=f"good-{n}-{m}") for n in range(len(POISON)) for m in range(4)]
    for n, (name, poison) in enumerate(POISON.items()):
        batch: list[Command] = [*good[4 * n : 4 * n + 4]]
        place = (0, 2, 4)[n % 3]
        batch.insert(place, poison)
        answers = await shop.ledger.post_batch(batch)
        broken = [isinstance(answer.error, Broken) for answer in answers]
        assert broken == [m == place for m in range(5)], name
    assert shop.pile("sellable") == shop.movements("receive") == len(good)


POISON_BEFORE_THE_DATABASE: dict[str, Command] = {
    "more units than a row can count": cast.receive(HUGE, receipt="poison"),
    "a quantity no JSON writer takes": cast.receive(2**64, receipt="poison"),
    "half a character in the actor": cast.receive(1, receipt="poison", actor="\ud800"),
    "half a character in the key": cast.receive(1, receipt="\ud800"),
    "a time without a zone": cast.receive(
        1, receipt="poison", occurred_at=NOON.replace(tzinfo=None)
    ),
}


async def test_what_cannot_even_be_written_down_fails_alone(shop: Shop) -> None:
    """Neighbours do not care on which side of the wire it broke."""
    for name, poison in POISON_BEFORE_THE_DATABASE.items():
        answers = await shop.ledger.post_batch(
            [cast.receive(1, receipt="good-1"), poison, cast.receive(1, receipt="good-2")]
        )
        assert codes([*answers])[::2] == ["done", "done"], name
        assert isinstance(answers[1].error, LedgerError), name


async def test_an_empty_batch_is_no_work(shop: Shop) -> None:
    """Whoever empties a queue may find it empty."""
    assert await shop.ledger.post_batch([]) == []


async def test_a_batch_in_the_callers_transaction_is_the_callers_to_commit(shop: Shop) -> None:
    """Rolled back, it was never asked."""
    async with shop.ledger.engine.connect() as connection:
        (answer,) = await post_in(connection, [cast.receive(3, receipt="r-never")])
        assert answer.error is None
        await connection.rollback()
    assert shop.pile("sellable") == 0
    assert await shop.ledger.post(cast.receive(4, receipt="r-never"))


async def test_late_documents_keep_their_time_and_ours(shop: Shop) -> None:
    """It happened at noon in March, and is recorded now."""
    await shop.tell(cast.receive(1, occurred_at=NOON))
    ((happened, recorded),) = shop.database.rows("SELECT occurred_at, recorded_at FROM movement")
    assert happened == NOON
    assert recorded - NOON > timedelta(days=1)


async def test_a_row_waited_for_is_recorded_after_what_it_waited_for(shop: Shop) -> None:
    """The clock is read behind the locks: sequence and time tell the same order."""
    await shop.stocked(60)
    names = [f"co_{n}" for n in range(40)]
    await shop.opened(*names)
    await asyncio.gather(*[patiently(shop.ledger, cast.reserve(name)) for name in names])
    times = [t for (t,) in shop.database.rows("SELECT recorded_at FROM movement ORDER BY sequence")]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


async def test_a_clock_set_back_does_not_reorder_a_row(shop: Shop) -> None:
    """The row's last entry lies in the future, as after a correction of the clock."""
    await shop.stocked(5)
    ahead = shop.database.value("SELECT clock_timestamp() + interval '1 hour'")
    with shop.database.superuser.transaction():
        shop.database.run("ALTER TABLE movement DISABLE TRIGGER USER")
        shop.database.run("UPDATE stock SET recorded_at = %s", ahead)
        shop.database.run("DELETE FROM outbox WHERE type <> 'ProductChanged'")
        shop.database.run("DELETE FROM movement")
        shop.database.run(
            "UPDATE stock SET sequence = 0, sellable = 0, supply = 0, total_received = 0,"
            " hash = decode(repeat('00', 32), 'hex')"
        )
        for guard in ("movement_no_rewrite", "movement_no_truncate"):
            shop.database.superuser.execute(
                f"ALTER TABLE movement ENABLE ALWAYS TRIGGER {guard}".encode()
            )
    await shop.stocked(1)
    await shop.stocked(1)
    assert shop.database.rows("SELECT recorded_at FROM movement") == [(ahead,), (ahead,)]


async def test_every_movement_leaves_one_event(shop: Shop) -> None:
    """In the same transaction, with the row as it was afterwards, in the row's order."""
    await shop.stocked(3)
    await shop.tell(*cast.commands_to_confirm(), cast.cancel_order(), cast.pause())
    events = shop.database.rows(
        "SELECT o.type, o.sequence, o.payload -> 'piles' ->> 'sellable', m.sellable_after::text,"
        " o.payload ->> 'available' FROM outbox o JOIN movement m"
        " ON o.subject = m.sku || '/' || m.location AND o.sequence = m.sequence ORDER BY o.sequence"
    )
    assert [event[:2] for event in events] == [
        ("StockReceived", 1),
        ("StockReserved", 2),
        ("OrderConfirmed", 3),
        ("OrderCancelled", 4),
        ("AvailabilityPolicyChanged", 5),
    ]
    assert all(told == stored for _, _, told, stored, _ in events)
    assert [event[-1] for event in events] == ["3", "2", "2", "3", "0"]


async def test_an_ended_checkout_says_why(shop: Shop) -> None:
    """Status and reason, as whoever ended it put them."""
    await shop.stocked(1)
    await shop.tell(*cast.commands_to_authorize())
    await shop.ledger.post(cast.release(ending=Status.DECLINED, reason="card_declined"))
    assert shop.database.rows("SELECT status, reason FROM checkout") == [
        ("declined", "card_declined")
    ]
