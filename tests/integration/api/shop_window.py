"""An API over a noticeboard, with its feed running: in process, or served on a port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn
from sqlalchemy import event

from api.availability.feed import AvailabilityFeed
from api.serving import ApiServer
from tests.copies import Database
from tests.integration.api.front_door import FrontDoor, open_front_door
from tests.integration.api.noticeboard import Noticeboard, open_noticeboard

PATIENCE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a shop page sees, and the board behind it."""

    front_door: FrontDoor
    board: Noticeboard
    feed: AvailabilityFeed

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Ask for availability: `get("/LAMP")`, `get("?sku=LAMP")`; If-None-Match is `if_none_match`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.front_door.http.get(f"/availability{path}", headers=sent)

    async def is_heard(self) -> None:
        """Say that all is fresh, and wait until the feed has heard that and everything before."""
        moment = await self.board.is_fresh()
        await until(lambda: self.feed._heard is not None and self.feed._heard.as_of >= moment)

    @contextmanager
    def queries(self) -> Iterator[list[str]]:
        """List what the feed asks the database for in a block."""
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if "availability_product" in statement:
                asked.append(statement)

        event.listen(self.feed.reading.sync_engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(self.feed.reading.sync_engine, "before_cursor_execute", note)


@asynccontextmanager
async def open_window(
    database: Database, *, live: bool = True, running: bool = True, **settings: Any
) -> AsyncIterator[Window]:
    """Open an API on a noticeboard that is live and fresh, its feed running and hearing."""
    async with (
        open_noticeboard(database.application_url) as board,
        open_front_door(database.application_url, **settings) as front_door,
    ):
        if live:
            await board.goes_live()
        feed = front_door.wiring.availability
        window = Window(front_door=front_door, board=board, feed=feed)
        if not running:
            yield window
            return
        async with feed.running():
            if live:
                await hears(window)
            yield window


async def hears(window: Window) -> None:
    """Wait until the feed's line stands."""
    await until(lambda: window.feed.entries._open)
    await window.is_heard()


class InLoop(ApiServer):
    """A server in the test's own loop; signals are the test's."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Capture none."""
        return nullcontext()


@asynccontextmanager
async def served(window: Window, port: int = 0) -> AsyncIterator[str]:
    """Serve an API whose feed is not running yet; give its address."""
    config = uvicorn.Config(window.front_door.app, port=port, log_config=None, lifespan="on")
    server = InLoop(config, window.feed)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started or serving.done())
    if serving.done():
        serving.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        await until(lambda: window.feed.entries._open)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@dataclass(frozen=True, kw_only=True)
class Page:
    """Somebody who follows a stream."""

    response: httpx2.Response
    lines: AsyncIterator[str]

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Give the next event and what it says; its id is `id`."""
        kind = ""
        told: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self.lines:
                name, _, rest = line.partition(": ")
                if name == "event":
                    kind = rest
                elif name == "data":
                    told |= json.loads(rest)
                elif name == "id":
                    told["id"] = rest
                elif not line and kind:
                    return kind, told
        return "end", {}

    async def until(self, **facts: Any) -> dict[str, Any]:
        """Read on to an event that says this."""
        while True:
            kind, told = await self.next()
            assert kind != "end", facts
            if facts.items() <= told.items():
                return told


@asynccontextmanager
async def following(url: str, *skus: str) -> AsyncIterator[Page]:
    """Follow these skus as a program does."""
    asked = "&".join(f"sku={sku}" for sku in skus)
    async with (
        httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", f"{url}/streams/availability?{asked}") as response,
    ):
        yield Page(response=response, lines=response.aiter_lines())


async def until(fact: Callable[[], Any]) -> None:
    """Wait for a fact."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not fact():
            await asyncio.sleep(0.005)
