"""The names the ledger stores."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import ids


def test_a_checkout_is_named_by_its_owner_and_key_for_ever() -> None:
    """A known vector: rows written today must be found by any later version."""
    assert ids.checkout_id("storefront", "order-1") == "co_m42rp3x2nhbvr2wdtlcisix5pa"


@given(
    owner=st.text(st.characters(exclude_categories=["Cs"])),
    key=st.from_regex(ids.IDEMPOTENCY_KEY_PATTERN, fullmatch=True),
)
def test_a_checkout_id_follows_the_documented_recipe(owner: str, key: str) -> None:
    """sha256(owner, NUL, key), base32, lower case, 26 characters."""
    digest = hashlib.sha256(owner.encode() + b"\x00" + key.encode()).digest()
    assert ids.checkout_id(owner, key) == "co_" + base64.b32encode(digest)[:26].decode().lower()
    assert ids.is_checkout_id(ids.checkout_id(owner, key))


def test_neither_owner_nor_key_can_borrow_from_the_other() -> None:
    """Joined without a separator, two owners would share a checkout."""
    assert ids.checkout_id("shop", "a1") != ids.checkout_id("shopa", "1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "co_",
        "co_" + "a" * 25,
        "co_" + "a" * 27,
        "co_" + "A" * 26,
        "co_" + "1" * 26,
        "co_" + "a" * 26 + "\n",
        "co_" + "a" * 25 + "\0",
        " co_" + "a" * 26,
        "co_" + "a" * 26 + "/1",
        "co_" + "ａ" * 26,
    ],
)
def test_what_is_no_checkout_id_is_refused(text: str) -> None:
    """A trailing newline passes a pattern that ends in a dollar sign; here it does not."""
    assert not ids.is_checkout_id(text)


@pytest.mark.parametrize("pattern", [ids.ID_PATTERN, ids.LONG_ID_PATTERN])
@pytest.mark.parametrize(
    "text", ["", "-lamp", "_lamp", "lamp.v2", "a/b", "a b", "lamp\n", "la\0mp", "lämp", "lamp٣"]
)
def test_an_id_has_no_dots_slashes_spaces_or_foreign_letters(pattern: str, text: str) -> None:
    """They would break subjects and URLs."""
    assert re.fullmatch(pattern, text) is None


@pytest.mark.parametrize(("pattern", "longest"), [(ids.ID_PATTERN, 64), (ids.LONG_ID_PATTERN, 128)])
def test_an_id_is_as_long_as_the_contract_allows(pattern: str, longest: int) -> None:
    """64 for a sku, a location, a seller; 128 for customers and documents."""
    assert re.fullmatch(pattern, "x" * longest)
    assert re.fullmatch(pattern, "x" * (longest + 1)) is None
    assert re.fullmatch(pattern, "9-Lamp_x")


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("!", True),
        ("~" * 255, True),
        ("", False),
        ("k" * 256, False),
        ("a b", False),
        ("key\n", False),
        ("k\x00", False),
        ("ключ", False),
        ("k\x7f", False),
    ],
)
def test_an_idempotency_key_is_visible_ascii(key: str, allowed: bool) -> None:
    """1 to 255 characters."""
    assert (re.fullmatch(ids.IDEMPOTENCY_KEY_PATTERN, key) is not None) is allowed


def test_a_reservation_tells_whose_it_is() -> None:
    """The first is number one; re-acquired ones count on."""
    assert ids.reservation_id("co_ada") == "co_ada/1"
    assert ids.reservation_id("co_ada", 2) == "co_ada/2"
    assert ids.checkout_of("co_ada/2") == "co_ada"


def test_the_provider_sees_one_key_per_checkout_and_verb() -> None:
    """Never a run or an attempt: a workflow started again must find the capture it made."""
    assert ids.provider_key("co_ada", "capture") == "co_ada:capture:1"
    assert ids.provider_key("co_ada", "refund", 2) == "co_ada:refund:2"
