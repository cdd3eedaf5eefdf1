"""What the index keeps of a sku, whatever order its events come in."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from projections.search.entry import Entry, decoded, encoded, heeded
from tests.unit.projections.search.shelf import listed, stocked

HISTORY = [
    *(listed("lamp", version, f"Lamp {version}") for version in range(1, 4)),
    *(stocked("lamp", "BER1", sequence, sequence % 3) for sequence in range(1, 6)),
    *(stocked("lamp", "MUC1", sequence, 5 - sequence) for sequence in range(1, 6)),
    *(stocked("rug", "BER1", sequence, sequence) for sequence in range(1, 4)),
]


def after(payloads: list[BaseModel]) -> dict[str, bytes]:
    """Give what is kept after these events."""
    return {sku: encoded(entry) for sku, entry in heeded({}, payloads).items()}


@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_same_events_make_the_same_entries(random: Random, times: int) -> None:
    """Duplicates and any order; cut into batches anywhere."""
    told = HISTORY * times
    random.shuffle(told)
    entries: dict[str, Entry] = {}
    while told:
        cut = random.randint(1, len(told))
        entries |= heeded(entries, told[:cut])
        told = told[cut:]
    assert {sku: encoded(entry) for sku, entry in entries.items()} == after(list(HISTORY))


def test_a_gap_does_not_matter() -> None:
    """The last event of each subject says it all."""
    last = [HISTORY[2], HISTORY[7], HISTORY[12], HISTORY[15]]
    assert after(list(last)) == after(list(HISTORY))


def test_a_sku_is_in_stock_where_any_location_has_it() -> None:
    """One warehouse that is sold out does not matter."""
    entry = Entry(sku="lamp").heed(stocked("lamp", "BER1", 1, 0))
    assert not entry.in_stock
    assert entry.heed(stocked("lamp", "MUC1", 1, 2)).in_stock


def test_what_changes_nothing_is_nothing_new() -> None:
    """An event that came before need not be written again."""
    known = heeded({}, list(HISTORY))
    assert heeded(known, list(HISTORY)) == {}


@given(st.text(min_size=1, max_size=500), st.integers(0, 10**12))
def test_an_entry_is_read_as_it_was_written(title: str, available: int) -> None:
    """Titles may hold anything that a text column does."""
    if any("\ud800" <= sign <= "\udfff" for sign in title):
        return
    entry = Entry(sku="lamp").heed(listed("lamp", 1, title))
    entry = entry.heed(stocked("lamp", "BER1", 1, available))
    assert decoded(encoded(entry)) == entry


def test_what_is_neither_stock_nor_product_is_no_event_of_ours() -> None:
    """It is put aside by whoever brought it, and not swallowed."""

    class Other(BaseModel):
        sku: str = "lamp"

    with pytest.raises(TypeError):
        heeded({}, [Other()])
    with pytest.raises(TypeError):
        Entry(sku="lamp").heed(Other())
