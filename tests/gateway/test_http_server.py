"""The server as a whole: its port, its patience with clients, its end."""

from __future__ import annotations

import asyncio
import http.client
import socket

import pytest

from pileus.gateway.entrance import Entrance
from pileus.gateway.http import Server
from pileus.gateway.message import Response
from pileus.kernel.call import Passage

from .listening import GET, Client, Scripted, ask, listening, until


@listening()
async def test_silent_and_slow_clients_hold_nobody_up(app: Scripted, server: Server) -> None:
    silent = [await Client.connect(server) for _ in range(50)]
    slow = [await Client.connect(server) for _ in range(50)]
    for client in slow:
        client.send("G")
    assert (await ask(server, GET.format("/"))).status == 200
    for client in silent + slow:
        client.send("GET / HTTP/1.1\r\nHost: cloud\r\n\r\n"[client in slow :])
        assert (await client.answer()).status == 200


@listening()
async def test_closing_lets_finish_what_is_under_way(app: Scripted, server: Server) -> None:
    idle, busy = await Client.connect(server), await Client.connect(server)
    idle.send(GET.format("/"))
    assert (await idle.answer()).status == 200
    busy.send(GET.format("/late"))
    await until(lambda: app.replies)
    closing = asyncio.ensure_future(server.close(10))
    assert await idle.ended()
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(server)
    app.replies[0](Response(200, [], b"done"))
    answer = await busy.answer()
    assert (answer.body, answer["connection"]) == (b"done", "close")
    assert await busy.ended()
    await closing


@listening()
async def test_closing_waits_no_longer_than_its_grace(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/poll"))
    await until(lambda: app.replies)
    await server.close(0.05)
    assert await client.ended()
    assert app.events == ["gone"]


@listening()
async def test_a_port_that_is_taken(app: Scripted, server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        await Server.start(app, port=server.port)


@listening()
async def test_every_address_of_a_host_on_one_port(app: Scripted, server: Server) -> None:
    other = await Server.start(app, "localhost", 0)
    reader, writer = await asyncio.open_connection("localhost", other.port)
    writer.write(GET.format("/").encode())
    assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
    await other.close(0)


@listening()
async def test_pythons_own_client(app: Scripted, server: Server) -> None:
    def talk() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for body in (b"one", b"two" * 100_000):
            connection.request("POST", "/echo", body=body)
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, body)
        connection.request("PUT", "/echo", body=iter([b"a", b"b"]), encode_chunked=True)
        assert connection.getresponse().read() == b"ab"
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/count")
        assert connection.getresponse().read() == b"one two three"
        connection.close()

    await asyncio.to_thread(talk)


@listening()
async def test_a_socket_that_is_brought_along_is_served_and_its_requests_say_where_they_came_from(
    app: Scripted, server: Server
) -> None:
    brought = socket.create_server(("127.0.0.1", 0))
    brought.setblocking(False)
    other = Server.at(Entrance(app, lambda: Passage("vpce-1", "vpc-1")), brought)
    client = await Client.connect(other)
    client.send(GET.format("/"))
    assert (await client.answer()).status == 200
    assert app.answered[-1].passage == Passage("vpce-1", "vpc-1")
    assert (await ask(server, GET.format("/"))).status == 200
    assert app.answered[-1].passage is None
    other.abort()
    assert await client.ended()
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(other)
