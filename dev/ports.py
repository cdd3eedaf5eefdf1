"""Ports on the loopback address: chosen once, kept across starts, and moved only when somebody took one."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Mapping

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


def free_port(avoid: Collection[int] = ()) -> int:
    """Find a port nobody listens on, outside `avoid`."""
    # From the system: two test runs of one seed must not walk through the same ports.
    for port in random.SystemRandom().sample(RANGE, ATTEMPTS):
        if port not in avoid and is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def choose_ports(preferred: Mapping[str, int | None], kept: Mapping[str, int]) -> dict[str, int]:
    """Choose a free port for every name: the kept one, else the preferred one, else any."""
    chosen: dict[str, int] = {}
    for name, wish in preferred.items():
        wishes = (kept.get(name), wish)
        chosen[name] = next(
            (port for port in wishes if port and port not in chosen.values() and is_free(port)),
            0,
        ) or free_port(chosen.values())
    return chosen
