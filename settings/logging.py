"""What a log line may hold, the same in every process: ids, codes and numbers under known names."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        "attempt",
        "attempts",
        "callers",
        "checkout_id",
        "code",
        "constraint",
        "count",
        "document_id",
        "duration_ms",
        "error",
        "event",
        "event_id",
        "frames",
        "generation",
        "host",
        "interval_seconds",
        "kind",
        "level",
        "location",
        "loop",
        "logger",
        "method",
        "missing",
        "outcome",
        "payment_intent",
        "port",
        "position",
        "projection",
        "reservation_id",
        "route",
        "sku",
        "sqlstate",
        "status",
        "step",
        "subject",
        "task_queue",
        "timestamp",
        "version",
        "workflow_id",
    }
)
"""Everything else is dropped: a name that is not here may carry a customer, a token or a request's body."""

Event = MutableMapping[str, Any]


def configure(level: str, log_format: str) -> None:
    """Send our own and the libraries' logs to stderr, as JSON lines or as text for a terminal.

    Of a library's record only the logger's name, its level and its message template are kept:
    arguments and tracebacks may quote what a customer sent.
    """
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _only_allowed,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    foreign = structlog.stdlib.ProcessorFormatter(
        processors=[_template, *shared, renderer], keep_exc_info=False
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(foreign)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def frames(error: BaseException) -> list[str]:
    """Name where an error came from, innermost last, without its text: that may quote its input."""
    found = []
    step = error.__traceback__
    while step is not None:
        found.append(f"{step.tb_frame.f_code.co_qualname}:{step.tb_lineno}")
        step = step.tb_next
    return found[-12:]


def _only_allowed(_logger: Any, _method: str, event: Event) -> Event:
    return {name: value for name, value in event.items() if name in ALLOWED}


def _template(_logger: Any, _method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    # The first line alone: below it, asyncio writes an exception out with all that it holds.
    kept: Event = {"event": str(record.msg).partition("\n")[0], "logger": record.name}
    if record.exc_info and record.exc_info[1] is not None:
        kept["error"] = type(record.exc_info[1]).__name__
        kept["frames"] = frames(record.exc_info[1])
    return kept
