"""Who gets in: a valid token opens what its scopes, its owner and its customer allow, and nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import jwt
import pytest

from dev.runtime import Runtime
from dev.tokens import signed
from tests.acceptance.problems import refused
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, line, new_key


@pytest.fixture
async def stranger(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client without a token."""
    async with httpx2.AsyncClient(base_url=stack.runtime.api, timeout=20) as client:
        yield client


TOKENS: dict[str, Callable[[Runtime], str | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: "Bearer",
    "no token": lambda _: "Bearer abc",
    "another kind": lambda _: "Basic Y2FuYXJ5OmNhbmFyeQ==",
    "with more behind it": lambda runtime: f"Bearer {signed(runtime, ['checkout'])}%00",
    "expired": lambda runtime: f"Bearer {signed(runtime, ['checkout'], seconds=-60)}",
    "foreign": lambda runtime: f"Bearer {forged(runtime, 'x' * 40)}",
    "unsigned": lambda runtime: f"Bearer {forged(runtime, '', algorithm='none')}",
    "of another issuer": lambda runtime: f"Bearer {forged(runtime, iss='rival')}",
    "for another audience": lambda runtime: f"Bearer {forged(runtime, aud='rival')}",
    "without an end": lambda runtime: f"Bearer {forged(runtime, exp=None)}",
}


def forged(
    runtime: Runtime, secret: str | None = None, *, algorithm: str = "HS256", **claims: Any
) -> str:
    """Make a token that is wrong in one thing."""
    whole = {
        "iss": runtime.token_issuer,
        "aud": runtime.token_audience,
        "sub": "canary-forger",
        "scope": "checkout warehouse stock:read stock:write operator",
        "exp": int(time.time()) + 600,
    } | claims
    kept = {name: claim for name, claim in whole.items() if claim is not None}
    key = runtime.token_secret if secret is None else secret
    return jwt.encode(kept, key, algorithm=algorithm)


async def test_without_a_valid_token_nobody_gets_in(
    stack: Stack, stranger: httpx2.AsyncClient, sold: str, word: str
) -> None:
    """And learns nothing about what is there."""
    body = {"customer_id": word, "lines": [line(sold)]}
    for case, make in TOKENS.items():
        value = make(stack.runtime)
        headers = {"Idempotency-Key": new_key()} | ({"Authorization": value} if value else {})
        for answer in (
            await stranger.post("/checkouts", json=body, headers=headers),
            await stranger.get(f"/stock/{sold}", headers=headers),
            await stranger.put(f"/products/{word}", json={}, headers=headers),
        ):
            refused(answer, 401, "unauthenticated", case)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_opens_only_what_its_scope_and_its_customer_allow(
    stack: Stack, stranger: httpx2.AsyncClient, sold: str, word: str
) -> None:
    """403 for a wrong scope and another customer; another owner's checkout is not there at all."""
    body = {"customer_id": word, "lines": [line(sold)]}

    async def post(token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_key()}
        return await stranger.post("/checkouts", json=body, headers=headers)

    refused(await post(signed(stack.runtime, ["warehouse", "stock:read"])), 403, "forbidden")
    refused(await post(signed(stack.runtime, [])), 403, "forbidden")
    theirs = signed(stack.runtime, ["checkout"], customer="canary-bob")
    refused(await post(theirs), 403, "other-customer")


async def test_anothers_checkout_is_not_there(stack: Stack, shop: Storefront, sold: str) -> None:
    """Neither to read nor to cancel, not even with its token."""
    opened = (
        await shop.decided(new_key(), {"customer_id": "canary-eve", "lines": [line(sold)]})
    ).json()
    address = f"/checkouts/{opened['checkout_id']}"
    token = {"Reservation-Token": opened["reservation"]["token"]}
    async with Storefront.open(stack.runtime, owner="rival") as rival:
        refused(await rival.api.get(address), 404, "unknown-checkout")
        refused(await rival.api.post(f"{address}/cancel", headers=token), 404, "unknown-checkout")
    refused(await shop.api.post(f"{address}/cancel"), 403, "reservation-token-invalid")
    wrong = {"Reservation-Token": token["Reservation-Token"][:-2] + "xx"}
    refused(
        await shop.api.post(f"{address}/cancel", headers=wrong), 403, "reservation-token-invalid"
    )
    assert (await shop.look(opened["checkout_id"]))["status"] == "awaiting_payment"
