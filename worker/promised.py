"""The kinds of rows that promise a workflow: where they are read, who keeps the promise, and how it is started.

A kind is one entry of `promised`: rows of whatever table, the ids of the workflows of which any one is
enough, and what starts one. What nobody has taken up, since whoever wrote it died before it asked the engine,
is found by that, and so is what lost its workflow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from temporalio.client import Client

from ledger.promises import Promises
from worker.starting import Starter, keepers_of, payer_of
from workflows.starting_refunds import return_workflow_id


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
    keepers: Callable[[Any], tuple[str, ...]]
    start: Callable[[Client, Any], Awaitable[str]]


def promised(promises: Promises, starter: Starter) -> tuple[Promise, ...]:
    """Every kind there is."""
    return (
        checkouts(promises, starter),
        debts(promises, starter),
        returns(promises, starter),
    )


def checkouts(promises: Promises, starter: Starter) -> Promise:
    """Checkouts whose stock or money is not at rest."""
    return Promise(
        name="checkout",
        rows=promises.open_checkouts,
        keepers=lambda row: keepers_of(row.checkout_id),
        start=starter.checkout,
    )


def debts(promises: Promises, starter: Starter) -> Promise:
    """Debts to customers, but for those that a checkout's own workflow pays."""
    return Promise(
        name="debt",
        rows=promises.open_debts,
        keepers=lambda row: (payer_of(row),),
        start=starter.debt,
    )


def returns(promises: Promises, starter: Starter) -> Promise:
    """Whatever came back and is not inspected yet."""
    return Promise(
        name="return",
        rows=promises.open_returns,
        keepers=lambda row: (return_workflow_id(row.return_id),),
        start=starter.returned,
    )
