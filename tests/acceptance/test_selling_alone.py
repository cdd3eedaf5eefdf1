"""The shop sells with everybody who carries its news stopped; and when they go on, they catch up."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.acceptance.facts import eventually, rows
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish

CARRIERS = ("nats", "relay", "projections")


@contextmanager
def stopped(stack: Stack) -> Iterator[None]:
    """Keep them from doing anything for the time of a block; a supervisor would start again what is dead."""
    pids = [pid for name in CARRIERS if (pid := stack.pid(name)) is not None]
    assert len(pids) == len(CARRIERS)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_checkouts_go_on_while_nobody_carries_the_news(
    mortal: Stack, mortal_shop: Storefront
) -> None:
    """Paid, cancelled and refused ones; the catalogue says that it does not know, and then it does."""
    shop = mortal_shop
    vase = await shop.stocked("VASE", 3)
    await eventually(lambda: shown(shop, vase), lambda answer: answer["in_stock"] is True)

    with stopped(mortal):
        sold = await shop.decided(new_key(), wish(vase))
        await shop.pay(sold)
        await shop.ended(sold.json()["checkout_id"])
        regretted = await shop.decided(new_key(), wish(vase, 2))
        await shop.cancel(regretted)
        refused = await shop.decided(new_key(), wish(vase, 3))
        doubtful = await eventually(
            lambda: shown(shop, vase), lambda answer: answer["confirmed_at_checkout"]
        )
        waiting = rows(
            mortal.runtime,
            "SELECT count(*) AS events FROM outbox WHERE published_at IS NULL AND subject LIKE %s",
            f"{vase}/%",
        )

    assert (sold.status_code, regretted.status_code, refused.status_code) == (201, 201, 409)
    assert doubtful["in_stock"] is None
    assert waiting[0]["events"] >= 3
    stock = await shop.stock(vase)
    # As many were available after the first sale, too: it is the last change that is waited for.
    caught_up = await eventually(
        lambda: shown(shop, vase),
        lambda answer: answer["version"] == stock["version"] and answer["in_stock"],
    )
    assert caught_up["available"] == stock["available"] == 2


async def shown(shop: Storefront, sku: str) -> dict[str, Any]:
    """Look into the catalogue."""
    answer = await shop.api.get(f"/availability/{sku}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told
