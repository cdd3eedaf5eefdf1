"""The API over a real Postgres, called as HTTP clients call it, and the worker's steps done by hand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx2
import jwt
import psycopg
from pydantic import SecretStr
from temporalio.client import Client

from api.app import Api, create_app
from api.availability.feed import AvailabilityFeed
from api.checkout_engine import CheckoutEngine
from api.main import FEED_POOL_SIZE, WEBHOOK_POOL_SIZE
from api.rate_limits import PublicLimit
from api.reservation_tokens import ReservationTokens
from api.tokens import TokenVerifier
from api.wiring import Wiring
from ledger import ids
from ledger.checkouts import PaymentOperationKind, PaymentState, Status
from ledger.commands import (
    Confirm,
    Expire,
    Fence,
    Quantity,
    RecordPayment,
    Release,
    Reserve,
    SeenPayment,
    StartPaymentOperation,
)
from ledger.database import Role, engine
from ledger.group_commit import MOST_WAITING
from ledger.posting import Ledger
from ledger.reading.checkouts import StoredCheckout, checkout_of
from settings.model import CheckoutSettings, ReservationTokenSettings, TokenSettings

TOKEN_SECRET = "a-secret-that-only-this-test-knows"
WEBHOOK_SECRET = "whsec_only_this_test_knows"
LINE = "the line"
TABLES = (
    "product",
    "location",
    "stock",
    "movement",
    "operation",
    "checkout",
    "checkout_line",
    "reservation",
    "payment",
    "webhook_event",
    "webhook_conflict",
    "outbox",
    "order_line",
    "returns",
    "inspection_line",
    "transfer",
    "document",
    "review",
    "note",
)

_COUNTS = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES)  # noqa: S608


async def nobody() -> Client:
    """Stand in for Temporal's address where nobody listens."""
    message = "connection refused"
    raise RuntimeError(message)


@dataclass(kw_only=True)
class FrontDoor:
    """One API with its database. `http` sends no token of its own."""

    app: Api
    http: httpx2.AsyncClient
    wiring: Wiring
    database_url: str

    async def put_product(self, sku: str, **changed: Any) -> None:
        """Sell something under a sku."""
        body = {"title": f"The {sku}", "price_minor": 1_500, "currency": "EUR"} | changed
        response = await self.http.put(f"/products/{sku}", json=body, headers=bearer("stock:write"))
        assert response.status_code in (200, 201), response.text

    async def put_location(self, location: str, **changed: Any) -> httpx2.Response:
        """Open a location."""
        body = {"kind": "warehouse", "priority": 1, "enabled": True} | changed
        return await self.http.put(
            f"/locations/{location}", json=body, headers=bearer("stock:write")
        )

    async def receive(self, receipt_id: str, location: str, **units: int) -> httpx2.Response:
        """Take goods in: `receive("R1", "BER1", LAMP=5)`."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
        body = {"receipt_id": receipt_id, "location": location, "lines": lines}
        return await self.http.post("/warehouse/receipts", json=body, headers=bearer("warehouse"))

    async def order(
        self,
        key: str,
        *,
        owner: str = "shop",
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> httpx2.Response:
        """POST a checkout of ANNA's."""
        wish = {"customer_id": "ANNA"} | body
        sent = bearer("checkout", subject=owner) | {"Idempotency-Key": key} | dict(headers or {})
        return await self.http.post("/checkouts", json=wish, headers=sent)

    async def stored(self, checkout_id: str) -> StoredCheckout:
        """Read a checkout's row."""
        checkout = await checkout_of(self.wiring.database, checkout_id)
        assert checkout is not None
        return checkout

    async def reserve(self, checkout_id: str) -> None:
        """Do what the worker does first. Raises Refused where the ledger does."""
        checkout = await self.stored(checkout_id)
        lines = tuple(Quantity(sku=line.sku, quantity=line.quantity) for line in checkout.lines)
        reservation = ids.reservation_id(checkout_id)
        await self.wiring.ledger.post(
            Reserve(actor="test", reservation_id=reservation, lines=lines)
        )

    async def ask_for_payment(self, checkout_id: str) -> None:
        """Do what the worker does second: the provider knows of the payment."""
        await self.start_payment(checkout_id)
        await self.see_payment(
            checkout_id, PaymentState.REQUIRES_PAYMENT, proves=PaymentOperationKind.AUTHORIZE
        )

    async def start_payment(
        self, checkout_id: str, kind: PaymentOperationKind = PaymentOperationKind.AUTHORIZE
    ) -> None:
        """Write down that the provider is being asked; asked before, it changes nothing."""
        await self.wiring.ledger.post(
            StartPaymentOperation(actor="test", checkout_id=checkout_id, kind=kind)
        )

    async def see_payment(
        self,
        checkout_id: str,
        state: PaymentState,
        proves: PaymentOperationKind | None = None,
        **amounts: int,
    ) -> None:
        """Record what the provider shows."""
        checkout = await self.stored(checkout_id)
        seen = SeenPayment(
            payment_intent=f"pi_{checkout_id[3:]}",
            state=state,
            amount_minor=checkout.total_minor,
            currency=checkout.currency,
            client_secret=f"pi_{checkout_id[3:]}_secret_x",
            **amounts,
        )
        await self.wiring.ledger.post(
            RecordPayment(actor="test", checkout_id=checkout_id, seen=seen, proves=proves)
        )

    async def become_payable(self, checkout_id: str) -> None:
        """Do what the worker does up to the decision."""
        await self.reserve(checkout_id)
        await self.ask_for_payment(checkout_id)

    async def paid(self, key: str, **units: int) -> str:
        """Let ANNA pay for a cart, up to where only the confirmation is missing; give the order's id."""
        order_id = str((await self.order(key, lines=lines(**units))).json()["checkout_id"])
        await self.become_payable(order_id)
        total = (await self.stored(order_id)).total_minor
        await self.see_payment(order_id, PaymentState.AUTHORIZED, authorized_minor=total)
        await self.wiring.ledger.post(
            Fence(actor="test", reservation_id=ids.reservation_id(order_id))
        )
        await self.start_payment(order_id, PaymentOperationKind.CAPTURE)
        await self.see_payment(
            order_id,
            PaymentState.CAPTURED,
            PaymentOperationKind.CAPTURE,
            authorized_minor=total,
            captured_minor=total,
        )
        return order_id

    async def confirm(self, order_id: str) -> None:
        """Place the order that is paid."""
        await self.wiring.ledger.post(
            Confirm(actor="test", reservation_id=ids.reservation_id(order_id))
        )

    async def sold(self, key: str, **units: int) -> str:
        """Sell a cart to ANNA; give the order's id."""
        order_id = await self.paid(key, **units)
        await self.confirm(order_id)
        return order_id

    async def stocked(self, sku: str, **places: int) -> None:
        """Offer something and take it in: `stocked("LAMP", BER1=5)`."""
        await self.put_product(sku)
        for location, quantity in places.items():
            await self.put_location(location)
            await self.receive(f"{sku}-{location}", location, **{sku: quantity})

    async def tell(self, path: str, **body: Any) -> httpx2.Response:
        """Send a document of the warehouse: `tell("/shipments", shipment_id="S1", ...)`."""
        return await self.http.post(f"/warehouse{path}", json=body, headers=bearer("warehouse"))

    async def stock(self, sku: str) -> Any:
        """Read the numbers of a sku."""
        response = await self.http.get(f"/stock/{sku}", headers=bearer("stock:read"))
        assert response.status_code == 200
        return response.json()

    async def release(self, checkout_id: str, ending: Status = Status.CANCELLED) -> None:
        """Give the hold back."""
        reservation = ids.reservation_id(checkout_id)
        await self.wiring.ledger.post(
            Release(actor="test", reservation_id=reservation, ending=ending, reason=ending.value)
        )

    async def expire(self, checkout_id: str) -> None:
        """Let the hold's time be over."""
        reservation = ids.reservation_id(checkout_id)
        await self.wiring.ledger.post(Expire(actor="test", reservation_id=reservation, extension=0))

    def counts(self) -> dict[str, int]:
        """Count the rows of every table, to show that nothing was stored."""
        return dict(self.behind.execute(_COUNTS.encode()).fetchall())

    @cached_property
    def behind(self) -> psycopg.Connection[Any]:
        """A connection to look behind the API, kept: hundreds of tests look twice."""
        return psycopg.connect(self.database_url, autocommit=True)

    def close(self) -> None:
        """Let go of what was opened to look behind it."""
        if "behind" in self.__dict__:
            self.behind.close()


