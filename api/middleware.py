"""What surrounds every request, as plain ASGI: a bound on its body, its trace, a line in the log, and some answer."""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.tracing import HEADER, following
from api.failures import internal
from api.problems import Problem

BODY_BYTES_MOST = 64 * 1024

_TRACEPARENT = HEADER.encode()

log = structlog.get_logger()


class BodyLimit:
    """Raises `body-too-large` out of the reading of a body, declared or counted.

    Whoever is refused before their body is read (a missing token) is told that instead.
    """

    def __init__(self, app: ASGIApp, most: int = BODY_BYTES_MOST) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = _content_length(scope["headers"])
        read = 0

        async def counted() -> Message:
            nonlocal read
            if declared > self.most:
                raise Problem("body-too-large")
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise Problem("body-too-large")
            return message

        await self.app(scope, counted, send)


class Traced:
    """Does what a request asks for as part of its caller's trace; a header that will not do is ignored."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        told = [value for name, value in scope.get("headers", ()) if name == _TRACEPARENT]
        if len(told) != 1:
            await self.app(scope, receive, send)
            return
        with following(told[0].decode("latin-1")):
            await self.app(scope, receive, send)


class LastResort:
    """Logs each request, and answers `internal` where nothing else did; nothing raised leaves here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - the outermost place: its text must not reach a log
            problem = internal(error)
            if status == 0:
                await problem.response()(scope, receive, noted)
        finally:
            _log_request(scope, status, began)


def _log_request(scope: Scope, status: int, began: float) -> None:
    log.info(
        "request",
        method=scope["method"],
        route=getattr(scope.get("route"), "path", None),
        status=status,
        duration_ms=round((time.perf_counter() - began) * 1000, 1),
    )


def _content_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    declared = next((value for name, value in headers if name == b"content-length"), b"0")
    # The server has refused one that is no number; here such a body counts as it comes.
    return int(declared[:20]) if declared.isdigit() else 0
