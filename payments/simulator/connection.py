"""A connection of the simulator's server that a fault can cut without an answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from payments.simulator.routes import CUT


class CuttableConnection(H11Protocol):
    """Puts into each request's state what cuts it off: the caller never learns what became of it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CUT: transport.abort}
