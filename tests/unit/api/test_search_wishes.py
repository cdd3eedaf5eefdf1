"""How far a search is paged."""

from __future__ import annotations

import pytest

from api.search_wishes import OFFSET_MOST, offset_token, read_offset


@pytest.mark.parametrize("offset", [1, 20, OFFSET_MOST])
def test_a_token_says_how_much_was_shown(offset: int) -> None:
    """And nothing else."""
    token = offset_token(offset)
    assert token is not None
    assert read_offset(token) == offset


def test_nobody_is_led_past_the_last_page() -> None:
    """Each page costs what came before it."""
    assert offset_token(OFFSET_MOST + 1) is None


@pytest.mark.parametrize(
    "token", ["", "x", "MA==", "MTAwMQ==", "LTE=", "4pyT", "MTA", " MTA=", "MDE="]
)
def test_a_token_that_is_none_of_ours_is_refused(token: str) -> None:
    """Zero, past the last, negative, no number, cut, padded: all alike."""
    assert read_offset(token) is None
