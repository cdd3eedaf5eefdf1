"""Webhooks of the payment provider: whether one is genuine, and the few facts we take from it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

# The SDK's own check refuses only what is too old; a time in the future is no better.
TOLERANCE_SECONDS: Final = 300
# Far above the handful of signatures that a rotation of secrets brings.
SIGNATURE_LENGTH_MOST: Final = 4_096
CREATED_MOST: Final = 2**53
# Ids become parts of URLs, keys and workflow ids.
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", re.ASCII)
KIND: Final = re.compile(r"[a-z][a-z0-9_.]{0,254}", re.ASCII)
TIME: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A genuine event: which one, of what kind, about which payment. Its amounts are not believed.

    `created` is the provider's Unix time in seconds. `body_sha256` tells two bodies under one
    `event_id` apart.
    """

    event_id: str
    kind: str
    payment_intent: str | None
    created: int
    body_sha256: str


class WebhookRejected(Exception):
    """Not genuine (`bad-signature`), not of now (`stale-signature`), or genuine and `malformed`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"webhook rejected: {code}")


def verify(body: bytes, signature: str, secrets: Sequence[str], now: float) -> WebhookEvent:
    """Check the raw `body` against the header `Stripe-Signature` under each of the live secrets.

    Raises:
        WebhookRejected: whatever is wrong; no other exception leaves here, for any body or header.

    """
    signed_at = _signed_at(body, signature, secrets)
    if abs(now - signed_at) > TOLERANCE_SECONDS:
        raise WebhookRejected("stale-signature")
    return _read(body)


def _signed_at(body: bytes, signature: str, secrets: Sequence[str]) -> int:
    """Return the signature's time, once a secret has proved that the provider wrote it."""
    if len(signature) > SIGNATURE_LENGTH_MOST or not signature.isascii():
        raise WebhookRejected("bad-signature")
    pairs = [item.partition("=") for item in signature.split(",")]
    times = [value for name, _, value in pairs if name.strip() == "t"]
    claims = [value.encode() for name, _, value in pairs if name.strip() == "v1"]
    if len(times) != 1 or TIME.fullmatch(times[0]) is None:
        raise WebhookRejected("bad-signature")
    signed = times[0].encode() + b"." + body
    # An empty secret would be everybody's.
    proofs = [sign(signed, secret) for secret in secrets if secret]
    # All are compared, so that the time taken does not tell which one matched.
    if not sum(hmac.compare_digest(proof, claim) for proof in proofs for claim in claims):
        raise WebhookRejected("bad-signature")
    return int(times[0])


def sign(signed: bytes, secret: str) -> bytes:
    """Return the lower-case hex HMAC-SHA256 of `signed`, which is the time, a dot and the body."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()


def _read(body: bytes) -> WebhookEvent:
    try:
        envelope = orjson.loads(body)
        subject = envelope["data"]["object"]
        kind = _matching(KIND, envelope["type"])
        return WebhookEvent(
            event_id=_matching(ID, envelope["id"]),
            kind=kind,
            payment_intent=_payment_intent(kind, subject),
            created=_created(envelope["created"]),
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
    except (ValueError, TypeError, KeyError):
        # No chain: a decoding error carries the whole document.
        raise WebhookRejected("malformed") from None


def _payment_intent(kind: str, subject: dict[str, Any]) -> str | None:
    """Find the payment: the event's own object, or what a refund, charge or dispute names."""
    if kind.startswith("payment_intent."):
        return _matching(ID, subject["id"])
    named = subject.get("payment_intent") if isinstance(subject, dict) else None
    if isinstance(named, dict):
        named = named["id"]
    return None if named is None else _matching(ID, named)


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError
    return value


def _created(value: object) -> int:
    if type(value) is not int or not 0 <= value <= CREATED_MOST:
        raise ValueError
    return value
