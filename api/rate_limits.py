"""How often one address may ask what anybody may ask."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from api.problems import Problem

IPV6_NETWORK = 64
"""What one subscriber is given: whoever has it has all addresses in it."""


class PublicLimit:
    """Counts requests by address and purpose, a minute at a time; 0 a minute is no limit."""

    def __init__(self, requests_per_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(requests_per_minute) if requests_per_minute else None
        self._counted = FixedWindowRateLimiter(MemoryStorage()) if requests_per_minute else None

    def count(self, purpose: str, host: str | None) -> None:
        """Count a request. Raises Problem `too-many-requests`."""
        if self._limit is None or self._counted is None:
            return
        whose = whose_address(host)
        if not self._counted.hit(self._limit, purpose, whose):
            ends_at = self._counted.get_window_stats(self._limit, purpose, whose).reset_time
            seconds = max(1, math.ceil(ends_at - time.time()))
            raise Problem("too-many-requests", headers={"Retry-After": str(seconds)})


def whose_address(host: str | None) -> str:
    """Name the one who has an address: of IPv6 the network, of everything else the address."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host or "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address), IPV6_NETWORK), strict=False))
    return str(address)
