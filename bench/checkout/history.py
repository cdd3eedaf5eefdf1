"""The history of a paid checkout: each event, how large it is stored, and who reads it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

PREFIX = "EVENT_TYPE_"
ENGINE = "the engine: no task without it"
READERS = {
    "workflow_execution_started": "replay: the input; operators: summary, skus and stage in the list",
    "workflow_task_scheduled": ENGINE,
    "workflow_task_started": ENGINE + "; replay: the workflow's clock",
    "workflow_task_completed": "replay: which commands were of one decision, and the SDK's flags",
    "workflow_execution_update_accepted decision": "replay: the caller who waits for the answer",
    "workflow_execution_update_completed decision": "a POST that is repeated; operators: what was answered",
    "activity_task_scheduled reserve_stock": "replay; operators: the step, its summary, its policy",
    "activity_task_started": "operators: attempts, the last failure, and which worker",
    "activity_task_completed": "replay: what the step found; operators: how long it took",
    "upsert_workflow_search_attributes awaiting_payment": "operators: who waits for money, and until when",
    "timer_started": "the engine: the end of the hold; operators: the TTL in the time line",
    "workflow_execution_signaled payment_event": "replay: the hint; operators: which webhook came, and when",
    "timer_canceled": "the engine: no wake-up for a hold that is sold",
    "activity_task_scheduled accept_payment": "replay; operators: the step, its summary, its policy",
    "upsert_workflow_search_attributes confirmed": "operators: how checkouts ended, by count and by search",
    "workflow_execution_completed": "the engine: closed; operators and waiters: the result",
}
"""Who would miss it. An event that nobody reads has no line here, and stops the benchmark."""


_ROW = re.compile(r"^\| \d+ \| `([a-z_ ]+)` \| (\d+) \| (.+) \|$", re.MULTILINE)


class NobodyReadsError(RuntimeError):
    """A history has an event without a reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event: its kind with what tells it from others of its kind, its bytes, and its reader."""

    event: str
    size: int
    reader: str


def told(history: WorkflowHistory) -> list[Told]:
    """Read a history. Raises NobodyReadsError."""
    return [_told(event) for event in history.events]


def kinds(history: WorkflowHistory) -> list[int]:
    """Give the bare kinds, to compare histories by shape."""
    return [event.event_type for event in history.events]


def page_of(events: list[Told]) -> str:
    """Write the table of docs/bench.md."""
    rows = [
        f"| {number} | `{one.event}` | {one.size} | {one.reader} |"
        for number, one in enumerate(events, start=1)
    ]
    return "\n".join(["| | event | bytes | who reads it |", "|---|---|---|---|", *rows])


def read_page(page: str) -> list[Told]:
    """Read the table back out of a page."""
    return [
        Told(event=event, size=int(size), reader=reader)
        for event, size, reader in _ROW.findall(page)
    ]


def _told(event: HistoryEvent) -> Told:
    kind = EventType.Name(event.event_type).removeprefix(PREFIX).lower()
    name = " ".join((kind, *_detail(event)))
    reader = READERS.get(name)
    if reader is None:
        raise NobodyReadsError(name)
    return Told(event=name, size=event.ByteSize(), reader=reader)


def _detail(event: HistoryEvent) -> tuple[str, ...]:
    match event.WhichOneof("attributes"):
        case "activity_task_scheduled_event_attributes":
            return (event.activity_task_scheduled_event_attributes.activity_type.name,)
        case "workflow_execution_signaled_event_attributes":
            return (event.workflow_execution_signaled_event_attributes.signal_name,)
        case "workflow_execution_update_accepted_event_attributes":
            accepted = event.workflow_execution_update_accepted_event_attributes
            return (accepted.accepted_request.input.name,)
        case "workflow_execution_update_completed_event_attributes":
            return (event.workflow_execution_update_completed_event_attributes.meta.update_id,)
        case "upsert_workflow_search_attributes_event_attributes":
            shown = event.upsert_workflow_search_attributes_event_attributes.search_attributes
            return (_text(shown.indexed_fields["CheckoutStage"]),)
    return ()


def _text(payload: Payload) -> str:
    return str(json.loads(payload.data))
