"""The kinds of rows that promise a workflow: where they are read, who keeps the promise, and how it is started.

A kind is one line in `worker.main`: rows of whatever table, the ids of the workflows of which any one is
enough, and what starts one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from temporalio.client import Client

from ledger.promises import Promises
from worker.starting import Starter, keepers_of
from workflows.starting_refunds import cancellation_id, refunds_id


class PromisingRow(Protocol):
    """A row of which somebody must take care, and for how long nothing has happened to it."""

    @property
    def id(self) -> str:
        """What names it among rows of its kind."""

    @property
    def age(self) -> timedelta:
        """How long ago it was last written."""


class Rows(Protocol):
    """Reads such rows: a page after an id, in the order of ids, or only one."""

    def __call__(
        self, grace: timedelta, *, after: str = "", only: str | None = None
    ) -> Awaitable[Sequence[Any]]:
        """List rows that still promise a workflow and were left alone for longer than the grace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One kind of row. `start` says what it has started: one word, a metric's label."""

    name: str
    rows: Rows
    keepers: Callable[[str], tuple[str, ...]]
    start: Callable[[Client, Any], Awaitable[str]]


def _keepers(checkout_id: str) -> tuple[str, ...]:
    """Beside those who tell the story: whoever gives its money back."""
    return (*keepers_of(checkout_id), cancellation_id(checkout_id), refunds_id(checkout_id))


def checkouts(promises: Promises, starter: Starter) -> Promise:
    """Checkouts whose stock or money is not at rest."""
    return Promise(
        name="checkout",
        rows=promises.open_checkouts,
        keepers=_keepers,
        start=starter.checkout,
    )
