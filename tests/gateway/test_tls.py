"""TLS by certificates of our own making, on the port of plain HTTP and on its own."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from pileus.gateway import tls
from pileus.gateway.http import Server
from pileus.gateway.message import Response
from pileus.gateway.tls import Certificates

from .listening import GET, Client, Scripted, ask, listening, until
from .test_http2 import Http2Client

DIRECTORY = tempfile.TemporaryDirectory()


def certificates() -> Certificates:
    return Certificates(Path(DIRECTORY.name))


def trusting(authority: Path, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@listening(certificates=certificates)
async def test_plain_and_tls_on_one_port(app: Scripted, server: Server) -> None:
    context = trusting(certificates().authority)
    for name in ("localhost", "s3.localhost", "127.0.0.1"):
        client = await Client.connect(server, ssl=context, server_hostname=name)
        client.send(GET.format("/"))
        assert (await client.answer()).body == b"hello"
        assert app.answered[-1].scheme == "https"
        client.close()
    assert (await ask(server, GET.format("/"))).body == b"hello"
    assert app.answered[-1].scheme == "http"


@listening(certificates=certificates)
async def test_every_name_has_its_certificate(app: Scripted, server: Server) -> None:
    context = trusting(certificates().authority)
    for name in ("bucket.s3.localhost", "sqs.us-east-1.amazonaws.com", "SQS.Us-East-1.amazonaws.com", "a_b.example"):
        client = await Client.connect(server, ssl=context, server_hostname=name)
        certificate = client.writer.get_extra_info("peercert")
        assert certificate["subjectAltName"] == (("DNS", name.lower()),)
        client.close()


@listening(certificates=certificates)
async def test_who_does_not_trust_the_authority_does_not_connect(app: Scripted, server: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await Client.connect(server, ssl=ssl.create_default_context(), server_hostname="localhost")
    await until(lambda: not server.connections)
    assert (await ask(server, GET.format("/"))).status == 200


@listening(certificates=certificates, head_seconds=0.2)
async def test_broken_handshakes_hurt_nobody(app: Scripted, server: Server) -> None:
    broken = [await Client.connect(server) for _ in range(3)]
    broken[0].send(b"\x16\x03\x01\x00\x05rubbish")
    broken[1].send(b"\x16")  # and then nothing
    broken[2].send(b"\x16\x03\x01")
    broken[2].transport.abort()
    assert (await ask(server, GET.format("/"))).status == 200
    for client in broken[:2]:
        await asyncio.wait_for(client.reader.read(), 5)


@listening(certificates=certificates, tls_port=0)
async def test_a_port_for_tls_alone(app: Scripted, server: Server) -> None:
    context = trusting(certificates().authority)
    assert server.tls_port not in (None, server.port)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.tls_port, ssl=context, server_hostname="localhost"
    )
    writer.write(GET.format("/").encode())
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.tls_port)
    writer.write(GET.format("/").encode())
    assert not (await reader.read()).startswith(b"HTTP")


@listening(certificates=certificates)
async def test_http2_is_agreed_upon(app: Scripted, server: Server) -> None:
    context = trusting(certificates().authority, "h2", "http/1.1")
    client = await Http2Client.connect(server, ssl=context, server_hostname="other.example")
    number = client.ask("/echo", method="PUT", end=False)
    await client.send(number, b"x" * 1_000_000)
    assert len((await client.answer(number)).body) == 1_000_000
    assert (app.answered[0].scheme, app.answered[0].http_version) == ("https", "2")
    client.writer.close()


@listening(certificates=certificates)
async def test_a_client_that_goes_is_noticed(app: Scripted, server: Server) -> None:
    context = trusting(certificates().authority)
    for leave in ("close", "abort"):
        client = await Client.connect(server, ssl=context, server_hostname="localhost")
        client.send("GET /poll HTTP/1.1\r\nHost: cloud\r\n\r\n")
        await until(lambda: app.replies)
        getattr(client.transport, leave)()
        await until(lambda: app.events == ["gone"])
        app.replies.pop()(Response(200, [], b"too late"))
        app.events.clear()


@listening(certificates=certificates)
async def test_pythons_own_client(app: Scripted, server: Server) -> None:
    context = trusting(certificates().authority)

    def talk() -> None:
        connection = http.client.HTTPSConnection("localhost", server.port, context=context)
        connection.connect()
        for body in (b"one", b"two" * 1_000_000):
            connection.request("POST", "/echo", body=body)
            assert connection.getresponse().read() == body
        connection.request("POST", "/refuse", body=b"x" * 10_000_000)
        assert connection.getresponse().read() == b"no"
        connection.close()

    await asyncio.to_thread(talk)


# Files


def test_the_authority_is_made_once_and_kept(tmp_path: Path) -> None:
    authority = Certificates(tmp_path / "new" / "tls").authority
    made = authority.read_bytes()
    key = authority.with_name("ca-key.pem")
    assert key.stat().st_mode & 0o777 == 0o600
    assert authority.stat().st_mode & 0o044
    assert Certificates(tmp_path / "new" / "tls").authority.read_bytes() == made
    assert b"PRIVATE" not in made


def test_many_at_once_make_one_authority(tmp_path: Path) -> None:
    found: list[bytes] = []
    makers = [Certificates(tmp_path) for _ in range(8)]
    threads = [threading.Thread(target=lambda m=maker: found.append(m.authority.read_bytes())) for maker in makers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert {file.name for file in tmp_path.iterdir()} == {".lock", "ca.pem", "ca-key.pem", "leaves"}


def test_leaves_are_kept_until_they_are_old_or_the_authority_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaf() -> bytes:
        Certificates(tmp_path).context()
        return (tmp_path / "leaves" / "default.pem").read_bytes()

    first = leaf()
    assert leaf() == first
    now = time.time()
    monkeypatch.setattr("pileus.gateway.tls.time.time", lambda: now + 370 * 86400)
    renewed = leaf()
    assert renewed != first
    (tmp_path / "ca.pem").unlink()
    assert leaf() != renewed
    (tmp_path / "leaves" / "default.pem").write_text("rubbish")
    assert b"PRIVATE KEY" in leaf()


def test_the_kept_leaves_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "KEPT", 3)
    made = Certificates(tmp_path)
    contexts = [made.context_for(f"n{n}.example") for n in range(6)]
    assert made.context_for("n5.example") is contexts[5]
    assert made.context_for("n0.example") is not contexts[0]
    assert len(list((tmp_path / "leaves").glob("name-*"))) == 3


def test_names(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    assert made.context_for("localhost") is made.context()
    assert made.context_for("LocalHost.") is made.context()
    assert made.context_for("b.s3.localhost") is not made.context()
    assert made.context_for("x." * 126 + "y") is not made.context()
    for name in ("", "..", "../../etc/passwd", "a/b", "a b", "-a", "x" * 64, "é.example", "x." * 127 + "y"):
        with pytest.raises(ValueError, match="not a server name"):
            made.context_for(name)
    assert all(file.name.startswith(("default", "name-")) for file in (tmp_path / "leaves").iterdir())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_finds_the_chain_valid(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    made.context()
    leaf = tmp_path / "leaves" / "default.pem"
    for given in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]):
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(made.authority), *given]
        assert subprocess.run([*command, str(leaf)], capture_output=True, check=False, text=True).stdout.endswith(
            "OK\n"
        )