def bearer(*scopes: str, subject: str = "shop", **claims: Any) -> dict[str, str]:
    """Make the header of a valid token; claims given as None are left out."""
    now = int(time.time())
    whole = {
        "iss": "onhand",
        "aud": "onhand",
        "sub": subject,
        "exp": now + 3_600,
        "scope": " ".join(scopes),
    } | claims
    kept = {name: claim for name, claim in whole.items() if claim is not None}
    return {"Authorization": f"Bearer {jwt.encode(kept, TOKEN_SECRET, algorithm='HS256')}"}


def lines(**units: Any) -> list[dict[str, Any]]:
    """Write a cart: `lines(LAMP=2)`."""
    return [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]


@asynccontextmanager
async def open_front_door(
    database_url: str,
    *,
    checkout_engine: CheckoutEngine | None = None,
    keys: str = "k1:first-key,k0:older-key",
    origins: Sequence[str] = (),
    most_waiting: int = MOST_WAITING,
    webhook_secrets: Sequence[str] = (WEBHOOK_SECRET,),
    lag_budget: float = 2.0,
    most_listeners: int = 5_000,
    streams_per_address: int = 0,
    requests_per_minute: int = 0,
) -> AsyncIterator[FrontDoor]:
    """Wire an API as its process does, with settings of this test."""
    pool = engine(database_url, pool_size=20)
    inbox = engine(database_url, pool_size=WEBHOOK_POOL_SIZE, role=Role.WEBHOOK)
    checkout = CheckoutSettings()
    signing = ReservationTokenSettings(reservation_token_keys=SecretStr(keys))
    wiring = Wiring(
        ledger=Ledger(pool, most_waiting=most_waiting),
        inbox=inbox,
        engine=checkout_engine or CheckoutEngine(nobody, task_queue="checkout", wait_seconds=1),
        tokens=TokenVerifier(TokenSettings(token_secret=SecretStr(TOKEN_SECRET))),
        reservation_tokens=ReservationTokens(signing.token_keys()),
        webhook_secrets=tuple(webhook_secrets),
        checkout=checkout,
        cors_origins=tuple(origins),
        noticeboards=pool,
        availability=AvailabilityFeed(
            reading=engine(database_url, pool_size=FEED_POOL_SIZE),
            line=engine(database_url, pool_size=1, name=LINE),
            budget_seconds=lag_budget,
            most_listeners=most_listeners,
            streams_per_address=streams_per_address,
        ),
        public_limit=PublicLimit(requests_per_minute),
    )
    app = create_app(wiring)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://onhand") as client:
        door = FrontDoor(app=app, http=client, wiring=wiring, database_url=database_url)
        try:
            yield door
        finally:
            door.close()
            await wiring.availability.dispose()
            await inbox.dispose()
            await pool.dispose()
