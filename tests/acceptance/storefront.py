"""A shop's back end: it sells, pays and asks again, over HTTP alone.

Whatever it tells about its customers begins with `canary-`, so that one search finds what leaked.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import httpx2

from dev.runtime import Runtime
from dev.tokens import signed
from tests.acceptance.facts import eventually

CANARY = "canary-"
SCOPES = ["checkout", "stock:read", "stock:write", "warehouse"]
NOT_YET = (httpx2.codes.ACCEPTED, httpx2.codes.SERVICE_UNAVAILABLE)
CALLERS_MOST = 60
JSON = {"Content-Type": "application/json"}

Json = dict[str, Any]


def new_sku(name: str) -> str:
    """Make a sku that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def new_key() -> str:
    """Make an Idempotency-Key."""
    return f"{CANARY}key-{uuid.uuid4()}"


def line(sku: str, quantity: Any = 1) -> Json:
    """Write a line of a cart."""
    return {"sku": sku, "quantity": quantity}


def wish(sku: str, quantity: int = 1, *, customer: str = "ada", **rest: Any) -> Json:
    """Write the body of a checkout of one line."""
    return {"customer_id": f"{CANARY}{customer}", "lines": [line(sku, quantity)], **rest}


@dataclass(frozen=True, slots=True)
class Storefront:
    """Its clients of the API, with a token, and of the provider, without one."""

    api: httpx2.AsyncClient
    payments: httpx2.AsyncClient
    token: str

    @classmethod
    @asynccontextmanager
    async def open(cls, runtime: Runtime, owner: str = "shop") -> AsyncIterator[Self]:
        """Connect to a running stack as this owner."""
        token = signed(runtime, SCOPES, subject=f"{CANARY}{owner}")
        limits = httpx2.Limits(max_connections=CALLERS_MOST)
        async with (
            httpx2.AsyncClient(
                base_url=runtime.api,
                headers={"Authorization": f"Bearer {token}"},
                timeout=20,
                limits=limits,
            ) as api,
            httpx2.AsyncClient(base_url=runtime.payments, timeout=20, limits=limits) as payments,
        ):
            yield cls(api, payments, token)

    async def stocked(self, name: str, units: int, price_minor: int = 1_500) -> str:
        """Offer something new and take some of it in; give its sku."""
        sku = new_sku(name)
        body = {"title": name, "price_minor": price_minor, "currency": "EUR"}
        (await self.api.put(f"/products/{sku}", json=body)).raise_for_status()
        await self.receive(sku, units)
        return sku

    async def receive(self, sku: str, units: int) -> None:
        """Take goods in."""
        body = {"receipt_id": new_sku("receipt"), "location": "BER1", "lines": [line(sku, units)]}
        (await self.api.post("/warehouse/receipts", json=body)).raise_for_status()

    async def stock(self, sku: str) -> Json:
        """Read what the ledger says of a sku."""
        answer = await self.api.get(f"/stock/{sku}")
        return dict(answer.raise_for_status().json())

    async def post(
        self, key: str, body: Json, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Ask for a checkout, once."""
        sent = {"Idempotency-Key": key, **(headers or {})}
        return await self.api.post("/checkouts", json=body, headers=sent)

    async def decided(self, key: str, body: Json, *, seconds: float = 90) -> httpx2.Response:
        """Ask for a checkout under one key until it is decided, whatever dies meanwhile."""

        async def ask() -> httpx2.Response:
            return await self.post(key, body)

        return await _answered(ask, seconds=seconds)

    async def pay(self, decision: httpx2.Response, method: str = "pm_card_visa") -> int:
        """Pay as the customer's browser does; give the provider's status."""
        payment = decision.json()["payment"]
        form = {"payment_method": method, "client_secret": payment["client_secret"]}
        address = f"/v1/payment_intents/{payment['payment_intent']}/confirm"
        return (await self.payments.post(address, data=form)).status_code

    async def cancel(self, decision: httpx2.Response) -> httpx2.Response:
        """Let a checkout go, asking until somebody answers."""
        opened = decision.json()
        address = f"/checkouts/{opened['checkout_id']}/cancel"
        headers = {"Reservation-Token": opened["reservation"]["token"]}

        async def ask() -> httpx2.Response:
            return await self.api.post(address, headers=headers)

        return await _answered(ask)

    async def look(self, checkout_id: str) -> Json:
        """Read a checkout; nothing while nobody answers."""
        try:
            answer = await self.api.get(f"/checkouts/{checkout_id}")
        except httpx2.TransportError:
            return {}
        return dict(answer.json()) if answer.is_success else {}

    async def until_past(self, moment: datetime) -> None:
        """Wait until a moment of the ledger's clock, which is this machine's, is over."""

        async def now() -> datetime:
            return datetime.now(UTC)

        await eventually(now, lambda told: told > moment)

    async def ended(self, checkout_id: str, *, seconds: float = 60) -> tuple[str, str, str]:
        """Wait until stock and money of a checkout are at an end; give status, reservation and payment."""

        async def ask() -> Json:
            return await self.look(checkout_id)

        return standing(await eventually(ask, is_over, seconds=seconds))


async def _answered(
    ask: Callable[[], Awaitable[httpx2.Response]], *, seconds: float = 90
) -> httpx2.Response:
    """Ask until there is an answer that says more than `not yet`."""

    async def ask_once() -> httpx2.Response | None:
        try:
            return await ask()
        except httpx2.TransportError:
            return None

    def is_answer(answer: httpx2.Response | None) -> bool:
        return answer is not None and answer.status_code not in NOT_YET

    answer = await eventually(ask_once, is_answer, seconds=seconds)
    assert answer is not None
    return answer


def is_over(checkout: Json) -> bool:
    """Tell whether nothing will happen to this checkout any more."""
    if not checkout:
        return False
    under_way = checkout["status"] in ("reserving", "awaiting_payment", "committing")
    return not under_way and checkout["payment"]["state"] in ("none", "captured", "voided")


def standing(checkout: Json) -> tuple[str, str, str]:
    """Say in three words how a checkout stands."""
    reservation = checkout["reservation"]["state"] if checkout["reservation"] else "none"
    return checkout["status"], reservation, checkout["payment"]["state"]
