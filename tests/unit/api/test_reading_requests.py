"""Whatever bytes come, reading them ends in a shape or in the problem `malformed`, and in nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.json_bodies import shaped, strict_json
from api.problems import PROBLEMS, Problem
from api.requests import (
    AdjustmentPost,
    Body,
    CheckoutPost,
    LocationPut,
    PausePut,
    ProductPut,
    SafetyStockPut,
    read_moment,
)
from api.warehouse_requests import (
    InspectionPost,
    ReceiptPost,
    ReturnPost,
    ShipmentPost,
    TransferPost,
    TransferReceiptPost,
)
from ledger.commands import AdjustmentKind

SHAPES: list[type[Body]] = [
    AdjustmentPost,
    CheckoutPost,
    InspectionPost,
    LocationPut,
    PausePut,
    ProductPut,
    ReceiptPost,
    ReturnPost,
    SafetyStockPut,
    ShipmentPost,
    TransferPost,
    TransferReceiptPost,
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CARTS = st.fixed_dictionaries(
    {"customer_id": st.text() | st.just("ANNA"), "lines": VALUES | st.lists(
        st.fixed_dictionaries({"sku": st.text() | st.just("LAMP"), "quantity": VALUES}), max_size=3
    )},
    optional={"ttl_seconds": VALUES, "cart_id": VALUES, "more": VALUES},
)  # fmt: skip
INSPECTED = st.fixed_dictionaries(
    {"sku": st.just("LAMP"), "restock": st.integers(-1, 3), "damaged": st.integers(-1, 3)},
    optional={"refund": st.integers(-1, 7) | st.none() | VALUES},
)
CORRECTIONS = st.fixed_dictionaries(
    {
        "adjustment_id": st.just("A1"),
        "location": st.just("BER1"),
        "quantity": st.integers(-10_001, 10_001) | VALUES,
        "reason": st.just("broken") | st.text(),
    },
    optional={
        "kind": st.sampled_from([*AdjustmentKind, "nonsense"]),
        "note": st.text() | VALUES,
        "expected_version": st.integers() | VALUES,
    },
)
RECEIPTS = st.fixed_dictionaries(
    {
        "receipt_id": st.just("R1"),
        "location": st.just("BER1"),
        "lines": st.just([{"sku": "LAMP", "quantity": 1}]),
        "occurred_at": st.text()
        | st.datetimes().map(str)
        | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    }
)


def read(shape: type[Body], body: bytes) -> Body | None:
    """Read a body; None where it is malformed. Everything else that is raised fails the test."""
    try:
        return shaped(shape, strict_json(body))
    except Problem as problem:
        told = json.loads(bytes(problem.response().body))
    assert (told["code"], told["status"]) == ("malformed", 422)
    return None


@given(body=st.binary())
def test_any_bytes(body: bytes) -> None:
    for shape in SHAPES:
        read(shape, body)


@given(value=VALUES)
def test_any_json(value: Any) -> None:
    for shape in SHAPES:
        read(shape, json.dumps(value).encode())


@given(cart=CARTS)
def test_any_cart(cart: dict[str, Any]) -> None:
    """What is read keeps to its bounds."""
    found = read(CheckoutPost, json.dumps(cart).encode())
    if isinstance(found, CheckoutPost):
        assert all(1 <= line.quantity <= 10_000 for line in found.lines)
        assert all(type(line.quantity) is int for line in found.lines)
        assert found.customer_id.isascii()


@given(receipt=RECEIPTS)
def test_any_moment(receipt: dict[str, Any]) -> None:
    """A time that is accepted is one that Postgres can store."""
    found = read(ReceiptPost, json.dumps(receipt).encode())
    if isinstance(found, ReceiptPost) and found.occurred_at:
        moment = read_moment(found.occurred_at)
        assert moment is not None
        assert moment.tzinfo is UTC
        assert moment.year >= 2000


# The first draw compiles the alphabet of ids, which a busy machine takes seconds for.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(line=INSPECTED)
def test_any_inspection(line: dict[str, Any]) -> None:
    """What is read names at least one unit, and pays back no more; unsaid, it pays back all."""
    found = read(InspectionPost, json.dumps({"inspection_id": "I1", "lines": [line]}).encode())
    if isinstance(found, InspectionPost):
        units = found.lines[0].as_inspected()
        assert 0 <= units.refund <= units.restock + units.damaged
        assert units.restock + units.damaged > 0
        if line.get("refund") is None:
            assert units.refund == units.restock + units.damaged


@given(correction=CORRECTIONS)
def test_any_adjustment(correction: dict[str, Any]) -> None:
    """What is read moves something, and only `adjust` takes away by its sign."""
    found = read(AdjustmentPost, json.dumps(correction).encode())
    if isinstance(found, AdjustmentPost):
        assert type(found.quantity) is int
        assert 1 <= abs(found.quantity) <= 10_000
        assert found.quantity > 0 or found.kind == "adjust"
        assert found.note is None or 1 <= len(found.note) <= 2_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22t10:00:00z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.5+02:00", datetime(2026, 11, 22, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456789Z", datetime(2026, 11, 22, 10, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_moments_are_read_in_utc(text: str, moment: datetime) -> None:
    assert read_moment(text) == moment


def test_what_was_sent_is_not_repeated() -> None:
    """Not even the name of an unknown field: it is the caller's text."""
    with pytest.raises(Problem) as raised:
        shaped(ProductPut, {"title": 7, "secret-name": "secret-value", "price_minor": "secret"})
    told = raised.value.response().body
    assert b"secret" not in told
    assert b"body.price_minor" in told


def test_every_code_has_a_status_of_its_family() -> None:
    """And a title that is a sentence of ours."""
    for code, (status, title) in PROBLEMS.items():
        assert 400 <= status < 600
        assert code == code.lower()
        assert title
