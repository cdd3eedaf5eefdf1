"""Ids and operation keys: every name the ledger stores is made here, by the rules of the contract."""

from __future__ import annotations

import base64
import hashlib
import re

from ledger.refunds import WHOLE

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""sku, location, seller. No dots, slashes or spaces: they would break subjects and URLs."""

LONG_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
"""customer_id, cart_id and document ids."""

IDEMPOTENCY_KEY_PATTERN = r"[\x21-\x7e]{1,255}"

CHECKOUT_ID_PATTERN = r"co_[a-z2-7]{26}"

_CHECKOUT_ID_CHARACTERS = 26


def checkout_id(owner: str, idempotency_key: str) -> str:
    """Name the checkout that one owner asked for under one key; the order will carry the same id.

    No secret takes part, so that rotating keys never changes the name of a checkout.
    """
    digest = hashlib.sha256(f"{owner}\0{idempotency_key}".encode()).digest()
    return "co_" + base64.b32encode(digest).decode().lower()[:_CHECKOUT_ID_CHARACTERS]


def reservation_id(checkout: str, ordinal: int = 1) -> str:
    """Name the reservation of a checkout: 1 is the first, higher ones were re-acquired."""
    return f"{checkout}/{ordinal}"


def checkout_of(reservation: str) -> str:
    """Tell whose reservation this is."""
    return reservation.rpartition("/")[0]


def is_checkout_id(text: str) -> bool:
    """Tell whether a stranger's text could be a checkout id at all."""
    return re.fullmatch(CHECKOUT_ID_PATTERN, text) is not None


def provider_key(checkout: str, kind: str, ordinal: int = 1) -> str:
    """Name one payment operation towards the provider.

    From the checkout and never from a run or an attempt: a reset or re-started workflow must find
    the capture it already made.
    """
    return f"{checkout}:{kind}:{ordinal}"


def refund_key(checkout: str, refund: str, ordinal: int = 1) -> str:
    """Name one attempt to pay a debt back towards the provider; that of the whole is the checkout's own refund."""
    return provider_key(checkout, "refund" if refund == WHOLE else f"refund-{refund}", ordinal)


def is_refund_key(key: str, checkout: str, refund: str) -> bool:
    """Tell whether a provider's key is of an attempt to pay this debt."""
    attempt, _, ordinal = key.rpartition(":")
    return (
        ordinal.isdecimal() and refund_key(checkout, refund, int(ordinal)) == f"{attempt}:{ordinal}"
    )
