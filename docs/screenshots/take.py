"""Take the pictures of docs/stories/dead-provider.md: `python docs/screenshots/take.py`.

Runs the story on a dev stack of its own: checkouts of every kind, a provider that stops answering, one
checkout stuck in its undo, and the provider's return. Looks at the real Temporal UI with a browser
that is on this machine (CHROMIUM, else /usr/bin/chromium), and fails where a page does not show what
the story says.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from playwright.async_api import Error as BrowserError
from playwright.async_api import Page, ViewportSize, async_playwright
from temporalio.client import Client

from dev.demo.shop import Answer, Shop
from dev.runtime import Runtime
from dev.stack_process import started_stack
from workflows.search_attributes import NEEDS_ATTENTION

HERE = Path(__file__).parent
MOST_BYTES = 200_000
BROWSER = os.environ.get("CHROMIUM", "/usr/bin/chromium")
BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZE = ViewportSize(width=1440, height=900)
ABOVE_THE_STACK_TRACE = 540
WORKER = re.compile(r"^\d+@")
PATIENCE_SECONDS = 90
FIND = 'NeedsAttention = true AND ExecutionStatus = "Running"'


class Camera:
    """A browser on the Temporal UI."""

    def __init__(self, page: Page, runtime: Runtime) -> None:
        self.page = page
        self.base = f"{runtime.temporal_ui}/namespaces/{runtime.temporal_namespace}/workflows"

    async def look(self, path: str, *shown: str) -> None:
        """Open a page of the UI, and wait until it shows each of these."""
        await self.page.goto(self.base + path)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for text in shown:
                while not await self._shows(text):
                    await asyncio.sleep(0.2)

    async def _shows(self, text: str) -> bool:
        """Look in every frame: the UI puts Markdown into one of its own, and draws it anew now and then."""
        for frame in self.page.frames:
            with suppress(BrowserError):
                if await frame.get_by_text(text).locator("visible=true").count():
                    return True
        return False

    async def take(self, name: str, *, height: int = SIZE["height"]) -> None:
        """Write what is there, from the top, to a picture that is small enough and names no machine."""
        file = HERE / f"{name}.png"
        await self.page.screenshot(
            path=file,
            animations="disabled",
            clip={"x": 0, "y": 0, "width": SIZE["width"], "height": height},
            mask=[self.page.get_by_text(WORKER)],
            mask_color="#e8e8e4",
        )
        size = file.stat().st_size
        if size > MOST_BYTES:
            message = f"{file.name} has {size} bytes, more than {MOST_BYTES}"
            raise ValueError(message)
        print(f"{file.name}: {size} bytes")


async def main() -> None:
    """Live through the story, and take a picture wherever it says that somebody looks."""
    attention = {"ONHAND_ATTENTION_AFTER_SECONDS": "10"}
    with (
        tempfile.TemporaryDirectory() as directory,
        started_stack(Path(directory) / "state", environment=attention) as runtime,
    ):
        async with Shop.open(runtime) as shop, async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=BROWSER, args=BROWSER_FLAGS)
            camera = Camera(await browser.new_page(viewport=SIZE), runtime)
            engine = await Client.connect(
                runtime.temporal_address, namespace=runtime.temporal_namespace
            )
            await story(runtime, shop, camera, engine)
            await browser.close()


async def story(runtime: Runtime, shop: Shop, camera: Camera, engine: Client) -> None:
    """Sell some, lose the provider, find what hangs, and see it healed."""
    await shop.offer("brass-lamp", "Brass lamp", 4_900)
    await shop.receive("receipt-1", "BER1", {"brass-lamp": 10})
    paid = await shop.check_out("ada", {"brass-lamp": 1})
    await shop.pay(paid, "pm_card_visa")
    await shop.ended(paid.checkout_id)
    await shop.check_out("bob", {"brass-lamp": 2})
    stuck = await shop.check_out("cy", {"brass-lamp": 1})
    workflow = f"checkout/{stuck.checkout_id}"
    (provider,) = runtime.pids["payments"]
    os.kill(provider, signal.SIGSTOP)
    try:
        await shop.cancel(stuck)
        await until_it_needs_attention(engine, workflow)
        run = (await engine.get_workflow_handle(workflow).describe()).run_id
        await found(camera, stuck)
        await explained(camera, workflow, run)
    finally:
        os.kill(provider, signal.SIGCONT)
    await shop.ended(stuck.checkout_id)
    await engine.get_workflow_handle(workflow).result()
    await camera.look(f"/{quote(workflow, safe='')}/{run}/history", "Completed", "cancelled")
    await camera.take("4-healed")


async def until_it_needs_attention(engine: Client, workflow: str) -> None:
    """Wait for the fact."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            described = await engine.get_workflow_handle(workflow).describe()
            if described.typed_search_attributes.get(NEEDS_ATTENTION):
                return
            await asyncio.sleep(0.5)


async def found(camera: Camera, stuck: Answer) -> None:
    """Search for what needs attention: one of three."""
    await camera.look(f"?{urlencode({'query': FIND})}", stuck.checkout_id)
    await camera.take("1-found")


async def explained(camera: Camera, workflow: str, run: str) -> None:
    """Read what it says of itself, and how its step failed last."""
    page = f"/{quote(workflow, safe='')}/{run}"
    await camera.look(f"{page}/user-metadata", "has been failing since")
    await camera.take("2-explained")
    await camera.look(f"{page}/pending-activities", "payment-unknown")
    await camera.take("3-failing", height=ABOVE_THE_STACK_TRACE)


if __name__ == "__main__":
    asyncio.run(main())
