"""What a command is called, what of it is fingerprinted, and which rows it asks for."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkouts import PaymentOperationKind, Status
from ledger.commands import Command, Quantity, Receive, RecordPayment, Reserve, merged
from ledger.errors import Broken, KeyConflict, LedgerError, Refused, Transient
from tests.unit.ledger import cast
from tests.unit.ledger.cast import ADA, BERLIN, LAMP, NOON, RUG, TEAPOT, UNPAID

KEYS: list[tuple[Command, str]] = [
    (cast.receive(1), "receipt/r-1"),
    (cast.open_checkout(), "checkout/co_ada/open"),
    (cast.reserve(), "reservation/co_ada/1/reserve"),
    (cast.release(), "reservation/co_ada/1/release"),
    (cast.expire(extension=2), "reservation/co_ada/1/expire/2"),
    (cast.fence(), "reservation/co_ada/1/fence"),
    (cast.confirm(), "reservation/co_ada/1/confirm"),
    (cast.cancel_order(), "order/co_ada/cancel"),
]
KEYLESS: list[Command] = [
    cast.pause(),
    cast.start(PaymentOperationKind.CAPTURE),
    cast.fail(PaymentOperationKind.CAPTURE),
    cast.record(UNPAID),
]


def lines(*wanted: tuple[str, int]) -> tuple[Quantity, ...]:
    """Make a cart."""
    return tuple(Quantity(sku=sku, quantity=quantity) for sku, quantity in wanted)


@pytest.mark.parametrize(("command", "key"), KEYS)
def test_a_key_names_the_thing_and_the_verb(command: Command, key: str) -> None:
    """By the business, never by attempt or run: stored keys must be found by any later version."""
    assert command.key == key


@pytest.mark.parametrize("command", KEYLESS)
def test_what_compares_and_sets_has_no_key(command: Command) -> None:
    """Repeated, it changes nothing; there is no answer to remember."""
    assert command.key is None


@pytest.mark.parametrize("command", [command for command, _ in KEYS])
def test_the_fingerprint_does_not_know_who_asked(command: Command) -> None:
    """The undo's, the reaper's and a customer's release of one hold are one operation."""
    assert replace(command, actor="somebody else").fingerprint() == command.fingerprint()


def test_the_fingerprint_does_not_know_why_or_when() -> None:
    """A receipt told again later, or a release for another reason, is the same deed."""
    asked = cast.release()
    for twin in (
        cast.release(reason="ttl"),
        cast.release(ending=Status.DECLINED),
        cast.release(compensating=True),
    ):
        assert twin.fingerprint() == asked.fingerprint()
    late = cast.receive(5, occurred_at=NOON - timedelta(days=2))
    assert late.fingerprint() == cast.receive(5).fingerprint()
    assert replace(cast.cancel_order(), reason="fraud").fingerprint() == (
        cast.cancel_order().fingerprint()
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (cast.receive(5), cast.receive(6)),
        (cast.receive(5), cast.receive(5, TEAPOT)),
        (cast.receive(5), cast.receive(5, location="MUC1")),
        (cast.reserve(lines={LAMP: 1}), cast.reserve(lines={LAMP: 2})),
        (cast.reserve(lines={LAMP: 1}), cast.reserve(lines={LAMP: 1, RUG: 1})),
        (cast.open_checkout(body="one"), cast.open_checkout(body="other")),
    ],
)
def test_the_fingerprint_knows_what_is_done(one: Command, other: Command) -> None:
    """The same key with another input is a conflict, and this is how it is seen."""
    assert one.key == other.key
    assert one.fingerprint() != other.fingerprint()


def test_lines_of_one_sku_are_one_demand() -> None:
    """Checked one by one, six and eight would both fit into ten."""
    assert merged(lines((TEAPOT, 6), (RUG, 1), (TEAPOT, 8))) == [[TEAPOT, 14], [RUG, 1]]


def test_a_cart_in_another_order_is_the_same_cart() -> None:
    """Whoever repeats a request may list its lines differently."""
    one = Reserve(actor="a", reservation_id="co_ada/1", lines=lines((LAMP, 2), (RUG, 1), (LAMP, 1)))
    other = replace(one, lines=lines((RUG, 1), (LAMP, 3)))
    assert one.fingerprint() == other.fingerprint()


@given(st.lists(st.tuples(st.sampled_from([LAMP, TEAPOT, RUG]), st.integers(1, 10_000))))
def test_merging_neither_adds_nor_loses_a_unit(wanted: list[tuple[str, int]]) -> None:
    """Sorted by sku, one line each, and the sum is kept."""
    result = merged(lines(*wanted))
    assert [sku for sku, _ in result] == sorted({sku for sku, _ in wanted})
    assert sum(quantity for _, quantity in result) == sum(quantity for _, quantity in wanted)


def test_a_reserve_asks_for_every_place_and_a_receipt_for_one() -> None:
    """Sourcing and limits must see one truth; only what adds stock makes rows."""
    reserve = cast.reserve(lines={LAMP: 1, RUG: 1}).needs()
    assert (reserve.skus, reserve.rows) == (frozenset({LAMP, RUG}), frozenset())
    assert reserve.checkouts == frozenset({ADA})
    receipt = Receive(actor="a", receipt_id="r", location=BERLIN, lines=lines((LAMP, 1), (RUG, 1)))
    assert receipt.needs().new_rows == frozenset({frozenset({(LAMP, BERLIN), (RUG, BERLIN)})})


def test_what_ends_a_hold_locks_the_rows_of_that_hold() -> None:
    """A fence moves no unit and so locks none."""
    for command in (cast.release(), cast.expire(), cast.confirm(), cast.cancel_order()):
        assert command.needs().stock_of == command.needs().checkouts == frozenset({ADA})
    assert cast.fence().needs().stock_of == frozenset()


def test_only_a_reserve_remembers_its_refusal() -> None:
    """Its caller has given up; every other refusal may be tried again."""
    remembering = {
        type(command)
        for command in [*KEYLESS, *(command for command, _ in KEYS)]
        if command.remembers_refusal
    }
    assert remembering == {Reserve}


@pytest.mark.parametrize("kind", [Refused, KeyConflict, Transient, Broken])
def test_an_error_keeps_its_facts_across_processes(kind: type[LedgerError]) -> None:
    """It is pickled on its way through worker pools."""
    error = kind("insufficient-stock", sku=LAMP, available=0)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is kind
    assert (again.code, again.facts) == (error.code, error.facts)
    assert str(again) == "insufficient-stock"


def test_a_client_secret_is_not_printed() -> None:
    """Commands and changes appear in logs and failures."""
    command = cast.record(UNPAID)
    assert isinstance(command, RecordPayment)
    seen = replace(command.seen, client_secret="pi_secret_of_ada")
    assert "pi_secret_of_ada" not in repr(replace(command, seen=seen))
