"""Waking a loop when somebody has written what it waits for, by LISTEN; the interval is the net beneath it."""

from __future__ import annotations

import asyncio

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.loops import FAILURES


class ChannelAlarm:
    """A pause that a notification of a channel ends. Without a connection it is a pause like any other."""

    def __init__(self, engine: AsyncEngine, channel: str) -> None:
        self.engine = engine
        self.channel = channel
        self._connection: AsyncConnection | None = None

    async def wait(self, seconds: float) -> None:
        """Wait until somebody notifies, and that long at most."""
        try:
            driver = await self._listening()
            async for _ in driver.notifies(timeout=seconds, stop_after=1):
                pass
            # The others say the same; unread, they would fill the connection.
            async for _ in driver.notifies(timeout=0):
                pass
        except Exception as error:  # noqa: BLE001 - a broken ear must not stop the loop; it is opened again
            FAILURES.labels("alarm", type(error).__name__).inc()
            await self.close()
            await asyncio.sleep(min(seconds, 1.0))

    async def close(self) -> None:
        """Give the connection up; it is not fit for anybody else."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def _listening(self) -> psycopg.AsyncConnection[object]:
        if self._connection is None:
            connection = await self.engine.connect()
            self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await self._connection.exec_driver_sql(f"LISTEN {self.channel}")
        raw = await self._connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        return driver
