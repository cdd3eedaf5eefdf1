"""A provider that answers badly or not at all: each way has its place in our four families."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from payments.errors import (
    PaymentError,
    PaymentMisconfigured,
    PaymentRefused,
    PaymentThrottled,
    PaymentUnknown,
)
from payments.provider import PaymentProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CUSTOMER = "Erika Mustermann erika@example.org"
PROSE = '{"error": {"type": "%s", "code": "%s", "message": "' + CUSTOMER + '"}}'


def reply(status: int, body: str, *headers: str) -> bytes:
    """Write an HTTP answer."""
    length = f"Content-Length: {len(body)}"
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json", length, *headers]
    return ("\r\n".join([*lines, "", body])).encode()


@asynccontextmanager
async def answering(answer: bytes | None, timeout_seconds: float) -> AsyncIterator[PaymentProvider]:
    """Give our provider, and a server that says `answer` and hangs up; None: says nothing."""
    ends = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await ends.wait()
        else:
            writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider = PaymentProvider(
        base=f"http://127.0.0.1:{port}", key="sk_test_till", timeout_seconds=timeout_seconds
    )
    yield provider
    await provider.close()
    ends.set()
    server.close()
    await server.wait_closed()


async def error_for(answer: bytes | None, timeout_seconds: float = 10) -> PaymentError:
    """Ask a question that gets this answer, and return the error that it becomes."""
    async with answering(answer, timeout_seconds) as provider:
        with pytest.raises(PaymentError) as raised:
            await provider.look_up(payment_intent="pi_lamp")
    error = raised.value
    assert "Erika" not in f"{error} {error!r} {vars(error)}"
    assert error.__suppress_context__
    return error


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"", "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "connection"),
        (b"not HTTP at all\r\n\r\n", "connection"),
        (reply(500, PROSE % ("api_error", "")), "provider"),
        (reply(502, "<html>Bad gateway</html>"), "provider"),
        (reply(503, '{"error": null}'), "unreadable"),
        (reply(409, PROSE % ("idempotency_error", "idempotency_key_in_use")), "in-flight"),
        (reply(200, "<html>Hello</html>"), "provider"),
        (reply(200, ""), "provider"),
        (reply(200, "{}"), "unreadable"),
        (reply(200, "[]"), "unreadable"),
        (reply(200, "null"), "unreadable"),
        (reply(200, '{"id": "pi_lamp", "status": "levitating"}'), "unreadable"),
        (reply(302, "", "Location: /elsewhere"), None),
    ],
)
async def test_what_is_no_clear_answer_leaves_the_outcome_unknown(
    answer: bytes, cause: str | None
) -> None:
    """Each of them may come after the money moved."""
    error = await error_for(answer)

    assert isinstance(error, PaymentUnknown)
    assert error.code == "payment-unknown"
    assert cause in {None, error.cause}


async def test_silence_leaves_the_outcome_unknown() -> None:
    """A timeout is not a no."""
    error = await error_for(None, timeout_seconds=0.2)

    assert isinstance(error, PaymentUnknown)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7),
        ("Retry-After: 999999", 60),
        ("Retry-After: soon", 1),
        ("X-None: 1", 1),
    ],
)
async def test_throttling_says_when_to_come_back(header: str, seconds: float) -> None:
    """Within reason, whatever the header says."""
    error = await error_for(reply(429, PROSE % ("invalid_request_error", "rate_limit"), header))

    assert isinstance(error, PaymentThrottled)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_accepted_is_misconfigured(status: int) -> None:
    """Not a refusal of the payment."""
    error = await error_for(reply(status, PROSE % ("invalid_request_error", "")))

    assert isinstance(error, PaymentMisconfigured)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("card_declined", "card_declined"), (CUSTOMER, "card_error"), ("", "card_error")],
)
async def test_only_codes_get_through(code: str, expected: str) -> None:
    """Whatever does not look like a code is prose, and prose may name a customer."""
    error = await error_for(reply(402, PROSE % ("card_error", code)))

    assert isinstance(error, PaymentRefused)
    assert error.code == expected
