"""Snapshots whose blocks tests write and read, as backup programs do."""

from __future__ import annotations

import base64
import hashlib

import pytest

BLOCK = 512 * 1024


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Blocks:
    """Somebody who writes and reads snapshots by the direct APIs."""

    def __init__(self, aws, clock) -> None:
        self.ebs = aws.client("ebs")
        self.clock = clock

    def put(self, snapshot: str, number: int, data: bytes) -> None:
        self.ebs.put_snapshot_block(
            SnapshotId=snapshot,
            BlockIndex=number,
            BlockData=data,
            DataLength=len(data),
            Checksum=checksum(data),
            ChecksumAlgorithm="SHA256",
        )

    def snapshot(self, blocks: dict[int, bytes], size: int = 1, **members) -> str:
        """A complete snapshot of these blocks."""
        made = self.ebs.start_snapshot(VolumeSize=size, **members)["SnapshotId"]
        for number, data in blocks.items():
            self.put(made, number, data)
        self.ebs.complete_snapshot(SnapshotId=made, ChangedBlocksCount=len(blocks))
        self.clock.advance(5)
        return made

    def read(self, snapshot: str) -> dict[int, bytes]:
        """All blocks of a snapshot."""
        pages = self.ebs.list_snapshot_blocks(SnapshotId=snapshot)
        found = {}
        for block in pages["Blocks"]:
            told = self.ebs.get_snapshot_block(SnapshotId=snapshot, **block)
            data = told["BlockData"].read()
            assert told["DataLength"] == len(data) == BLOCK and told["Checksum"] == checksum(data)
            found[block["BlockIndex"]] = data
        return found


@pytest.fixture
def blocks(aws, clock):
    return Blocks(aws, clock)
