"""`onhand dev`: whatever is killed, nothing is left behind and nothing is lost."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.acceptance.facts import eventually, intents_of, rows, together
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, standing, wish

CONFIRMED = ("confirmed", "confirmed", "captured")
BUYERS = 12


async def test_killed_and_started_again_it_leaves_no_process_and_loses_nothing(
    mortal: Stack, mortal_shop: Storefront
) -> None:
    """The supervisor dies by -9; orders stay, holds lapse on time, and who was about to pay still can."""
    shop = mortal_shop
    lamp = await shop.stocked("LANTERN", 10)
    ordered = await shop.decided(new_key(), wish(lamp, 2))
    await shop.pay(ordered)
    assert await shop.ended(ordered.json()["checkout_id"]) == CONFIRMED
    order = await shop.look(ordered.json()["checkout_id"])
    waiting = await shop.decided(new_key(), wish(lamp, 3))
    lapsing = await shop.decided(new_key(), wish(lamp, 4, ttl_seconds=2))
    addresses = mortal.runtime.announcement() | {"pids": None}

    assert mortal.kill_supervisor() == set()
    assert not mortal.is_running
    mortal.start()

    assert mortal.runtime.announcement() | {"pids": None} == addresses
    assert await shop.look(ordered.json()["checkout_id"]) == order
    assert standing(await shop.look(waiting.json()["checkout_id"]))[0] == "awaiting_payment"
    assert await shop.pay(waiting) == 200
    assert await shop.ended(waiting.json()["checkout_id"]) == CONFIRMED
    assert await shop.ended(lapsing.json()["checkout_id"]) == ("expired", "expired", "voided")
    shelf = await shop.stock(lamp)
    assert (shelf["sold"], shelf["reserved"], shelf["available"]) == (5, 0, 5)


@pytest.mark.parametrize("server", ["postgres", "temporal"])
async def test_a_server_killed_under_load_is_started_again_and_every_buyer_is_served(
    mortal: Stack, mortal_shop: Storefront, server: str
) -> None:
    """Buyers who ask again under their keys notice a delay, and no more."""
    shop = mortal_shop
    mirror = await shop.stocked("MIRROR", BUYERS, 2_000)

    async def buy(number: int) -> str:
        decision = await shop.decided(new_key(), wish(mirror, customer=f"buyer-{number}"))
        assert decision.status_code == 201, decision.text
        assert await shop.pay(decision) == 200
        return str(decision.json()["checkout_id"])

    async def kill() -> None:
        await eventually(lambda: _half_held(mortal, mirror))
        mortal.kill(server)

    async with asyncio.TaskGroup() as group:
        group.create_task(kill())
        bought = await together(*(buy(number) for number in range(BUYERS)))

    assert f"{server} ended (SIGKILL); starting it again." in mortal.said
    for checkout_id in bought:
        assert await shop.ended(checkout_id) == CONFIRMED
    charged = [
        [intent["amount_received"] for intent in intents]
        for intents in (await intents_of(mortal.runtime, bought)).values()
    ]
    assert charged == [[2_000]] * BUYERS
    shelf = await shop.stock(mirror)
    assert (shelf["sold"], shelf["reserved"], shelf["available"]) == (BUYERS, 0, 0)


async def _half_held(mortal: Stack, sku: str) -> bool:
    """Tell whether a good part of the buyers are in the middle of it."""
    query = "SELECT count(*) AS holds FROM reservation_line WHERE sku = %s"
    return bool(rows(mortal.runtime, query, sku)[0]["holds"] >= BUYERS // 3)


def test_a_second_one_says_that_one_is_running(stack: Stack) -> None:
    """And leaves the first alone."""
    first = stack.runtime
    second = stack.run("dev")
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert first.api in second.stderr
    assert second.stderr.count("\n") == 1
    assert stack.runtime == first


def test_status_tells_what_the_start_announced(stack: Stack) -> None:
    """Scripts that come later read the same line."""
    status = stack.run("dev", "--status", "--json")
    assert (status.returncode, json.loads(status.stdout)) == (0, stack.announced())
    assert list(stack.announced()) == [
        "api",
        "temporal_address",
        "temporal_ui",
        "payments",
        "payments_key",
        "webhook_secret",
        "database_url",
        "nats",
        "console",
        "pids",
    ]
    assert {"api", "worker", "postgres", "temporal"} <= set(stack.announced()["pids"])
