"""The HTTP server of the API's process: it ends streams when it is to end, and may have many connections."""

from __future__ import annotations

import resource
import socket

import structlog
import uvicorn

from api.availability.feed import AvailabilityFeed
from api.connections import Connection

log = structlog.get_logger("api")


class ApiServer(uvicorn.Server):
    """Waits at its end for answers under way, and a stream would be under way for ever: so they end first."""

    def __init__(self, config: uvicorn.Config, feed: AvailabilityFeed) -> None:
        config.http = Connection
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the server."""
        self._feed.end_streams()
        await super().shutdown(sockets)


def allow_connections(wanted: int) -> None:
    """Have the system let us open as many, as far as it may be asked: many let a process have a thousand."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    if allowed < wanted:
        log.warning("fewer connections than listeners", allowed=allowed, wanted=wanted)
