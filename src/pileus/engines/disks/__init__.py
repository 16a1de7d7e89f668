"""Disks: what machines keep their files on, and what is kept of it at a moment.

    disks = cloud.engine(Disks)
    path = await disks.attach("data", size=8 << 30)            # a block device, or else the file itself
    await disks.snapshot("data", "monday")
    await disks.create_from("copy", "monday")
    await disks.detach("data")

    disks       disks and snapshots of a cloud, and what is attached
    blocks      the blocks that snapshots are made of, each kept once
    manifests   which blocks a snapshot has
    sealing     AES-XTS, by which the bytes of a disk are encrypted
    loops       files as block devices
    unlocking   the process behind an encrypted disk that is attached
    fuse        the kernel's file system protocol, as far as that process needs it

A disk is a sparse file, which is made when the disk is first attached. A snapshot names its blocks of 512 KiB by their
content, so one after another costs what has changed in between. An encrypted disk is encrypted in its file and in its
snapshots; what is attached is a file of a file system of its own (fuse(4)) in which a process shows the plain bytes.
That file system is mounted where nobody else sees it, so that nothing is left of it when the process ends. A process
that is killed takes with it what a machine has not yet synced, as a real disk does that loses power.

Block devices need root and Linux. Elsewhere there are disks and snapshots, and nothing to attach them to.
"""

from .blocks import BLOCK
from .disks import Disks, Unattachable, unable

__all__ = ["BLOCK", "Disks", "Unattachable", "unable"]
