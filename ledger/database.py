"""Connections to the ledger's database: the driver, the role, and the limits on waiting."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

APPLICATION_ROLE = "onhand_application"
"""Taken on every connection: whoever logs in, the running code may not rewrite a movement."""

_SESSION = {
    # A prepared statement's plan may be kept for good. One made while the tables were empty reads
    # them from end to end, and goes on doing so when they have grown: a hot sku lost two thirds of
    # its rate within six thousand reservations.
    "plan_cache_mode": "force_custom_plan",
    "role": APPLICATION_ROLE,
    "timezone": "UTC",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}


def driver_url(url: str) -> URL:
    """Read a plain postgresql:// address and name psycopg as its driver."""
    return make_url(url).set(drivername="postgresql+psycopg")


def engine(database_url: str, *, pool_size: int = 10, name: str = "onhand") -> AsyncEngine:
    """Open a pool of application connections. Nothing is connected until it is used.

    The pool waits at most two seconds for a free connection and then raises TimeoutError: a caller
    told to come back is better off than one in an endless queue.
    """
    options = " ".join(f"-c {key}={value}" for key, value in _SESSION.items())
    return create_async_engine(
        driver_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_pre_ping=False,
        connect_args={"options": options, "application_name": name, "connect_timeout": 5},
    )
