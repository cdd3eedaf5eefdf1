"""Shop pages see what is sold while it is sold."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from tests.acceptance.facts import eventually
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_key, wish
from tests.integration.api.shop_window import following

BROWSER = os.environ.get("CHROMIUM", "/usr/bin/chromium")
BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FOLLOW = """sku => {
  window.seen = [];
  const source = new EventSource("/streams/availability?sku=" + sku);
  source.addEventListener("availability", event => window.seen.push(JSON.parse(event.data)));
}"""


async def test_whoever_changed_something_reads_what_they_wrote(shop: Storefront) -> None:
    """The version of the strong answer is waited for."""
    clock = await shop.stocked("CLOCK", 3)
    await shop.decided(new_key(), wish(clock))
    stock = (await shop.api.get(f"/stock/{clock}")).json()

    async def read() -> Any:
        wanted = {"min_version": stock["version"]}
        return (await shop.api.get(f"/availability/{clock}", params=wanted)).json()

    told = await eventually(
        read, lambda answer: answer.get("version") is not None and "code" not in answer
    )
    assert (told["available"], told["version"]) == (stock["available"], stock["version"]) == (2, 2)


async def test_a_reservation_is_seen_by_a_program_that_follows(
    stack: Stack, shop: Storefront
) -> None:
    """Fresh enough to be relied on."""
    clock = await shop.stocked("CLOCK", 3)
    async with following(stack.runtime.api, clock) as page:
        await page.until(available=3, in_stock=True)
        await shop.decided(new_key(), wish(clock))
        seen = await page.until(available=2, in_stock=True, confirmed_at_checkout=False)
    assert seen["id"] == f"{clock}:2"
    assert seen["age_ms"] <= 2_000


@pytest.mark.skipif(not Path(BROWSER).exists(), reason=f"there is no browser at {BROWSER}")
async def test_a_reservation_is_seen_by_a_page_in_a_browser(stack: Stack, shop: Storefront) -> None:
    """The same, by what browsers have for it."""
    clock = await shop.stocked("CLOCK", 3)
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=BROWSER, args=BROWSER_FLAGS)
        page = await browser.new_page()
        await page.goto(f"{stack.runtime.api}/docs")
        await page.evaluate(FOLLOW, clock)
        await _shows(page, available=3, in_stock=True)
        await shop.decided(new_key(), wish(clock))
        await _shows(page, available=2, in_stock=True, confirmed_at_checkout=False)
        await browser.close()


async def _shows(page: Page, **facts: Any) -> None:
    async with asyncio.timeout(60):
        while not any(
            facts.items() <= answer.items() for answer in await page.evaluate("window.seen")
        ):
            await asyncio.sleep(0.05)
