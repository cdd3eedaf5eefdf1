"""Connections to the ledger's database: the driver, the role, and the limits on waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


class Role(StrEnum):
    """Taken on every connection: whoever logs in, the running code may do no more than it needs."""

    APPLICATION = "onhand_application"
    """Posts commands and asks questions; may not rewrite a movement."""
    WEBHOOK = "onhand_webhook"
    """Stores the provider's events, and sees nothing else."""
    RELAY = "onhand_relay"
    """Carries what waits in the outbox, and marks it."""
    PROJECTIONS = "onhand_projections"
    """Keeps the noticeboards, and reads the ledger for them."""
    READ = "onhand_read"
    """Sees everything but secrets, and writes nothing."""


_SESSION = {
    # A plan may be kept for good. One made while the tables were empty reads them from end to end, and
    # goes on doing so when they have grown: a hot sku lost two thirds of its rate within six thousand
    # reservations. Planned anew each time, the checks of foreign keys alone cost a fifth of the server's
    # time. So plans are kept, but may only be such as are right at any size: from key to key by an index.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "timezone": "UTC",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}

_PATIENTLY = {
    "enable_seqscan": "on",
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_isolation": r"repeatable\ read",
    "default_transaction_read_only": "on",
}
"""Whoever reads everything takes as long as it takes, and sees one moment."""


_PREPARED_AFTER = 2
"""Executions after which the driver prepares a statement on the server: the ledger's are few and come again."""


def driver_url(url: str) -> URL:
    """Read a plain postgresql:// address and name psycopg as its driver."""
    return make_url(url).set(drivername="postgresql+psycopg")


def engine(
    database_url: str,
    *,
    pool_size: int = 10,
    name: str = "onhand",
    role: Role = Role.APPLICATION,
) -> AsyncEngine:
    """Open a pool of connections that act as `role`. Nothing is connected until it is used.

    The pool waits at most two seconds for a free connection and then raises TimeoutError: a caller
    told to come back is better off than one in an endless queue.
    """
    return create_async_engine(
        driver_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_pre_ping=False,
        # An error's text must not carry what was stored: a note may name a customer.
        hide_parameters=True,
        connect_args={
            "options": _options(role, _SESSION),
            "application_name": name,
            "connect_timeout": 5,
            "prepare_threshold": _PREPARED_AFTER,
        },
    )


def plain_url(url: str) -> str:
    """Give the address as the driver itself takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def snapshot(database_url: str, *, name: str = "onhand") -> Iterator[psycopg.Connection[TupleRow]]:
    """Look at one moment of the whole ledger, as the role that only reads, for as long as it takes.

    Raises psycopg.Error where the database cannot be had.
    """
    options = _options(Role.READ, _SESSION | _PATIENTLY)
    with psycopg.connect(
        plain_url(database_url), options=options, application_name=name, connect_timeout=5
    ) as connection:
        yield connection


def _options(role: Role, session: dict[str, str]) -> str:
    return " ".join(f"-c {key}={value}" for key, value in {"role": role, **session}.items())
