"""A wire to Postgres that can be cut at the worst of moments: around a COMMIT."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy.engine import make_url


class Cut(Enum):
    """When the wire is cut."""

    BEFORE_COMMIT = "the server never hears of it"
    AFTER_COMMIT = "the server has done it, and nobody hears of that"


@dataclass(kw_only=True)
class Wire:
    """Forwards bytes both ways. While `cut` is set, the next COMMIT uses it up.

    Where `cuts_to_come` is set, each COMMIT takes the next of them instead.
    """

    host: str
    port: int
    cut: Cut | None = None
    cuts_to_come: Iterator[Cut | None] | None = None
    cuts: int = 0
    _url: str = ""
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, original: str) -> str:
        """Lead an address over this wire."""
        moved = make_url(original).set(
            host=self._url.split(":")[0], port=int(self._url.split(":")[1])
        )
        return moved.render_as_string(hide_password=False)

    async def carry(self, near: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        far, server = await asyncio.open_connection(self.host, self.port)
        answers = asyncio.create_task(_pump(far, client))
        try:
            while chunk := await _read(near):
                when = self._next_cut() if b"COMMIT" in chunk else None
                if when is not None:
                    await self._cut_around(when, chunk, answers, far, server)
                    break
                server.write(chunk)
                await server.drain()
        finally:
            answers.cancel()
            for writer in (client, server):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            self._calls.discard(call)

    def _next_cut(self) -> Cut | None:
        if self.cuts_to_come is not None:
            return next(self.cuts_to_come)
        when, self.cut = self.cut, None
        return when

    async def _cut_around(
        self,
        when: Cut,
        chunk: bytes,
        answers: asyncio.Task[None],
        far: asyncio.StreamReader,
        server: asyncio.StreamWriter,
    ) -> None:
        self.cuts += 1
        answers.cancel()
        with suppress(asyncio.CancelledError):
            await answers
        if when is Cut.AFTER_COMMIT:
            server.write(chunk)
            await server.drain()
            reply = await far.read(65_536)
            assert b"COMMIT" in reply, "the server did not confirm the commit"

    async def hang_up(self) -> None:
        """End every connection."""
        for call in tuple(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)


@asynccontextmanager
async def wire_to(host: str, port: int) -> AsyncIterator[Wire]:
    """Lay a wire for the time of a block."""
    wire = Wire(host=host, port=port)
    server = await asyncio.start_server(wire.carry, host="127.0.0.1", port=0)
    wire._url = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await wire.hang_up()


async def _read(source: asyncio.StreamReader) -> bytes:
    """Read what there is; a caller that hung up says nothing more."""
    try:
        return await source.read(65_536)
    except ConnectionError:
        return b""


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65_536):
            target.write(chunk)
            await target.drain()
        target.close()
