"""What all documents share: one body under one id, and waiting for what comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.commands import DocumentCommand, Quantity
from ledger.documents.values import DocumentState
from ledger.documents.waiting import command_of
from tests.unit.ledger.cast import LAMP, MUNICH, NOON, do
from tests.unit.ledger.warehouse_cast import (
    a_warehouse,
    arrive,
    inspect,
    refused,
    ship,
    take_back,
)

DOCUMENTS = [ship(), take_back(), inspect(), arrive()]
OTHERS = [ship(2), take_back(location=MUNICH), inspect(0, 1), arrive(2)]


@pytest.mark.parametrize("command", DOCUMENTS, ids=lambda command: command.document_kind)
def test_who_and_when_are_not_what(command: DocumentCommand) -> None:
    """A document told by somebody else is the same document: it waits on under its id."""
    shop = a_warehouse()
    first = do(shop, command)
    again = do(shop, replace(command, actor="emil", occurred_at=NOON))
    assert first.answer == again.answer
    assert len(shop.documents) == 1
    (document,) = shop.documents.values()
    assert (document.actor, document.occurred_at) == (command.actor, shop.now)


@pytest.mark.parametrize(
    ("command", "other"),
    list(zip(DOCUMENTS, OTHERS, strict=True)),
    ids=[command.document_kind for command in DOCUMENTS],
)
def test_another_body_under_a_waiting_id_is_refused(
    command: DocumentCommand, other: DocumentCommand
) -> None:
    """As if the first had been booked; one that was refused may be told anew."""
    shop = a_warehouse()
    do(shop, command)
    assert refused(shop, other) == "key-reused"
    (identity,) = shop.documents
    shop.documents[identity] = replace(
        shop.documents[identity], state=DocumentState.REFUSED, body=None
    )
    assert do(shop, other).waiting


def test_an_unreadable_document_is_refused_before_another_body_is() -> None:
    """The documented order: nothing in it, then the id."""
    shop = a_warehouse()
    do(shop, ship())
    assert refused(shop, replace(ship(), lines=())) == "nothing-wanted"
    assert refused(shop, ship(2, location="NOWHERE")) == "key-reused"
    do(shop, inspect())
    assert refused(shop, inspect(1, refund=2)) == "refund-exceeds-inspected"


@pytest.mark.parametrize("command", DOCUMENTS, ids=lambda command: command.document_kind)
def test_a_waiting_document_is_kept_whole(command: DocumentCommand) -> None:
    """What is posted again when the predecessor comes is what was told, time and person included."""
    told = replace(command, occurred_at=NOON)
    shop = a_warehouse()
    do(shop, told)
    (document,) = shop.documents.values()
    assert document.body is not None
    assert command_of(document.kind, document.body) == told
    assert document.fingerprint == told.fingerprint()


def test_lines_of_one_sku_are_one_line_to_the_fingerprint() -> None:
    """Whichever way a warehouse system splits them."""
    one, two = (Quantity(sku=LAMP, quantity=quantity) for quantity in (1, 2))
    split = replace(ship(), lines=(one, two))
    assert split.fingerprint() == ship(3).fingerprint() != ship(2).fingerprint()
