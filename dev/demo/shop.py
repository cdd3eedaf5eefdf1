"""A shop's front end in a few calls: everything goes through the public HTTP API and the provider's wire."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx2

from dev.runtime import Runtime
from dev.tokens import signed

DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.1
BUSY = (httpx2.codes.ACCEPTED, httpx2.codes.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer: the status, and the body as JSON."""

    status: int
    body: dict[str, Any]

    @property
    def checkout_id(self) -> str:
        """Which checkout this is about."""
        return str(self.body["checkout_id"])


class Shop:
    """A storefront's back end with all the rights it needs."""

    def __init__(self, api: httpx2.AsyncClient, payments: httpx2.AsyncClient) -> None:
        self.api = api
        self.payments = payments

    @classmethod
    @asynccontextmanager
    async def open(cls, runtime: Runtime) -> AsyncIterator[Self]:
        """Connect to a running stack."""
        scopes = ["checkout", "stock:read", "stock:write", "warehouse"]
        headers = {"Authorization": f"Bearer {signed(runtime, scopes, subject='demo')}"}
        limits = httpx2.Limits(max_connections=50)
        async with (
            httpx2.AsyncClient(
                base_url=runtime.api, headers=headers, timeout=30, limits=limits
            ) as api,
            httpx2.AsyncClient(base_url=runtime.payments, timeout=30, limits=limits) as payments,
        ):
            yield cls(api, payments)

    async def offer(self, sku: str, title: str, price_minor: int, **rest: Any) -> None:
        """Put a product into the catalogue."""
        body = {"title": title, "price_minor": price_minor, "currency": "EUR", **rest}
        (await self.api.put(f"/products/{sku}", json=body)).raise_for_status()

    async def receive(self, receipt_id: str, location: str, quantities: dict[str, int]) -> None:
        """Take goods in."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
        body = {"receipt_id": receipt_id, "location": location, "lines": lines}
        (await self.api.post("/warehouse/receipts", json=body)).raise_for_status()

    async def stock(self, sku: str) -> dict[str, Any]:
        """Read what the ledger says of a sku."""
        answer = await self.api.get(f"/stock/{sku}")
        answer.raise_for_status()
        return dict(answer.json())

    async def check_out(
        self, customer: str, quantities: dict[str, int], ttl_seconds: int | None = None
    ) -> Answer:
        """Start a checkout and learn the decision, asking again under the same key while it is being made."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
        body: dict[str, Any] = {"customer_id": customer, "lines": lines}
        if ttl_seconds is not None:
            body["ttl_seconds"] = ttl_seconds
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            answer = await self.api.post("/checkouts", json=body, headers=headers)
            if answer.status_code not in BUSY or time.monotonic() > deadline:
                return Answer(status=answer.status_code, body=answer.json())
            await asyncio.sleep(1)

    async def pay(self, checkout: Answer, method: str) -> int:
        """Pay as the customer's browser does: at the provider, with the client secret. Gives the HTTP status."""
        payment = checkout.body["payment"]
        answer = await self.payments.post(
            f"/v1/payment_intents/{payment['payment_intent']}/confirm",
            data={"payment_method": method, "client_secret": payment["client_secret"]},
        )
        return int(answer.status_code)

    async def cancel(self, checkout: Answer) -> Answer:
        """Let the checkout go."""
        headers = {"Reservation-Token": checkout.body["reservation"]["token"]}
        answer = await self.api.post(f"/checkouts/{checkout.checkout_id}/cancel", headers=headers)
        return Answer(status=answer.status_code, body=answer.json())

    async def miss(self, order_id: str, short_id: str, lines: list[dict[str, Any]]) -> Answer:
        """Tell that units of an order were not found."""
        body = {"short_id": short_id, "lines": lines}
        answer = await self.api.post(f"/orders/{order_id}/short", json=body)
        return Answer(status=answer.status_code, body=answer.json())

    async def settled(self, order_id: str, short_id: str, lines: list[dict[str, Any]]) -> Answer:
        """Tell it again until nothing is owed for it."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            answer = await self.miss(order_id, short_id, lines)
            if answer.status != httpx2.codes.ACCEPTED or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(POLL_SECONDS)

    async def look(self, checkout_id: str) -> dict[str, Any]:
        """Read a checkout."""
        answer = await self.api.get(f"/checkouts/{checkout_id}")
        answer.raise_for_status()
        return dict(answer.json())

    async def shown(self, sku: str, version: int) -> dict[str, Any]:
        """Read what the catalogue shows of a sku, not before it has heard of that version."""
        return await self._asked(f"/availability/{sku}", {"min_version": version})

    async def found(self, text: str) -> list[str]:
        """Search as a customer does; give the skus, the best first."""
        answer = await self._asked("/search", {"q": text})
        return [str(item["sku"]) for item in answer["items"]]

    async def ended(self, checkout_id: str) -> dict[str, Any]:
        """Wait until stock and money of a checkout are both at an end, and read it."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            checkout = await self.look(checkout_id)
            over = checkout["status"] not in ("reserving", "awaiting_payment", "committing")
            settled = checkout["payment"]["state"] in ("none", "captured", "voided", "refunded")
            if (over and settled) or time.monotonic() > deadline:
                return checkout
            await asyncio.sleep(POLL_SECONDS)

    async def _asked(self, path: str, question: dict[str, Any]) -> dict[str, Any]:
        """Ask a noticeboard until it can answer: it follows the shop by moments, and by more when it starts."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            answer = await self.api.get(path, params=question)
            if answer.status_code == httpx2.codes.OK or time.monotonic() > deadline:
                answer.raise_for_status()
                return dict(answer.json())
            await asyncio.sleep(POLL_SECONDS)
