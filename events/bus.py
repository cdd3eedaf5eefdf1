"""The bus as the relay sees it: a narrow border, so that another broker is one more file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from events.envelope import Message


class BusAway(Exception):
    """The bus cannot be had, or has not said that it stored anything. `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Bus(Protocol):
    """Stores messages durably, in the order in which they come."""

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Say of each whether it is stored for certain. One that is not may be stored all the same.

        Raises BusAway where none was sent.
        """

    async def close(self) -> None:
        """Let go of it."""
