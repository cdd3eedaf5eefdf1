"""How long steps are tried, and what operators can search for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.messages import CartLine, CheckoutStart
from workflows.policies import PATIENT, SUMMARIES, schedule_to_close
from workflows.search_attributes import SEARCH_ATTRIBUTES, SKUS_BYTES, searchable_skus
from workflows.starting import checkout_workflow_id, start_arguments
from workflows.steps import FORWARD_STEPS, Step

SKUS = st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), max_size=100)


@pytest.mark.parametrize("step", sorted(set(Step) - FORWARD_STEPS))
def test_undo_and_money_are_tried_for_ever(step: Step) -> None:
    """Somebody's stock or money hangs on it."""
    assert schedule_to_close(step) is None
    assert PATIENT.maximum_attempts == 0


@pytest.mark.parametrize("step", sorted(FORWARD_STEPS))
def test_forward_steps_are_tried_while_somebody_waits(step: Step) -> None:
    """A minute: a cancel and the end of the TTL wait behind them."""
    assert schedule_to_close(step) == timedelta(seconds=60)


def test_every_step_is_told_in_words() -> None:
    """Operators read them in the Temporal UI."""
    assert SUMMARIES.keys() == set(Step)


@given(SKUS)
def test_the_searchable_skus_are_whole_and_fit(skus: list[str]) -> None:
    """Over 2,048 bytes Temporal refuses the start, and with it the sale."""
    shown = searchable_skus(skus)

    assert set(shown) <= set(skus)
    assert sum(len(sku.encode()) for sku in shown) <= SKUS_BYTES
    assert shown == sorted(set(skus))[: len(shown)]


def test_no_sku_is_left_out_that_would_fit() -> None:
    """Twenty-three of 64 bytes are 1,472."""
    skus = [f"{number:064d}" for number in range(100)]

    assert searchable_skus(skus) == skus[:23]


def test_a_checkout_is_found_by_its_id_and_its_skus() -> None:
    """The same for the API and the orphan check."""
    start = CheckoutStart(
        checkout_id="co_ada",
        lines=(CartLine(sku="brass-lamp", quantity=2), CartLine(sku="blue-teapot", quantity=1)),
        total_minor=9_800,
        currency="EUR",
        ttl_seconds=900,
    )

    arguments = start_arguments(start, "checkout")

    shown = {pair.key.name: pair.value for pair in arguments["search_attributes"]}
    assert arguments["id"] == checkout_workflow_id("co_ada") == "checkout/co_ada"
    assert shown == {
        "OrderId": "co_ada",
        "NeedsAttention": False,
        "CheckoutStage": "reserving",
        "CheckoutSkus": ["blue-teapot", "brass-lamp"],
        "CheckoutSkuCount": 2,
    }
    assert shown.keys() <= SEARCH_ATTRIBUTES.keys()
