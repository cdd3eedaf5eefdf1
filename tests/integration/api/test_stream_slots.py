"""Streams are given back however they end, no address has all of them, and none is open for ever."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from api import connections
from api.availability import stream
from tests.copies import Database
from tests.integration.api.shop_window import (
    PATIENCE_SECONDS,
    Page,
    Window,
    following,
    open_window,
    served,
    until,
)

MOST = 2
ENOUGH_ROUNDS = 1_000
"""Of the loop: whoever could write would have taken what waits."""
LOOPBACK = f"{struct.unpack('=I', socket.inet_aton('127.0.0.1'))[0]:08X}"
"""As the system's table of connections writes it."""
MANY = [f"{'S' * 50}{number}" for number in range(100)]
LAMP = "/streams/availability?sku=LAMP"


@pytest.fixture
async def window(database: Database) -> AsyncIterator[Window]:
    """Give a window in which each address may have two streams."""
    async with open_window(
        database, running=False, lag_budget=50.0, streams_per_address=MOST
    ) as opened:
        await opened.board.put("LAMP", BER1=3)
        yield opened


@asynccontextmanager
async def calling_from(url: str, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Call from one of this machine's own addresses."""
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    async with httpx2.AsyncClient(
        transport=transport, base_url=url, timeout=PATIENCE_SECONDS
    ) as http:
        yield http


async def test_no_address_has_more_than_its_share(window: Window) -> None:
    """One too many is refused; another address is let in, and the first again when one of its own has gone."""
    async with served(window) as url, calling_from(url, "127.0.0.2") as elsewhere:
        async with following(url, "LAMP") as first:
            await first.until(sku="LAMP")
            async with following(url, "LAMP") as second:
                await second.until(sku="LAMP")
                async with calling_from(url, "127.0.0.1") as http:
                    refused = await http.get(LAMP)
                async with elsewhere.stream("GET", LAMP) as response:
                    other = Page(response=response, lines=response.aiter_lines())
                    assert (await other.until(sku="LAMP"))["available"] == 3
            await until(lambda: len(window.feed.slots) == 1)
            async with following(url, "LAMP") as again:
                await again.until(sku="LAMP")
        await until(lambda: len(window.feed.slots) == 0)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-streams")
    assert refused.headers["retry-after"] == "30"


async def test_a_stream_that_fails_gives_its_place_back(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that went wrong."""
    monkeypatch.setattr(stream, "_event", lambda *_: 1 // 0)
    async with served(window) as url:
        for _ in range(MOST + 1):
            with pytest.raises(httpx2.RemoteProtocolError):
                async with following(url, "LAMP") as page:
                    await page.until(sku="LAMP")
        assert (len(window.feed.slots), len(window.feed.following.audience)) == (0, 0)


async def test_a_stream_ends_and_its_reader_comes_again(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an answer that is complete; whoever comes again is told how it stands now."""
    monkeypatch.setattr(stream, "LIFE_SECONDS", 2.0)
    async with served(window) as url:
        async with following(url, "LAMP") as page:
            told = await page.until(sku="LAMP")
            # A connection that is torn instead of ended raises here.
            while (await page.next())[0] != "end":
                pass
            await until(lambda: len(window.feed.slots) == 0)
        monkeypatch.undo()
        await window.board.put("LAMP", BER1=7)
        async with following(url, "LAMP") as page:
            again = await page.until(sku="LAMP")
    assert (told["available"], again["available"]) == (3, 7)


@asynccontextmanager
async def one_who_never_reads(window: Window, url: str) -> AsyncIterator[asyncio.StreamWriter]:
    """Open a stream of much, and take nothing of it."""
    host, _, port = url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1_024)
    asked = "&".join(f"sku={sku}" for sku in MANY)
    writer.write(f"GET /streams/availability?{asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: len(window.feed.slots) == 1)
    try:
        yield writer
    finally:
        writer.transport.abort()


def error_at(writer: asyncio.StreamWriter) -> int:
    """Say what the system tells this end of the connection, without reading."""
    told: int = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return told


def is_held(writer: asyncio.StreamWriter) -> bool:
    """Tell whether the system keeps the server's end of this connection, in whatever state."""
    ours, theirs = (writer.get_extra_info(name)[1] for name in ("sockname", "peername"))
    ends = [line.split()[1:3] for line in Path("/proc/net/tcp").read_text().splitlines()]
    return [f"{LOOPBACK}:{theirs:04X}", f"{LOOPBACK}:{ours:04X}"] in ends


async def test_one_who_never_reads_loses_the_place_and_the_connection(
    window: Window, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was written to them is not waited for, here or by the system; the server has no complaint."""
    monkeypatch.setattr(stream, "UNREAD_SECONDS", 0.0)
    monkeypatch.setattr(stream, "lifetime", lambda: 5.0)
    for sku in MANY:
        await window.board.put(sku, BER1=0)
    async with served(window) as url, one_who_never_reads(window, url) as writer:
        (listener,) = window.feed.following.audience._listeners
        untaken = 0
        # Its connection is full when nobody takes these any more.
        while untaken < ENOUGH_ROUNDS:
            untaken = untaken + 1 if listener.pending == len(MANY) else 0
            for sku in MANY:
                listener.tell(sku)
            await asyncio.sleep(0)
        assert (len(window.feed.slots), error_at(writer)) == (1, 0)
        await until(lambda: len(window.feed.slots) == 0)
        assert listener.pending == len(MANY)
        assert len(window.feed.following.audience) == 0
        assert error_at(writer) == errno.ECONNRESET
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system does not watch for it"
)
async def test_one_who_takes_nothing_for_a_while_is_lost_before_the_life_is_over(
    window: Window, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is answered on it: the system sees it."""
    monkeypatch.setattr(connections, "UNTAKEN_SECONDS", 0.5)
    for sku in MANY:
        await window.board.put(sku, BER1=0)
    async with served(window) as url, one_who_never_reads(window, url) as writer:
        (listener,) = window.feed.following.audience._listeners
        assert is_held(writer)

        def lost() -> bool:
            for sku in MANY:
                listener.tell(sku)
            return len(window.feed.slots) == 0

        await until(lost)
        assert not is_held(writer)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_those_who_came_together_do_not_go_together() -> None:
    """About half an hour, one sooner and another later."""
    lives = [stream.lifetime() for _ in range(1_000)]
    assert 1_440 <= min(lives) < 1_600
    assert 2_000 < max(lives) <= 2_160
