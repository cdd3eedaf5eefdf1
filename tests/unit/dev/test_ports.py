"""Ports are kept while they are free, and moved when they are not."""

from __future__ import annotations

import socket

from dev.ports import RANGE, PortClaims, choose_ports, free_port, is_free


def test_a_port_with_a_listener_is_not_free() -> None:
    """Whatever address the listener has."""
    for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - the point of the test
        with socket.create_server((address, 0)) as taken:
            assert not is_free(taken.getsockname()[1])


def test_a_kept_port_wins_over_the_preferred_one() -> None:
    """Bookmarks and tokens of yesterday still fit."""
    kept = free_port()
    assert choose_ports({"api": free_port({kept})}, {"api": kept}) == {"api": kept}


def test_a_taken_port_gives_way_to_another() -> None:
    """A second stack on the machine must start too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = choose_ports({"api": port}, {"api": port})["api"]
    assert chosen != port
    assert chosen in RANGE


def test_two_names_never_share_a_port() -> None:
    """Even where the state was edited by hand."""
    port = free_port()
    chosen = choose_ports({"api": port, "temporal_ui": port}, {"temporal": port})
    assert len(set(chosen.values())) == len(chosen)


def test_ports_stay_below_those_of_outgoing_connections() -> None:
    """A client that retries from such a port can connect to itself and keep the server out."""
    assert all(free_port() < 32_768 for _ in range(20))


def test_a_claimed_port_is_nobody_elses_until_it_is_given_back() -> None:
    """Whoever claimed it may listen there meanwhile, or not yet."""
    port = free_port()
    with PortClaims() as ada, PortClaims() as bob:
        assert ada.take(port)
        assert ada.take(port)
        assert not bob.take(port)
        with socket.create_server(("127.0.0.1", port)):
            assert not bob.take(port)
    with PortClaims() as eve:
        assert eve.take(port)


def test_a_port_with_a_listener_cannot_be_claimed() -> None:
    """Programs that are not ours claim nothing."""
    with PortClaims() as ada, socket.create_server(("127.0.0.1", 0)) as taken:
        assert not ada.take(taken.getsockname()[1])
