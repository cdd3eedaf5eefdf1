"""The payment simulator as a process of its own, and a letterbox for its webhooks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from payments.provider import PaymentProvider

ROOT = Path(__file__).parents[3]
KEY = "sk_test_till"
SECRET = "whsec_till"
DEADLINE_SECONDS = 20


class SimulatorProcess:
    """One simulator, and what it takes to kill and restart it on the same state and port."""

    def __init__(self, state: Path, webhook_url: str | None = None) -> None:
        self.state = state
        self.key = KEY
        self.webhook_secret = SECRET
        self.url = ""
        self._webhook_url = webhook_url
        self._process: subprocess.Popen[str] | None = None

    def command(self, port: int = 0) -> list[str]:
        """Return the command line that starts it."""
        command = [sys.executable, "-W", "error", "-m", "payments.simulator", "--port", str(port)]
        command += ["--state", str(self.state), "--api-key", self.key]
        if self._webhook_url is not None:
            command += ["--webhook-url", self._webhook_url, "--webhook-secret", SECRET]
        return command

    def start(self) -> None:
        """Start it, on the port it had before, and wait until it answers."""
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._process = subprocess.Popen(
            self.command(port), cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the simulator ended before it was ready"
        self.url = json.loads(line)["payments"]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit status."""
        process = self._process
        assert process is not None
        self._process = None
        os.kill(process.pid, how)
        with process:
            return process.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None:
            self.stop()

    async def until_acknowledged(self, count: int) -> None:
        """Wait until its journal holds that many acknowledgements of webhooks."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.state.read_bytes().count(b",null]]\n") < count:
                await asyncio.sleep(0.01)

    async def post(
        self, path: str, form: dict[str, Any], *, key: str | None = None, api_key: str | None = KEY
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Post a form as it is, and return status, JSON and headers."""
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self.url + path, data=form) as reply,
        ):
            return reply.status, await reply.json(), reply.headers

    async def go_wrong(self, faults: str, **of: str) -> None:
        """Switch faults on, for a `payment_intent` or a `checkout_id`."""
        status, body, _ = await self.post("/_faults", {**of, "faults": faults})
        assert status == 200, body

    async def faults_left(self, **of: str) -> str:
        """Tell which were not met yet."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"}) as session,
            session.get(self.url + "/_faults", params=of) as reply,
        ):
            body: dict[str, str] = await reply.json()
            return body["faults"]

    async def confirm(self, payment_intent: str, method: str = "pm_card_visa") -> tuple[int, Any]:
        """Pay."""
        path = f"/v1/payment_intents/{payment_intent}/confirm"
        status, body, _ = await self.post(path, {"payment_method": method})
        return status, body


@dataclass
class Letterbox:
    """Receives webhooks. `answer` decides, by the event, the HTTP status of each attempt."""

    url: str = ""
    attempts: list[tuple[bytes, str]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], int] = field(default=lambda _event: 200)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        """Note an attempt, then answer it."""
        body = await request.read()
        status = self.answer(json.loads(body))
        async with self.changed:
            self.attempts.append((body, request.headers["Stripe-Signature"]))
            self.changed.notify_all()
        return web.Response(status=status)

    def kinds(self) -> list[str]:
        """Return the kind of each attempt so far."""
        return [json.loads(body)["type"] for body, _ in self.attempts]

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait for a fact about the attempts."""
        async with asyncio.timeout(DEADLINE_SECONDS), self.changed:
            await self.changed.wait_for(fact)


@asynccontextmanager
async def open_letterbox() -> AsyncIterator[Letterbox]:
    """Serve a letterbox on a free port."""
    letterbox = Letterbox()
    app = web.Application()
    app.router.add_post("/webhooks", letterbox.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    letterbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
    yield letterbox
    await runner.cleanup()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Share one simulator between the tests that leave it alone; it tells nobody."""
    running = SimulatorProcess(tmp_path_factory.mktemp("till") / "state.jsonl")
    running.start()
    yield running
    running.close()


@pytest.fixture
async def provider(simulator: SimulatorProcess) -> AsyncIterator[PaymentProvider]:
    """Give our provider, talking to the shared simulator."""
    opened = PaymentProvider(base=simulator.url, key=simulator.key, timeout_seconds=10)
    yield opened
    await opened.close()


@pytest.fixture
async def letterbox() -> AsyncIterator[Letterbox]:
    """Give a letterbox that acknowledges everything, until told otherwise."""
    async with open_letterbox() as opened:
        yield opened


@pytest.fixture
def own_simulator(tmp_path: Path, letterbox: Letterbox) -> Iterator[SimulatorProcess]:
    """Give a simulator of the test's own, which may kill it; it tells the letterbox."""
    running = SimulatorProcess(tmp_path / "state.jsonl", letterbox.url)
    running.start()
    yield running
    running.close()


@pytest.fixture
async def own_provider(own_simulator: SimulatorProcess) -> AsyncIterator[PaymentProvider]:
    """Give our provider, talking to the test's own simulator."""
    opened = PaymentProvider(base=own_simulator.url, key=own_simulator.key, timeout_seconds=10)
    yield opened
    await opened.close()
