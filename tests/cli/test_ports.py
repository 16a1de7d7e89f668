"""Who listens on a port."""

from __future__ import annotations

import os
import socket

import pytest

from pileus.cli import ports


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_owner_of_a_port_is_found(family: socket.AddressFamily, host: str) -> None:
    try:
        listening = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    port = listening.getsockname()[1]
    owner = ports.owner(port)
    assert owner
    assert owner.pid == os.getpid()
    assert owner.command
    listening.close()
    assert ports.owner(port) is None


def test_a_connection_is_not_taken_for_a_listener() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, socket.create_connection(listening.getsockname()) as client:
        assert ports.owner(client.getsockname()[1]) is None


def test_the_next_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert ports.free(port - 1) > port
