"""Session Manager: a terminal on an instance, spoken to as AWS's plugin does."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pileus.services.ssm.channel import ACKNOWLEDGE, CLOSED, INPUT, OUTPUT, Malformed, Message, Payload, unpacked
from pileus.testing.account import Account

from .conftest import until


class Plugin:
    """As much of session-manager-plugin as a conversation takes."""

    def __init__(self, socket: ClientConnection, token: str) -> None:
        self.socket = socket
        self.sent = 0
        self.acknowledged: list[int] = []
        self.shown = ""
        self.closed = False
        opening = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token}
        socket.send(json.dumps(opening | {"ClientId": str(uuid.uuid4()), "ClientVersion": "1.2.650.0"}))

    def say(self, kind: Payload, payload: bytes) -> None:
        self.socket.send(Message(INPUT, payload, kind, self.sent, id=uuid.uuid4()).packed())
        self.sent += 1

    def take(self, seconds: float = 20) -> Message:
        data = self.socket.recv(timeout=seconds)
        assert isinstance(data, bytes)
        message = unpacked(data)
        if message.type == ACKNOWLEDGE:
            self.acknowledged.append(json.loads(message.payload)["AcknowledgedMessageSequenceNumber"])
        elif message.type == OUTPUT:
            told = {"AcknowledgedMessageType": OUTPUT, "AcknowledgedMessageId": str(message.id)}
            with suppress(ConnectionClosed):  # the agent need not wait for it
                self.socket.send(Message(ACKNOWLEDGE, json.dumps(told).encode(), flags=3, id=uuid.uuid4()).packed())
            if message.kind == Payload.OUTPUT:
                self.shown += message.payload.decode()
        self.closed = self.closed or message.type == CLOSED
        return message

    def shake_hands(self) -> None:
        asked = self.take()
        assert asked.kind == Payload.HANDSHAKE_REQUEST
        actions = json.loads(asked.payload)["RequestedClientActions"]
        assert actions[0]["ActionParameters"]["SessionType"] == "Standard_Stream"
        done = [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}]
        answer = {"ClientVersion": "1.2.650.0", "ProcessedClientActions": done, "Errors": []}
        self.say(Payload.HANDSHAKE_RESPONSE, json.dumps(answer).encode())
        while self.take().kind != Payload.HANDSHAKE_COMPLETE:
            pass

    def expect(self, text: str) -> None:
        while text not in self.shown:
            self.take()


@contextmanager
def session(aws: Account, node: str, **more: Any) -> Iterator[Plugin]:
    told = aws.client("ssm").start_session(Target=node, **more)
    with connect(told["StreamUrl"], max_size=None) as socket:
        plugin = Plugin(socket, told["TokenValue"])
        plugin.shake_hands()
        yield plugin


def test_messages_are_laid_out_as_the_plugin_lays_them_out() -> None:
    identity = uuid.UUID("11223344-5566-7788-99aa-bbccddeeff00")
    data = Message(INPUT, b"ls\n", Payload.OUTPUT, 7, 1_700_000_000_000, 0, identity).packed()
    assert data[:4] == (116).to_bytes(4, "big") and data[4:36] == b"input_stream_data".ljust(32)
    assert int.from_bytes(data[48:56], "big") == 7
    assert data[64:80] == identity.bytes[8:] + identity.bytes[:8]
    assert data[116:] == (3).to_bytes(4, "big") + b"ls\n"
    assert unpacked(data).payload == b"ls\n"
    with pytest.raises(Malformed):
        unpacked(data[:-1] + b"x")
    with pytest.raises(Malformed):
        unpacked(data[:50])


def test_a_shell_on_the_instance_as_ssm_user(aws: Account, node: str) -> None:
    with session(aws, node) as plugin:
        plugin.say(Payload.SIZE, json.dumps({"rows": 40, "cols": 132}).encode())
        plugin.say(Payload.OUTPUT, b"id -un; stty size; echo $((40 + 2))\n")
        plugin.expect("ssm-user")
        plugin.expect("40 132")
        plugin.expect("42")
        (active,) = aws.client("ssm").describe_sessions(State="Active")["Sessions"]
        assert (active["Target"], active["Status"]) == (node, "Connected")
        plugin.say(Payload.OUTPUT, b"exit\n")
        while not plugin.closed:
            plugin.take()
    assert plugin.acknowledged == list(range(plugin.sent))
    (over,) = until(lambda: aws.client("ssm").describe_sessions(State="History")["Sessions"])
    assert over["Status"] == "Terminated" and over["EndDate"] >= over["StartDate"]


def test_what_comes_twice_or_too_early_is_taken_once_and_in_its_order(aws: Account, node: str) -> None:
    with session(aws, node) as plugin:
        plugin.expect("$ ")
        first = Message(INPUT, b"echo one", Payload.OUTPUT, plugin.sent, id=uuid.uuid4()).packed()
        second = Message(INPUT, b"-two\n", Payload.OUTPUT, plugin.sent + 1, id=uuid.uuid4()).packed()
        for message in (second, first, first, second):
            plugin.socket.send(message)
        plugin.sent += 2
        plugin.expect("\r\none-two\r\n")
        plugin.say(Payload.OUTPUT, b"exit\n")
        while not plugin.closed:
            plugin.take()
        assert plugin.shown.count("\r\none-two\r\n") == 1, "said once"


def test_a_session_is_ended_from_outside(aws: Account, node: str) -> None:
    ssm = aws.client("ssm")
    with session(aws, node, Reason="have a look") as plugin:
        (active,) = ssm.describe_sessions(State="Active", Filters=[{"key": "Target", "value": node}])["Sessions"]
        assert active["Reason"] == "have a look"
        ssm.terminate_session(SessionId=active["SessionId"])
        while not plugin.closed:
            plugin.take()
    assert ssm.describe_sessions(State="Active")["Sessions"] == []


def test_a_command_instead_of_a_shell(aws: Account, node: str) -> None:
    parameters = {"command": ["cat /etc/hostname; tty"]}
    with session(aws, node, DocumentName="AWS-StartInteractiveCommand", Parameters=parameters) as plugin:
        while not plugin.closed:
            plugin.take()
        assert "ip-" in plugin.shown and "/dev/pts/" in plugin.shown


def test_a_token_opens_a_channel_once(aws: Account, node: str, refused: Any) -> None:
    ssm = aws.client("ssm")
    told = ssm.start_session(Target=node)
    with connect(told["StreamUrl"]) as socket:
        assert shut(Plugin(socket, "wrong"))
    with connect(told["StreamUrl"]) as socket:
        Plugin(socket, told["TokenValue"]).shake_hands()
        with connect(told["StreamUrl"]) as second:
            assert shut(Plugin(second, told["TokenValue"]))
    with refused("TargetNotConnected"):
        ssm.start_session(Target="i-0123456789abcdef0")


def shut(plugin: Plugin) -> bool:
    """Whether the channel is closed without a word."""
    try:
        plugin.take()
    except ConnectionClosed:
        return True
    return False
