"""kill -9 while a camera sends: what was acknowledged as persisted is there, and what was not complete is not."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus.engines.matroska import INFO, TIMESTAMP_SCALE, TRACKS, cluster, element

from .process import SIGNED_BY, Process

EBML = element(0x1A45DFA3, element(0x4282, b"matroska"))
BEGINNING = (
    EBML
    + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
    + element(INFO, element(TIMESTAMP_SCALE, (1_000_000).to_bytes(4, "big")))
    + element(TRACKS, element(0xAE, element(0xD7, b"\x01") + element(0x83, b"\x01") + element(0x86, b"V_TEST")))
)
PICTURE = 50_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def fragment(at: int) -> bytes:
    return cluster(at, element(0xA3, b"\x81\0\0\x80" + bytes([at % 251]) * PICTURE))


def ask(server: Process, path: str, **members: object) -> bytes:
    connection = server.client().http
    signed = {"Authorization": SIGNED_BY.format(service="kinesisvideo"), "X-Amz-Date": "20260101T000000Z"}
    connection.request("POST", path, json.dumps(members), signed)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, body
    return body


def begun(server: Process) -> http.client.HTTPConnection:
    connection = server.client().http
    connection.putrequest("POST", "/putMedia")
    for name, value in {
        "Authorization": SIGNED_BY.format(service="kinesisvideo"),
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD",
        "x-amzn-stream-name": "cam",
        "x-amzn-fragment-timecode-type": "ABSOLUTE",
        "Transfer-Encoding": "chunked",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def send(to: socket.socket, data: bytes) -> None:
    to.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def test_what_was_persisted_survives(server: Process) -> None:
    ask(server, "/createStream", StreamName="cam", DataRetentionInHours=24)
    persisted: dict[str, int] = {}
    at = 0
    for _ in range(2):
        connection = begun(server)
        assert connection.sock
        camera = connection.sock.dup()  # the connection's own is closed with the head of an answer that comes so soon
        send(camera, BEGINNING + fragment(at))
        answer = connection.getresponse()
        for _ in range(3):
            name = acknowledged(answer)
            persisted[name] = at
            at += 1000
            send(camera, fragment(at)[:1000])
            if len(persisted) % 3:
                send(camera, fragment(at)[1000:])
        server.kill()
        server.start()
        listed = json.loads(ask(server, "/listFragments", StreamName="cam"))["Fragments"]
        assert {one["FragmentNumber"]: round(one["ProducerTimestamp"] * 1000) for one in listed} == persisted
        for name, time in persisted.items():
            read = ask(server, "/getMediaForFragmentList", StreamName="cam", Fragments=[name])
            assert bytes([time % 251]) * PICTURE in read


def acknowledged(answer: http.client.HTTPResponse) -> str:
    """The number of the next fragment that is persisted."""
    while True:
        said = json.loads(answer.readline())
        if said["EventType"] == "PERSISTED":
            number: str = said["FragmentNumber"]
            return number
