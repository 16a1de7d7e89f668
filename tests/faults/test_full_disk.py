"""A full disk: calls fail with a clear 5xx, nothing is corrupted, and it goes on when there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import Process


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    data = small_disk / "data"
    data.mkdir()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (12 * 1024 * 1024))
    server = Process(data)
    client = server.client()
    try:
        queue = client.sqs("CreateQueue", QueueName="q")["QueueUrl"]
        body = "x" * 200_000
        sent = 0
        for _ in range(200):
            status, answer = client.post(
                "AmazonSQS.SendMessage", f'{{"QueueUrl":"{queue}","MessageBody":"{body}"}}'.encode()
            )
            if status != 200:
                break
            sent += 1
        assert status == 503, answer
        assert b"Traceback" not in answer
        assert 0 < sent < 200
        ballast.unlink()
        client.sqs("SendMessage", QueueUrl=queue, MessageBody="there is room again")
        server.kill()
        server.start()
        attributes = server.client().sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        assert int(attributes["ApproximateNumberOfMessages"]) == sent + 1
    finally:
        server.stop()
