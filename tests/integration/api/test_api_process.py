"""The API as a process: its settings, its signals, and what it writes to its log."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from dev.ports import free_port
from dev.postgres import DatabaseUrls
from tests.integration.api.front_door import TOKEN_SECRET, WEBHOOK_SECRET, bearer, lines
from tests.processes import ran
from tests.warm import WarmProcess

NEEDED = {
    "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
    "ONHAND_TOKEN_SECRET": TOKEN_SECRET,
    "ONHAND_RESERVATION_TOKEN_KEYS": "k1:a-key",
}


def environment(**settings: str) -> dict[str, str]:
    """Start from what a process needs, without settings of whoever runs the tests."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return bare | NEEDED | settings


@contextmanager
def serving(log: Path, port: int, **settings: str) -> Iterator[WarmProcess]:
    """Run the API until the block ends."""
    process = WarmProcess(
        ["api"],
        environment=environment(ONHAND_API_PORT=str(port), **settings),
        stdout=log,
        stderr=log,
    )
    try:
        _wait_until_alive(port, process)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_alive(port: int, process: WarmProcess) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/healthz")
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the API did not come up")


def test_it_serves_while_temporal_is_away_and_ends_well(
    api_database: DatabaseUrls, tmp_path: Path
) -> None:
    """Reads and orders are answered; SIGTERM ends it with 0; its log names no customer and no token."""
    port, log = free_port(), tmp_path / "api.log"
    settings = {
        "DATABASE_URL": api_database.application_url,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    with (
        serving(log, port, **settings) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        body = {"title": "A lamp", "price_minor": 1, "currency": "EUR"}
        put = http.put("/products/PROCESS", json=body, headers=bearer("stock:write"))
        order = http.post(
            "/checkouts",
            json={"customer_id": "CLARA", "lines": lines(PROCESS=1)},
            headers=bearer("checkout") | {"Idempotency-Key": "process-key"},
        )
        chunks = (b" " * 1_024 for _ in range(65))
        large = http.post(
            "/checkouts?customer=CLARA",
            content=chunks,
            headers=bearer("checkout")
            | {"Idempotency-Key": "x", "Content-Type": "application/json"},
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    assert [put.status_code, order.status_code, large.status_code] == [201, 202, 413]
    written = log.read_text()
    assert '"event": "request"' in written
    assert all(word not in written for word in ("CLARA", "Bearer", "process-key", "lamp", "eyJ"))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://localhost/x", "ONHAND_TOKEN_SECRET": ""}, "ONHAND_TOKEN_SECRET"),
        ({"DATABASE_URL": "postgresql://localhost/x", "ONHAND_TOKEN_SECRET": "short"}, "32 bytes"),
    ],
    ids=["no database", "empty secret", "short secret"],
)  # fmt: skip
def test_settings_that_will_not_do_end_it_with_one_sentence(
    settings: dict[str, str], named: str
) -> None:
    """Exit code 2, the variable's name, no value and no traceback."""
    ended = ran("api", environment=environment(**settings), cold=not settings)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
