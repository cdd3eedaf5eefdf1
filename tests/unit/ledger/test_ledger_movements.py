"""An entry of the ledger: its place in the row's order, its time, and the chain it hangs on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger import outbox
from ledger.movements import HASHED_FIELDS, Cause, Movement, hashed_values, microseconds
from ledger.stock import GENESIS_HASH, Move, MovementKind, Pile, Stock
from ledger.world import entered
from tests.unit.ledger.cast import BERLIN, LAMP, NOON, stock

RECEIVED = Move(
    kind=MovementKind.RECEIVE,
    sku=LAMP,
    location=BERLIN,
    quantity=5,
    source=Pile.SUPPLY,
    target=Pile.SELLABLE,
)
CAUSE = Cause(operation_key="receipt/r-1", kind="receipt", id="r-1", actor="dock")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.integers(0, 10**17).map(lambda us: NOON + timedelta(microseconds=us))


def recomputed(previous: bytes, movement: Movement) -> bytes:
    """Hash as the contract's page says, with nothing of the ledger's own code."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    after, cause = movement.after, movement.cause
    fields = {
        "sku": after.sku,
        "location": after.location,
        "sequence": after.sequence,
        "kind": str(movement.kind),
        "source": movement.source and str(movement.source),
        "target": movement.target and str(movement.target),
        "quantity": movement.quantity,
        "sellable_after": after.sellable,
        "reserved_after": after.reserved,
        "sold_after": after.sold,
        "shipped_after": after.shipped,
        "returned_after": after.returned,
        "damaged_after": after.damaged,
        "researching_after": after.researching,
        "supply_after": after.supply,
        "adjustment_after": after.adjustment,
        "transit_after": after.transit,
        "safety_stock_after": after.safety_stock,
        "feed_buffer_after": after.feed_buffer,
        "paused_after": list(after.paused),
        "operation_key": cause.operation_key,
        "cause_kind": cause.kind,
        "cause_id": cause.id,
        "actor": cause.actor,
        "reason": cause.reason,
        "occurred_at": (movement.occurred_at - epoch) // timedelta(microseconds=1),
        "recorded_at": (movement.recorded_at - epoch) // timedelta(microseconds=1),
    }
    text = json.dumps(list(fields.values()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode()).digest()


def test_the_hash_is_a_known_vector() -> None:
    """Written down once: a change of fields, order or encoding breaks every stored chain."""
    movement = entered(RECEIVED, stock(), CAUSE, NOON)
    assert (
        movement.after.hash.hex()
        == "435546e69ab0ecde27794d70962e6d383d956e27d71adf304819ac61826729f1"
    )


@given(
    actor=TEXT,
    reason=st.none() | TEXT,
    key=st.none() | TEXT,
    paused=st.lists(TEXT, max_size=3),
    previous=st.binary(min_size=32, max_size=32),
    occurred_at=st.none() | MOMENTS,
    now=MOMENTS,
)
def test_anybody_can_recompute_the_hash(
    actor: str,
    reason: str | None,
    key: str | None,
    paused: list[str],
    previous: bytes,
    occurred_at: datetime | None,
    now: datetime,
) -> None:
    """sha256 and JSON of any language, over whatever people write into a reason."""
    before = replace(stock(sellable=3), hash=previous, paused=tuple(paused), sequence=7)
    cause = Cause(
        operation_key=key,
        kind="receipt",
        id="r",
        actor=actor,
        reason=reason,
        occurred_at=occurred_at,
    )
    movement = entered(RECEIVED, before, cause, now)
    assert movement.after.hash == recomputed(previous, movement)


def test_every_documented_field_is_hashed_in_its_order() -> None:
    """As many values as names, and no two alike where every field has a value of its own."""
    row = Stock(
        sku=LAMP,
        location=BERLIN,
        **{pile.value: 100 * n + 100 for n, pile in enumerate(Pile)},  # type: ignore[arg-type]
        safety_stock=31,
        feed_buffer=32,
        paused=("feed",),
        sequence=6,
    )
    cause = Cause(
        operation_key="k", kind="c", id="i", actor="a", reason="r", occurred_at=NOON - timedelta(1)
    )
    movement = entered(RECEIVED, row, cause, NOON)
    values = hashed_values(movement)
    by_name = dict(zip(HASHED_FIELDS, values, strict=True))
    assert len({str(value) for value in values}) == len(values)
    assert by_name["sellable_after"] == row.sellable + 5
    assert by_name["sequence"] == 7
    assert by_name["occurred_at"] == microseconds(NOON) - 86_400_000_000


def test_every_entry_hangs_on_the_one_before() -> None:
    """The first hangs on 32 zero bytes."""
    first = entered(RECEIVED, stock(), CAUSE, NOON)
    second = entered(RECEIVED, first.after, CAUSE, NOON)
    assert first.after.hash == recomputed(GENESIS_HASH, first)
    assert second.after.hash == recomputed(first.after.hash, second)
    assert (first.after.sequence, second.after.sequence) == (1, 2)


def test_times_are_hashed_to_the_microsecond() -> None:
    """Floats would round the last digits away."""
    late = datetime(2262, 4, 11, 23, 47, 16, 854775, tzinfo=UTC)
    assert microseconds(late) == 9_223_372_036_854_775
    assert microseconds(late + timedelta(microseconds=1)) - microseconds(late) == 1


@given(jumps=st.lists(st.integers(-3_600, 3_600), min_size=1, max_size=12))
def test_the_ledger_never_records_backwards(jumps: list[int]) -> None:
    """A clock set back must not put a later entry before an earlier one."""
    row, now = stock(), NOON
    recorded = []
    for jump in jumps:
        now += timedelta(seconds=jump)
        movement = entered(RECEIVED, row, CAUSE, now)
        assert movement.recorded_at == movement.after.recorded_at
        assert movement.recorded_at >= now
        recorded.append(movement.recorded_at)
        row = movement.after
    assert recorded == sorted(recorded)


def test_when_it_happened_is_as_told_and_otherwise_now() -> None:
    """A late document keeps its own time; when we knew is another matter."""
    yesterday = NOON - timedelta(days=1)
    told = entered(RECEIVED, stock(), replace(CAUSE, occurred_at=yesterday), NOON)
    untold = entered(RECEIVED, stock(), CAUSE, NOON)
    assert (told.occurred_at, told.recorded_at) == (yesterday, NOON)
    assert untold.occurred_at == NOON


def test_an_event_tells_the_row_as_it_was_afterwards() -> None:
    """A consumer that keeps the highest sequence needs nothing else."""
    before = replace(stock(sellable=4, reserved=1), safety_stock=3, sequence=8)
    event = outbox.row(entered(RECEIVED, before, CAUSE, NOON))
    assert (event["subject"], event["sequence"]) == (f"{LAMP}/{BERLIN}", 9)
    assert event["type"] == "StockReceived"
    payload = event["payload"]
    assert payload["piles"]["sellable"] == 9
    assert (payload["on_hand"], payload["held_back"], payload["available"]) == (10, 3, 6)
    assert payload["cause"] == {"kind": "receipt", "id": "r-1"}
    assert "actor" not in payload


def test_a_subject_stays_on_its_shard() -> None:
    """A known vector: moving a subject would let two relays race over its order."""
    assert outbox.shard(f"{LAMP}/{BERLIN}") == 37
    assert {outbox.shard(f"sku-{n}/BER1") for n in range(2_000)} == set(range(outbox.SHARDS))
