"""For whom something is done: the trace of a request, which every event that it causes takes along.

The ledger carries it as it is, and knows nothing of what makes or reads it.
"""

from __future__ import annotations

from contextvars import ContextVar

TRACEPARENT: ContextVar[str | None] = ContextVar("onhand_traceparent", default=None)
"""What is done here is done for this trace: W3C's `traceparent` in version 00, or None. Set at the edges."""
