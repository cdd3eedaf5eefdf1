"""What a change means to a warehouse: work that comes, and work that is done. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ledger.stock import MovementKind, Pile
from projections.changes import Change, Row, UncountableError


class Task(StrEnum):
    """What is to be done with units that lie in a warehouse."""

    PICK = "pick"
    INSPECT = "inspect"


_TASK_OF = {Pile.SOLD: Task.PICK, Pile.RETURNED: Task.INSPECT}

TaskKey = tuple[str, str, Task, str]
"""sku, location, task, and the id of the order or the return."""

TransferKey = tuple[str, str]
"""Transfer and sku."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Units that wait for their task, and since when any of these did."""

    quantity: int
    since: datetime


@dataclass(slots=True)
class Travelling:
    """What changes told of a transfer's sku: units that left, and when; units that arrived."""

    sent: int = 0
    received: int = 0
    since: datetime | None = None


@dataclass(slots=True)
class Additions:
    """What changes come to. A task that is None is done."""

    tasks: dict[TaskKey, Waiting | None] = field(default_factory=dict)
    transfers: dict[TransferKey, Travelling] = field(default_factory=dict)
    lost: set[Row] = field(default_factory=set)
    """Rows from which something was sent and got lost: a change does not say of which transfer."""


def tasks_of(changes: Iterable[Change]) -> set[TaskKey]:
    """Name the tasks that these changes touch."""
    return {
        _key(change, pile)
        for change in changes
        for pile in (change.source, change.target)
        if pile in _TASK_OF
    }


def added(changes: Iterable[Change], before: Mapping[TaskKey, Waiting]) -> Additions:
    """Add changes to the tasks they touch, those of a row in their order.

    Whatever takes units into `sold` or `returned`, or out of there, is counted, and no kind by its name.
    Raises UncountableError where more is done than there was.
    """
    additions = Additions(tasks=dict(before))
    for change in changes:
        if change.source in _TASK_OF:
            _less(additions, change, change.source)
        if change.target in _TASK_OF:
            _more(additions, change, change.target)
        if change.kind is MovementKind.TRANSFER:
            _travel(additions, change)
        if change.kind is MovementKind.LOSE:
            additions.lost.add(change.row)
    return additions


def _more(additions: Additions, change: Change, pile: Pile) -> None:
    key = _key(change, pile)
    waiting = additions.tasks.get(key)
    if waiting is None:
        additions.tasks[key] = Waiting(change.quantity, change.occurred_at)
    else:
        additions.tasks[key] = Waiting(waiting.quantity + change.quantity, waiting.since)


def _less(additions: Additions, change: Change, pile: Pile) -> None:
    key = _key(change, pile)
    waiting = additions.tasks.get(key)
    left = (waiting.quantity if waiting else 0) - change.quantity
    if waiting is None or left < 0:
        raise UncountableError("more-done-than-waited", change.name)
    additions.tasks[key] = Waiting(left, waiting.since) if left else None


def _travel(additions: Additions, change: Change) -> None:
    """Count what leaves for another warehouse, and what arrives there. A return that travels is nobody's to receive."""
    if (change.source, change.target) == (Pile.SELLABLE, Pile.TRANSIT):
        travelling = additions.transfers.setdefault((change.cause_id, change.sku), Travelling())
        travelling.sent += change.quantity
        travelling.since = change.occurred_at
    if (change.source, change.target) == (Pile.TRANSIT, Pile.SELLABLE):
        if change.refers_to is None:
            raise UncountableError("transfer-unknown", change.name)
        travelling = additions.transfers.setdefault((change.refers_to, change.sku), Travelling())
        travelling.received += change.quantity


def _key(change: Change, pile: Pile) -> TaskKey:
    task = _TASK_OF[pile]
    if task is Task.PICK:
        name = change.order_id
    else:
        name = change.cause_id if change.cause_kind == "return" else change.refers_to
    if name is None:
        raise UncountableError(
            "order-unknown" if task is Task.PICK else "return-unknown", change.name
        )
    return change.sku, change.location, task, name
