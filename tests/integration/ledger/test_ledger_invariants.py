"""What must hold in every database, over a busy world, and a mutant for each that must be caught."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.copies import Database
from tests.integration.ledger.busy_world import CHECKOUTS
from tests.integration.ledger.mutants import MUTANTS, Mutant, disarm
from tests.integration.ledger.shop import INVARIANTS, broken_promises
from tests.integration.ledger.warehouse_stories import RARE

ALWAYS_THERE = {
    *("held", "committing", "confirmed", "released", "expired", "refunded", "refund_pending"),
    *("out_of_stock", "limit_exceeded", "cancelled", "declined", "awaiting_payment"),
}


def test_every_promise_is_a_sentence() -> None:
    """Read by people when one of them is broken."""
    assert len(INVARIANTS) >= 20
    for name, invariant in INVARIANTS.items():
        assert invariant.name == name
        assert invariant.promise.endswith("."), name
        assert invariant.sql.startswith(f"-- {invariant.promise}\n")


def test_a_busy_world_breaks_no_promise(busy: Database) -> None:
    """And it is not a dull one: every state was reached."""
    assert broken_promises(busy) == {}
    seen = Counter(
        word
        for (word,) in busy.rows(
            "SELECT status FROM checkout UNION ALL SELECT state FROM reservation"
        )
    )
    assert set(seen) >= ALWAYS_THERE, ALWAYS_THERE - set(seen)
    assert busy.value("SELECT count(*) FROM movement") > CHECKOUTS


@pytest.mark.parametrize("what", RARE)
def test_the_warehouse_was_busy_too(busy: Database, what: str) -> None:
    """Without it the promises about it could not be broken."""
    assert busy.value(RARE[what]), what


def test_an_empty_world_breaks_no_promise(database: Database) -> None:
    """No rows are no violations, and no division by them either."""
    assert broken_promises(database) == {}


def test_every_promise_has_a_mutant() -> None:
    """A check that has never failed proves nothing."""
    assert {mutant.caught_by for mutant in MUTANTS} == {name.split("_")[0] for name in INVARIANTS}


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=[f"{mutant.caught_by} {mutant.story}" for mutant in MUTANTS]
)
def test_a_mutant_is_caught(busy: Database, mutant: Mutant) -> None:
    """With every guard and constraint out of its way, by the promise it breaks. Rolled back after.

    What the other promises say of it is asked in `test_ledger_examining.py`.
    """
    connection = busy.superuser
    with connection.transaction(force_rollback=True):
        if mutant.caught_by not in ("I38", "I39", "I40"):
            disarm(connection)
        changed = connection.execute(mutant.falsify.encode()).rowcount
        assert changed != 0, "the mutant changed nothing"
        (promise,) = (
            invariant
            for name, invariant in INVARIANTS.items()
            if name.split("_")[0] == mutant.caught_by
        )
        assert connection.execute(promise.sql.encode()).fetchall(), promise.promise
