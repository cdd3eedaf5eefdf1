"""The payment simulator as a process of its own, with a wire to it that can lose an answer."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

KEY = "sk_test_stage"
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20


class Till:
    """One simulator, which may be stopped and started again on the same state and port."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, where it was before, and wait until it answers."""
        port = self.url.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "payments.simulator", "--port", port, "--api-key", KEY]
        self._process = subprocess.Popen(
            [*command, "--state", str(self.state)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the simulator ended before it was ready"
        self.url = json.loads(line)["payments"]

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            process, self._process = self._process, None
            process.send_signal(signal.SIGTERM)
            with process:
                process.wait(PATIENCE_SECONDS)

    async def post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Post a form, and give the answer whatever its status."""
        async with self._session() as session, session.post(self.url + path, data=form) as reply:
            body: dict[str, Any] = await reply.json()
            return body

    async def get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Ask for something."""
        async with (
            self._session() as session,
            session.get(self.url + path, params=query) as reply,
        ):
            body: dict[str, Any] = await reply.json()
            return body

    async def pay(self, payment_intent: str, method: str = "pm_card_visa") -> dict[str, Any]:
        """Confirm, as the customer does."""
        path = f"/v1/payment_intents/{payment_intent}/confirm"
        return await self.post(path, {"payment_method": method})

    async def intents_of(self, checkout_id: str) -> list[dict[str, Any]]:
        """List what it knows of one checkout."""
        page = await self.get("/v1/payment_intents", {"limit": "100"})
        return [
            intent
            for intent in page["data"]
            if intent["metadata"].get("checkout_id") == checkout_id
        ]

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"})


THROTTLED = (
    b'{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "later"}}'
)


class Wire:
    """Carries requests to the simulator and replies back.

    While `losing`, the reply to such a request is lost: what was asked has been done by then, and that
    is what makes an outcome unknown. While `throttling`, such a request is not carried at all.
    """

    def __init__(self, till: Till) -> None:
        self.till = till
        self.url = ""
        self.losing: str | None = None
        """The start of the requests whose replies are lost, such as `POST /v1/payment_intents `."""
        self.throttling: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve one connection of a client."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._carry(near, back)
        finally:
            self._tasks.discard(task)
            back.close()

    async def close(self) -> None:
        """Hang up."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        port = int(self.till.url.rpartition(":")[2])
        far, forth = await asyncio.open_connection("127.0.0.1", port)
        try:
            while head := await near.readuntil(b"\r\n\r\n"):
                body = await near.readexactly(_length(head))
                if _concerns(self.throttling, head):
                    back.write(_refusal())
                    continue
                forth.write(head + body)
                answer = await far.readuntil(b"\r\n\r\n")
                answer += await far.readexactly(_length(answer))
                if _concerns(self.losing, head):
                    return
                back.write(answer)
                await back.drain()
        finally:
            forth.close()


def _concerns(beginning: str | None, head: bytes) -> bool:
    return beginning is not None and head.startswith(beginning.encode())


def _refusal() -> bytes:
    head = (
        "HTTP/1.1 429 Too Many Requests\r\n"
        "Content-Type: application/json\r\n"
        "Retry-After: 60\r\n"
        f"Content-Length: {len(THROTTLED)}\r\n\r\n"
    )
    return head.encode() + THROTTLED


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@asynccontextmanager
async def open_wire(till: Till) -> AsyncIterator[Wire]:
    """Serve a wire on a free port."""
    wire = Wire(till)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
        await server.wait_closed()
