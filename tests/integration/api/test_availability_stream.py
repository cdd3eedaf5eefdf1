"""Following availability over a real connection: a program, a slow reader, a page in a browser."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import async_playwright

from api.availability import stream
from dev.ports import free_port
from tests.copies import Database
from tests.integration.api.noticeboard import open_noticeboard
from tests.integration.api.shop_window import (
    PATIENCE_SECONDS,
    Window,
    following,
    open_window,
    served,
    until,
)
from tests.integration.api.test_api_process import serving

BROWSER = os.environ.get("CHROMIUM", "/usr/bin/chromium")
BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAGE = """
<!doctype html><title>Shop</title><p id="lamp">?</p>
<script>
const shown = document.getElementById("lamp");
const source = new EventSource("%s/streams/availability?sku=LAMP");
source.addEventListener("availability", event => {
  const lamp = JSON.parse(event.data);
  shown.textContent = lamp.in_stock === null ? "ask at the till" : lamp.available + " left";
});
source.onerror = () => { shown.textContent = "gone"; };
</script>
"""


@pytest.fixture
async def window(database: Database) -> AsyncIterator[Window]:
    """Give a window whose feed the server runs."""
    async with open_window(database, running=False, lag_budget=50.0) as opened:
        yield opened


@asynccontextmanager
async def page_server(html: str) -> AsyncIterator[str]:
    """Serve one page, from an origin of its own."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_program_follows_what_changes(window: Window) -> None:
    """First how each sku stands, then each change, with the id that says which it is."""
    await window.board.put("LAMP", BER1=3)
    await window.board.put("VASE", BER1=1)
    async with served(window) as url, following(url, "LAMP", "VASE", "LAMP") as page:
        headers = page.response.headers
        first = {told["sku"]: told for _, told in (await page.next(), await page.next())}
        await window.board.put("LAMP", BER1=2)
        changed = await page.until(sku="LAMP", available=2)
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert {sku: told["available"] for sku, told in first.items()} == {"LAMP": 3, "VASE": 1}
    assert first["LAMP"]["id"] == "LAMP:1"
    assert (changed["id"], changed["in_stock"], changed["version"]) == ("LAMP:2", True, 2)
    assert set(changed) - {"id"} == {
        "sku",
        "available",
        "in_stock",
        "version",
        "as_of",
        "age_ms",
        "confirmed_at_checkout",
    }


