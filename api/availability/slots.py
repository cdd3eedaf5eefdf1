"""Who has a stream open: so many in the process, and so many from one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class FullError(Exception):
    """As many listen as may, or the process is about to end."""


class CrowdedError(Exception):
    """As many listen from this address as may from one."""


class StreamSlots:
    """Counts streams while they are open. `most_per_address` of 0 is no limit of that kind."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self.most = most
        self.most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._by_address.total()

    @contextmanager
    def taken(self, whose: str) -> Iterator[None]:
        """Have one for the time of a block, however that ends. Raises CrowdedError, FullError."""
        if 0 < self.most_per_address <= self._by_address[whose]:
            raise CrowdedError
        if len(self) >= self.most:
            raise FullError
        self._by_address[whose] += 1
        try:
            yield
        finally:
            self._by_address[whose] -= 1
            if not self._by_address[whose]:
                # Addresses come and go without end.
                del self._by_address[whose]
