"""Customers at the front door: they ask until they are answered, and ask again where an answer takes too long."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

from api.reservation_tokens import ReservationTokens
from ledger import ids
from ledger.checkouts import CheckoutLine
from ledger.commands import CancelOrder, Command, OpenCheckout
from ledger.errors import Transient
from payments.webhooks import sign
from tests.integration.api.front_door import WEBHOOK_SECRET, bearer
from tests.workflows.shop import AUTHORIZED, FAILED, PRICE_MINOR, Checkout, Shop
from workflows.checkout import CheckoutWorkflow
from workflows.messages import CartLine, CheckoutStart
from workflows.steps import Stage

TOKEN_KEYS = "k1:first-key"
OWNER = "shop"
LONG_SECONDS = 2.5
"""After that a customer asks again, beside the first question."""
AGAIN_SECONDS = 0.1
LOOK_SECONDS = 0.2
"""Between two looks at a row: all of them share a loop, and what is looked for must get its turn as well."""

Answered = TypeVar("Answered")

NOT_YET = frozenset({202, 500, 503})


@dataclass(kw_only=True)
class Customer(Checkout):
    """One checkout, asked for through the API."""

    http: httpx2.AsyncClient
    key: str
    asked: set[asyncio.Task[httpx2.Response]] = field(default_factory=set)

    async def open(self) -> httpx2.Response:
        """POST the checkout until it is decided."""
        line = self.start.lines[0]
        wish = {
            "customer_id": "ada",
            "lines": [{"sku": line.sku, "quantity": line.quantity}],
            "ttl_seconds": self.start.ttl_seconds,
        }
        return await self._told("/checkouts", json=wish, headers={"Idempotency-Key": self.key})

    async def open_nothing_but_the_row(self) -> None:
        """Leave what a front door leaves that dies before it asks the engine."""
        line = self.start.lines[0]
        row = CheckoutLine(sku=line.sku, quantity=line.quantity, price_minor=PRICE_MINOR)
        await self.post(
            OpenCheckout(
                actor=OWNER,
                checkout_id=self.id,
                owner=OWNER,
                customer_id="ada",
                cart_id=None,
                lines=(row,),
                total_minor=self.start.total_minor,
                currency=self.start.currency,
                ttl_seconds=self.start.ttl_seconds,
                request_fingerprint=self.id,
            )
        )

    async def let_go(self) -> None:
        """Cancel."""
        await self._told(f"/checkouts/{self.id}/cancel", headers=self._token())

    async def extend_once(self, seconds: int) -> None:
        """Ask for more time."""
        wish = {"extension": 1, "seconds": seconds}
        await self._told(f"/checkouts/{self.id}/extend", json=wish, headers=self._token())

    async def return_the_order(self) -> None:
        """Cancel the order that was placed."""
        await self._told(f"/orders/{self.id}/cancel")

    async def pay(self, method: str = "pm_card_visa", *, told: bool = True) -> None:
        """Pay or fail to, and with `told` let the provider tell the front door."""
        await self.shop.till.pay(await self.intent(), method)
        if told:
            await self.hear(FAILED if "Declined" in method else AUTHORIZED)

    async def hear(self, kind: str, event_id: str | None = None) -> str:
        """Send an event until it is taken, as the provider does; the loops bring it."""
        name = event_id or f"evt_{self.id}_{next(self.shop.numbers)}"
        return await self.hear_of(await self.intent(), kind, name)

    async def hear_of(self, intent: str, kind: str, name: str) -> str:
        """Send an event about this payment."""
        body = json.dumps(
            {
                "id": name,
                "type": kind,
                "created": int(time.time()),
                "data": {"object": {"id": intent, "object": "payment_intent"}},
            }
        ).encode()
        moment = int(time.time())
        proof = sign(f"{moment}.".encode() + body, WEBHOOK_SECRET).decode()
        signed = {"Stripe-Signature": f"t={moment},v1={proof}", "Content-Type": "application/json"}
        await self._told("/webhooks/stripe", content=body, headers=signed)
        return name

    async def post(self, command: Command) -> None:
        """Post a command as somebody else's process does, until the ledger has taken it."""
        await patiently(lambda: self.shop.ledger.post(command))

    async def until(self, fact: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a fact, for as long as the scenario may take."""
        while not await fact():
            await asyncio.sleep(LOOK_SECONDS)

    async def until_it_waits(self) -> None:
        """Wait until the workflow has nothing to do but wait: the row may say so before it does.

        A clock that is pushed while a step is under way takes that step's time away.
        """

        async def waits() -> bool:
            try:
                told = await self.handle.query(CheckoutWorkflow.told)
            except (RPCError, WorkflowQueryFailedError):
                return False
            return told["stage"] == Stage.AWAITING_PAYMENT and told["step"] is None

        await self.until(waits)

    async def until_row(self, **wanted: str) -> None:
        """Wait until the ledger says so."""

        async def so() -> bool:
            return wanted.items() <= self.row().items()

        await self.until(so)

    async def gone(self) -> None:
        """Wait for the answers that nobody waited for."""
        await asyncio.gather(*self.asked, return_exceptions=True)

    async def _told(self, path: str, **request: Any) -> httpx2.Response:
        """Ask until somebody says more than `not yet`."""
        while True:
            question = asyncio.create_task(self._ask(path, **request))
            self.asked.add(question)
            done, _ = await asyncio.wait({question}, timeout=LONG_SECONDS)
            if done:
                self.asked.discard(question)
                try:
                    answer = question.result()
                except httpx2.TransportError:
                    pass
                else:
                    if answer.status_code not in NOT_YET:
                        return answer
                await asyncio.sleep(AGAIN_SECONDS)

    async def _ask(self, path: str, **request: Any) -> httpx2.Response:
        headers = bearer("checkout", subject=OWNER) | request.pop("headers", {})
        return await self.http.post(path, headers=headers, **request)

    def _token(self) -> dict[str, str]:
        key_id, _, secret = TOKEN_KEYS.partition(":")
        tokens = ReservationTokens({key_id: secret})
        return {"Reservation-Token": tokens.make(ids.reservation_id(self.id), OWNER)}


async def patiently(ask: Callable[[], Awaitable[Answered]]) -> Answered:
    """Ask until it is not told to come back: somebody else's fault may be in the same batch."""
    while True:
        try:
            return await ask()
        except Transient:
            await asyncio.sleep(AGAIN_SECONDS)


async def customer(
    shop: Shop, http: httpx2.AsyncClient, *, stock: int, ttl_seconds: int, step_seconds: int
) -> Customer:
    """Let somebody come who wants a lamp of a sku of its own; nothing is asked yet."""
    lamp = await patiently(lambda: shop.stock("brass-lamp", stock))
    key = f"{shop.queue}-{next(shop.numbers)}"
    start = CheckoutStart(
        checkout_id=ids.checkout_id(OWNER, key),
        lines=(CartLine(sku=lamp, quantity=1),),
        total_minor=PRICE_MINOR,
        currency="EUR",
        ttl_seconds=ttl_seconds,
        step_seconds=step_seconds,
    )
    return Customer(shop=shop, start=start, http=http, key=key)


def order_cancelled(checkout: Customer) -> Command:
    """Give what is posted when an order is cancelled."""
    return CancelOrder(actor=OWNER, order_id=checkout.id, reason="customer")
