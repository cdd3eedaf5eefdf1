"""The payment provider: what is asked of it and looked up there, through its official SDK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

import aiohttp
import stripe

from payments.errors import PaymentUnknown
from payments.translation import (
    OPERATION,
    error_from,
    payment_from,
    payment_of,
    refund_from,
    refund_of,
)
from payments.values import ProviderPayment, ProviderRefund

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Found = TypeVar("Found")
Item = TypeVar("Item", bound=stripe.StripeObject)
EXPAND: Final = ["latest_charge"]
PAGE: Final = 100


class PaymentProvider:
    """Talks to the provider at `base` with `key`; every answer or error comes in our own words.

    Never retries by itself: who asks knows whether repeating is wise, and repeats under the same
    idempotency key. A repetition gets the first answer again, however things stand by now: what
    holds now is `look_up`'s to say. Belongs to the event loop of its first question; `close` it
    there, after the last. Each method raises `PaymentRefused`, `PaymentUnknown`,
    `PaymentThrottled` or `PaymentMisconfigured`.
    """

    def __init__(self, *, base: str, key: str, timeout_seconds: float) -> None:
        # A bare number would do for the SDK, but is deprecated by aiohttp.
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._transport = stripe.AIOHTTPClient(timeout=timeout)
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": base.rstrip("/")},
            http_client=self._transport,
            max_network_retries=0,
        )

    async def authorize(
        self, *, checkout_id: str, amount_minor: int, currency: str, idempotency_key: str
    ) -> ProviderPayment:
        """Open a payment for the customer to confirm, which holds the money for `capture`."""
        asked = self._client.v1.payment_intents.create_async(
            {
                "amount": amount_minor,
                "currency": currency.lower(),
                "capture_method": "manual",
                "automatic_payment_methods": {"enabled": True},
                "metadata": {"checkout_id": checkout_id},
                "expand": EXPAND,
            },
            {"idempotency_key": idempotency_key},
        )
        return await _answer(asked, payment_from)

    async def capture(
        self, *, payment_intent: str, amount_minor: int, idempotency_key: str
    ) -> ProviderPayment:
        """Take the money or part of it; the rest is released, and cannot be taken later."""
        asked = self._client.v1.payment_intents.capture_async(
            payment_intent,
            {"amount_to_capture": amount_minor, "expand": EXPAND},
            {"idempotency_key": idempotency_key},
        )
        return await _answer(asked, payment_from)

    async def void(self, *, payment_intent: str, idempotency_key: str) -> ProviderPayment:
        """Cancel a payment that was not captured, and release what was authorized."""
        asked = self._client.v1.payment_intents.cancel_async(
            payment_intent, {"expand": EXPAND}, {"idempotency_key": idempotency_key}
        )
        return await _answer(asked, payment_from)

    async def refund(
        self, *, payment_intent: str, amount_minor: int, idempotency_key: str
    ) -> ProviderRefund:
        """Give captured money back; it may stay pending, and fail, long after this answer."""
        asked = self._client.v1.refunds.create_async(
            {
                "payment_intent": payment_intent,
                "amount": amount_minor,
                "metadata": {OPERATION: idempotency_key},
            },
            {"idempotency_key": idempotency_key},
        )
        return await _answer(asked, refund_from)

    async def find_refund(
        self, *, payment_intent: str, idempotency_key: str
    ) -> ProviderRefund | None:
        """Look up the refund that was asked for under this key, as it stands; None: there is none."""
        asked = self._client.v1.refunds.list_async(
            {"payment_intent": payment_intent, "limit": PAGE}
        )
        return await _first(asked, lambda refund: refund_of(refund, idempotency_key))

    async def find_payment(self, *, checkout_id: str, since: datetime) -> ProviderPayment | None:
        """Look up the payment of a checkout that was opened after `since`; None: there is none.

        For an answer that was lost for good: it reads page by page what was opened since.
        """
        asked = self._client.v1.payment_intents.list_async(
            {
                "created": {"gte": int(since.timestamp())},
                "limit": PAGE,
                "expand": ["data.latest_charge"],
            }
        )
        return await _first(asked, lambda intent: payment_of(intent, checkout_id))

    async def look_up(self, *, payment_intent: str) -> ProviderPayment:
        """Ask how things stand; changes nothing."""
        asked = self._client.v1.payment_intents.retrieve_async(payment_intent, {"expand": EXPAND})
        return await _answer(asked, payment_from)

    async def look_up_refund(self, *, provider_refund: str) -> ProviderRefund:
        """Ask how a refund stands; changes nothing."""
        asked = self._client.v1.refunds.retrieve_async(provider_refund)
        return await _answer(asked, refund_from)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close_async()  # type: ignore[no-untyped-call]


async def _first(
    asked: Awaitable[stripe.ListObject[Item]], read: Callable[[Item], Found | None]
) -> Found | None:
    """Read page by page until something is found; None: it is on none of them."""
    while True:
        page, found = await _answer(asked, lambda page: (page, [*map(read, page.data)]))
        first = next((one for one in found if one is not None), None)
        if first is not None or not page.has_more:
            return first
        asked = page.next_page_async()


async def _answer(asked: Awaitable[Asked], read: Callable[[Asked], Answered]) -> Answered:
    """Await the SDK, and read what it got. `from None`: the SDK's exceptions quote the reply."""
    try:
        got = await asked
    except stripe.StripeError as error:
        raise error_from(error) from None
    except (aiohttp.ClientError, TimeoutError):
        # The SDK translates what happens until the headers are there; the body may be cut off.
        raise PaymentUnknown("connection") from None
    except (TypeError, AttributeError):
        raise PaymentUnknown("unreadable") from None
    try:
        return read(got)
    except (KeyError, TypeError, AttributeError):
        raise PaymentUnknown("unreadable") from None
