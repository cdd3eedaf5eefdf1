"""Ports on the loopback address: chosen once, kept across starts, and moved only when somebody took one."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
RANGE = range(20_000, 30_000)
"""Below the ports that systems give to outgoing connections. From those, a client that retries while
its server restarts can be given the very port it calls, connect to itself, and keep the server out."""
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


class PortClaims:
    """Ports that a stack is going to listen on: nobody else who claims can have them until the block ends.

    Between the choice of a port and the start of its server lies a while, in which another stack would find
    it free. So each is claimed by a socket of the other kind, UDP, which none of our servers uses: the
    kernel gives it to one only, and takes it back however its holder ends.
    """

    def __init__(self) -> None:
        self._held = ExitStack()
        self._ports: set[int] = set()

    def __enter__(self) -> Self:
        """Begin without any."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give all back."""
        self._held.close()

    def take(self, port: int) -> bool:
        """Claim a port; tell whether it is ours and a server could listen there."""
        if port in self._ports:
            return True
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((HOST, port))
        except OSError:
            claim.close()
            return False
        if not is_free(port):
            claim.close()
            return False
        self._held.callback(claim.close)
        self._ports.add(port)
        return True


def free_port(avoid: Collection[int] = (), take: Callable[[int], bool] = is_free) -> int:
    """Find a port nobody listens on, outside `avoid`, that can be taken."""
    # From the system: two test runs of one seed must not walk through the same ports.
    for port in random.SystemRandom().sample(RANGE, ATTEMPTS):
        if port not in avoid and take(port):
            return port
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if take(port):
            return port


def choose_ports(
    preferred: Mapping[str, int | None],
    kept: Mapping[str, int],
    take: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Choose a free port for every name: the kept one, else the preferred one, else any that can be taken."""
    chosen: dict[str, int] = {}
    for name, wish in preferred.items():
        wishes = (kept.get(name), wish)
        chosen[name] = next(
            (port for port in wishes if port and port not in chosen.values() and take(port)),
            0,
        ) or free_port(chosen.values(), take)
    return chosen
