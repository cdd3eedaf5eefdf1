"""A connection of the API's server that can be got rid of, whatever waits to be taken by the other end."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

UNTAKEN_SECONDS = 60.0
"""How long the other end may take nothing of what is written, where the system can watch that (Linux can)."""

_RESET = "onhand.reset"
_DO_NOT_LINGER = struct.pack("ii", 1, 0)


class Connection(H11Protocol):
    """Is lost when nothing is taken for a while, and can be reset by whoever answers on it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Have the system watch it, and requests know how it is reset."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Closing waits until all is taken: one who takes nothing would keep it for ever.
            with suppress(OSError):  # The other end has gone already.
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNTAKEN_SECONDS * 1_000)
                )
        self.app_state = self.app_state | {_RESET: self.reset}

    def reset(self) -> None:
        """Drop it, and what waits here and in the system to be taken."""
        with suppress(OSError):  # It is gone already.
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _DO_NOT_LINGER
            )
        self.transport.abort()


async def reset(scope: Scope, receive: Receive) -> None:
    """Drop the connection of a request under way; return when the server has noticed."""
    drop = scope.get("state", {}).get(_RESET)
    if drop is None:
        return
    drop()
    while (await receive())["type"] != "http.disconnect":
        pass
