"""The connection to Temporal: made in the background, shared, and waited for by whoever needs it."""

from __future__ import annotations

import asyncio

import structlog
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime

from activities.tracing import Tracing
from settings.temporal import temporal_profile

log = structlog.get_logger("worker.engine")

RETRY_SECONDS = 1.0


class Engine:
    """A client that may not be there yet. Everything that needs none runs meanwhile."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        self._runtime = runtime
        self._connected: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

    async def connect(self) -> None:
        """Try until Temporal answers. Its address and credentials are TEMPORAL_*."""
        profile = temporal_profile()
        while not self._connected.done():
            try:
                client = await Client.connect(
                    **profile,
                    data_converter=pydantic_data_converter,
                    runtime=self._runtime,
                    interceptors=[Tracing()],
                )
            except RuntimeError as error:
                log.info("waiting for Temporal", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._connected.set_result(client)

    @property
    def connected(self) -> bool:
        """Tell whether the client is there."""
        return self._connected.done()

    async def client(self) -> Client:
        """Give the client once there is one; afterwards it reconnects by itself."""
        return await asyncio.shield(self._connected)
