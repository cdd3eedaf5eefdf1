"""Every event of a history has a reader, or the benchmark stops."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from bench.checkout.history import READERS, NobodyReadsError, Told, page_of, read_page, told


def history(*events: HistoryEvent) -> WorkflowHistory:
    """Make a history of these events."""
    return WorkflowHistory("checkout/co_lamp", list(events))


def scheduled(step: str) -> HistoryEvent:
    """Make the event of a step that is to be done."""
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    event.activity_task_scheduled_event_attributes.activity_type.name = step
    return event


def test_an_event_is_told_by_what_it_is_about() -> None:
    """With its bytes and its reader."""
    event = scheduled("reserve_stock")
    name = "activity_task_scheduled reserve_stock"
    assert told(history(event)) == [Told(event=name, size=event.ByteSize(), reader=READERS[name])]


@pytest.mark.parametrize(
    "event",
    [
        scheduled("count_the_stars"),
        HistoryEvent(event_type=EventType.EVENT_TYPE_MARKER_RECORDED),
    ],
)
def test_an_event_that_nobody_reads_stops_the_benchmark(event: HistoryEvent) -> None:
    """A new step, or a new kind of event, must name its reader."""
    with pytest.raises(NobodyReadsError):
        told(history(scheduled("reserve_stock"), event))


def test_a_page_is_read_as_it_was_written() -> None:
    """Else what is compared with the page could be nothing."""
    events = [
        Told(event=event, size=number, reader=reader)
        for number, (event, reader) in enumerate(READERS.items(), start=1)
    ]
    assert read_page(f"before\n\n{page_of(events)}\n\nafter") == events