async def test_a_reader_is_told_when_to_come_back_and_that_we_still_live(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line, and comments while nothing happens."""
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.01)
    await window.board.put("LAMP", BER1=3)
    async with served(window) as url, following(url, "LAMP") as page:
        async with asyncio.timeout(PATIENCE_SECONDS):
            first = await anext(page.lines)
            assert [line async for line in _up_to(page.lines, ": still here")]
    assert first == "retry: 2000"


async def _up_to(lines: AsyncIterator[str], last: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line == last:
            return


async def test_a_page_never_shows_in_stock_past_the_budget(database: Database) -> None:
    """Nothing changes, and nobody tells that it is fresh: the page hears it in time, and when it is over."""
    async with (
        open_window(database, running=False, lag_budget=0.5) as window,
        served(window) as url,
        following(url, "LAMP") as page,
    ):
        await window.board.put("LAMP", BER1=3)
        await window.board.is_fresh()
        fresh = await page.until(sku="LAMP", in_stock=True)
        late = await page.until(sku="LAMP", confirmed_at_checkout=True)
        await window.board.is_fresh()
        again = await page.until(sku="LAMP", in_stock=True)
    assert (late["in_stock"], late["available"], late["version"]) == (None, 3, 1)
    assert late["age_ms"] > 500 >= max(fresh["age_ms"], again["age_ms"])


async def test_an_unknown_sku_is_named_and_followed(window: Window) -> None:
    """A product that comes into the catalogue shows on pages that are open."""
    async with served(window) as url, following(url, "SOON") as page:
        first = await page.next()
        await window.board.put("SOON", BER1=1)
        known = await page.until(sku="SOON", available=1)
    assert first == ("unknown", {"sku": "SOON"})
    assert known["in_stock"] is True


async def test_before_anything_is_live_a_page_is_told_to_rely_on_nothing(
    database: Database,
) -> None:
    """It stays connected, and gets its numbers when there are some."""
    async with (
        open_window(database, live=False, running=False, lag_budget=50.0) as window,
        served(window) as url,
        following(url, "LAMP") as page,
    ):
        _, first = await page.next()
        await window.board.goes_live()
        await window.board.put("LAMP", BER1=3)
        live = await page.until(sku="LAMP", available=3, in_stock=True)
    assert (first["available"], first["in_stock"], first["version"]) == (0, None, 0)
    assert (first["confirmed_at_checkout"], first["as_of"]) == (True, None)
    assert live["confirmed_at_checkout"] is False


async def test_a_reader_who_goes_away_is_forgotten_at_once(window: Window) -> None:
    """Without waiting for the next event to fail."""
    await window.board.put("LAMP", BER1=3)
    async with served(window) as url:
        async with following(url, "LAMP") as page:
            await page.until(sku="LAMP")
            assert len(window.feed.following.audience) == 1
        await until(lambda: len(window.feed.following.audience) == 0)
        assert list(window.feed.following.audience) == []


async def test_no_more_may_listen_than_are_allowed(database: Database) -> None:
    """One too many is asked to come back, and let in when another has gone."""
    async with (
        open_window(database, running=False, most_listeners=1) as window,
        served(window) as url,
        httpx2.AsyncClient(base_url=url) as http,
    ):
        await window.board.put("LAMP", BER1=3)
        async with following(url, "LAMP") as page:
            await page.until(sku="LAMP")
            refused = await http.get("/streams/availability?sku=LAMP")
        await until(lambda: len(window.feed.slots) == 0)
        async with following(url, "LAMP") as page:
            await page.until(sku="LAMP")
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert refused.headers["retry-after"]


@pytest.mark.parametrize("asked", ["", "?sku=no.sku", "?sku="])
async def test_a_stream_of_nothing_is_malformed(window: Window, asked: str) -> None:
    """Before it is opened."""
    response = await window.front_door.http.get(f"/streams/availability{asked}")
    assert (response.status_code, response.json()["code"]) == (422, "malformed")


async def test_one_who_reads_slowly_gets_the_latest_and_costs_no_memory(window: Window) -> None:
    """Their connection is full; what waits for them is names, and what they read in the end is how it stands."""
    skus = [f"{'S' * 50}{number}" for number in range(100)]
    for sku in skus:
        await window.board.put(sku, BER1=0)
    async with served(window) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
        asked = "&".join(f"sku={sku}" for sku in skus)
        writer.write(f"GET /streams/availability?{asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await until(lambda: len(window.feed.following.audience) == 1)
        (listener,) = window.feed.following.audience._listeners
        rounds = 0
        # Nobody takes any more: the writer waits for a reader who does not read.
        while listener.pending < len(skus):
            rounds += 1
            for _ in range(20):
                for sku in skus:
                    listener.tell(sku)
                await asyncio.sleep(0)
            assert rounds < 10_000
        for sku in skus:
            await window.board.put(sku, BER1=7)
        assert listener.pending == len(skus)
        latest = f'"sku":"{skus[-1]}","available":7'.encode()
        async with asyncio.timeout(PATIENCE_SECONDS):
            read = b""
            while latest not in read:
                read = read[-1_000:] + await reader.read(65_536)
        writer.close()


def test_streams_end_when_the_process_is_told_to(database: Database, tmp_path: Path) -> None:
    """As answers that are complete, so that nobody waits for them; the process ends well."""
    asyncio.run(_live(database.application_url))
    port, log = free_port(), tmp_path / "api.log"
    settings = {
        "DATABASE_URL": database.application_url,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        # What is shown grows too old for no page in the meantime: that would be an event, too.
        "ONHAND_LAG_BUDGET_SECONDS": "60",
    }
    with (
        serving(log, port, **settings) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", "/streams/availability?sku=LAMP") as response,
    ):
        lines = response.iter_lines()
        assert any("LAMP" in line for line in lines)
        asyncio.run(_sell(database.application_url))
        # With its line open, and knowing how fresh that is: there is no more to say.
        assert any('"in_stock":true,"version":2' in line for line in lines)
        process.send_signal(signal.SIGTERM)
        # A connection that is torn instead of ended raises here.
        rest = list(lines)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert not any("event" in line for line in rest)
    written = log.read_text()
    assert "graceful shutdown exceeded" not in written
    assert '"route": "/streams/availability"' in written


async def _live(database_url: str) -> None:
    async with open_noticeboard(database_url) as board:
        await board.goes_live()
        await board.put("LAMP", BER1=3)


async def _sell(database_url: str) -> None:
    async with open_noticeboard(database_url) as board:
        board.generation = 1
        await board.put("LAMP", BER1=2)


@pytest.mark.skipif(not Path(BROWSER).exists(), reason=f"there is no browser at {BROWSER}")
async def test_a_page_in_a_browser_sees_a_change(database: Database) -> None:
    """From another origin, which the settings name; when the API has gone and come back, too."""
    port = free_port()
    async with (
        page_server(PAGE % f"http://127.0.0.1:{port}") as origin,
        async_playwright() as tools,
        open_window(database, running=False, lag_budget=50.0, origins=[origin]) as window,
    ):
        await window.board.put("LAMP", BER1=3)
        browser = await tools.chromium.launch(executable_path=BROWSER, args=BROWSER_FLAGS)
        page = await browser.new_page()
        async with served(window, port=port):
            await page.goto(origin)
            lamp = page.locator("#lamp")
            await lamp.get_by_text("3 left").wait_for()
            await window.board.put("LAMP", BER1=2)
            await lamp.get_by_text("2 left").wait_for()
            await window.board.doubt("LAMP/BER1")
            await lamp.get_by_text("ask at the till").wait_for()
        await lamp.get_by_text("gone").wait_for()
        await browser.close()
