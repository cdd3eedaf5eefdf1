"""Delivers webhooks: each until it is acknowledged, independently of others, in no order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import aiohttp

from payments.simulator.till import Notice, Posting, Till

DELIVERIES_AT_ONCE: Final = 8
ATTEMPT_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
FIRST_BACKOFF_SECONDS: Final = 0.5
MOST_BACKOFF_SECONDS: Final = 30.0
# As long as the provider tries.
GIVE_UP_AFTER_SECONDS: Final = 3 * 24 * 3_600


def sign(body: str, secret: str, now: int) -> str:
    """Return the header `Stripe-Signature` for a body sent now."""
    signed = f"{now}.{body}".encode()
    return f"t={now},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def backoff_seconds(attempts: int) -> float:
    """Return how long to wait after that many failed attempts, at least one."""
    return min(FIRST_BACKOFF_SECONDS * float(1 << min(attempts - 1, 10)), MOST_BACKOFF_SECONDS)


class Postman:
    """Sends the till's undelivered notices to one URL while `async with` runs.

    A delivery waits for its next attempt without holding one of the `DELIVERIES_AT_ONCE` places.
    """

    def __init__(self, till: Till, *, url: str, secret: str) -> None:
        self._till = till
        self._url = url
        self._secret = secret
        self._due: asyncio.Queue[list[tuple[Notice, int]]] = asyncio.Queue()
        self._kept: dict[str, list[Notice]] = {}
        self._waiting: set[asyncio.TimerHandle] = set()
        self._carriers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> None:
        """Start, with what an earlier run left undelivered first."""
        session = aiohttp.ClientSession(timeout=ATTEMPT_TIMEOUT)
        self._session = session
        for notice in self._till.undelivered.values():
            self._due.put_nowait([(notice, 0)])
        self._till.watch(self._collect)
        self._carriers = [
            asyncio.create_task(self._carry(session)) for _ in range(DELIVERIES_AT_ONCE)
        ]

    async def __aexit__(self, *_: object) -> None:
        """Stop; what is undelivered stays in the till."""
        for timer in self._waiting:
            timer.cancel()
        for carrier in self._carriers:
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _collect(self, posting: Posting) -> None:
        for notice in posting.notices:
            if notice.reordered:
                self._keep(notice)
            else:
                self._later([notice], 0, notice.after_seconds)

    def _keep(self, notice: Notice) -> None:
        """Keep it for those of its payment that come in the meantime, to be sent the other way round."""
        kept = self._kept.setdefault(notice.intent_id, [])
        kept.insert(0, notice)
        if len(kept) == 1:
            self._at(notice.after_seconds, lambda: self._send_kept(notice.intent_id))

    def _send_kept(self, intent_id: str) -> None:
        self._due.put_nowait([(notice, 0) for notice in self._kept.pop(intent_id)])

    async def _carry(self, session: aiohttp.ClientSession) -> None:
        while True:
            for notice, failures in await self._due.get():
                try:
                    over = time.time() - notice.created > GIVE_UP_AFTER_SECONDS
                    done = over or await self._deliver(session, notice)
                    if done:
                        self._till.post(Posting(delivered=notice.event_id))
                except (aiohttp.ClientError, OSError):
                    # Nobody answers (a timeout is an OSError, too), or the journal's disk is full.
                    done = False
                if not done:
                    self._later([notice], failures + 1, backoff_seconds(failures + 1))

    async def _deliver(self, session: aiohttp.ClientSession, notice: Notice) -> bool:
        return all([await self._send(session, body) for body in (notice.body, *notice.more)])

    async def _send(self, session: aiohttp.ClientSession, body: str) -> bool:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, self._secret, int(time.time())),
        }
        posted = session.post(self._url, data=body.encode(), headers=headers, allow_redirects=False)
        async with posted as reply:
            await reply.read()
            return HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES

    def _later(self, notices: list[Notice], failures: int, seconds: float) -> None:
        due = [(notice, failures) for notice in notices]
        if seconds:
            self._at(seconds, lambda: self._due.put_nowait(due))
        else:
            self._due.put_nowait(due)

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        def due() -> None:
            self._waiting.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._waiting.add(timer)
