"""One large object up to Pileus in parts and down again, beside what the same disk gives to `cat` and the checksums.

    python -m benchmarks.large
    python -m benchmarks.large --gigabytes 5

S3 needs two sums of every byte: the MD5 of its ETag, and CRC64NVME. So the reference is `cat FILE` into a process that
computes both, once for reading alone and once with the bytes written to a second file. The clients are boto3, which has
much work of its own, and one that has none: presigned requests, sendfile up, and one buffer that is read into down.
Everything is in the page cache, and what was written before is on the disk, whenever a measurement begins.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig

from .s3 import Contender, pileus

PART = 16 * 1024 * 1024
CONNECTIONS = 4
BLOCK = 1 << 20


class Taken(NamedTuple):
    """What one piece of work took. The least of each counts, but of memory the most."""

    seconds: float
    server: float
    """Seconds of CPU."""
    clients: float
    grown: float
    """Megabytes that the server's memory was larger at most than before."""

    def best(self, other: Taken) -> Taken:
        return Taken(
            min(self.seconds, other.seconds),
            min(self.server, other.server),
            min(self.clients, other.clients),
            max(self.grown, other.grown),
        )


def compare(ours: Contender, size: int, rounds: int) -> None:
    """All in turn, round after round."""
    found: dict[str, Taken] = {}
    with tempfile.TemporaryDirectory() as folder:
        large = Large(ours, Path(folder), size)
        for _ in range(rounds):
            for name, work in large.works.items():
                taken = measured(ours.pid, work)
                found[name] = taken.best(found.get(name, taken))
        same = large.sum(large.up) == large.sum(large.down)
    print(f"\n{size / 1e9:.1f} GB in parts of {PART >> 20} MiB, {CONNECTIONS} connections, best of {rounds} (Pileus)")
    print(f"bytes are {'the same' if same else 'NOT THE SAME'}; CPU in seconds")
    print(f"{'':<34}{'MB/s':>7}{'of reading':>12}{'of writing':>12}{'server CPU':>12}{'other CPU':>11}{'peak MB':>9}")
    reading, writing = list(found.values())[:2]
    for name, taken in found.items():
        print(
            f"{name:<34}{size / taken.seconds / 1e6:>7,.0f}{reading.seconds / taken.seconds:>10.2f} x"
            f"{writing.seconds / taken.seconds:>10.2f} x{taken.server:>12.2f}{taken.clients:>11.2f}{taken.grown:>+9.0f}"
        )


def measured(pid: int, work: Callable[[], None]) -> Taken:
    os.sync()
    memory, server, clients, start = forget_peak(pid), processor(pid), sum(os.times()[:4]), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return Taken(seconds, processor(pid) - server, sum(os.times()[:4]) - clients, peak(pid) - memory)


class Large:
    """A file, and what is done with it."""

    def __init__(self, ours: Contender, folder: Path, size: int) -> None:
        self.ours = ours
        self.client = ours.client()
        self.size = size
        self.up, self.down = folder / "up", folder / "down"
        with self.up.open("wb") as file:
            for _ in range(size // BLOCK):
                file.write(os.urandom(BLOCK))
        self.transfer = TransferConfig(multipart_chunksize=PART, max_concurrency=CONNECTIONS)
        self.works: dict[str, Callable[[], None]] = {
            "cat | md5 + crc64nvme": lambda: self.summed("cat"),
            "cat | tee COPY | md5 + crc64nvme": lambda: self.summed("tee"),
            "up, boto3": self.boto3_up,
            "up, sendfile": self.bare_up,
            "down, boto3": self.boto3_down,
            "down, recv_into": self.bare_down,
        }

    def summed(self, how: str) -> None:
        command = {"cat": f"cat '{self.up}'", "tee": f"cat '{self.up}' | tee '{self.down}'"}[how]
        sums = f"'{sys.executable}' -m benchmarks.large sum"
        subprocess.run(f"{command} | {sums}", shell=True, check=True, stdout=subprocess.DEVNULL)
        self.down.unlink(missing_ok=True)

    def boto3_up(self) -> None:
        self.client.upload_file(str(self.up), self.ours.bucket, "large", Config=self.transfer)

    def boto3_down(self) -> None:
        self.down.unlink(missing_ok=True)
        self.client.download_file(self.ours.bucket, "large", str(self.down), Config=self.transfer)

    def bare_up(self) -> None:
        named = {"Bucket": self.ours.bucket, "Key": "large"}
        upload = self.client.create_multipart_upload(**named)["UploadId"]
        named["UploadId"] = upload
        parts = []
        for number, start in enumerate(range(0, self.size, PART), 1):
            url = self.client.generate_presigned_url("upload_part", {**named, "PartNumber": number})
            parts.append({"url": url, "start": start, "stop": min(start + PART, self.size)})
        etags = self.apply("up", self.up, parts)
        done = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        self.client.complete_multipart_upload(**named, MultipartUpload={"Parts": done})

    def bare_down(self) -> None:
        url = self.client.generate_presigned_url("get_object", {"Bucket": self.ours.bucket, "Key": "large"})
        self.down.unlink(missing_ok=True)
        starts = range(0, self.size, PART)
        self.apply("down", self.down, [{"url": url, "start": at, "stop": min(at + PART, self.size)} for at in starts])

    def apply(self, way: str, path: Path, parts: list[dict[str, Any]]) -> list[str]:
        command = [sys.executable, "-m", "benchmarks.large", way, str(path)]
        done = subprocess.run(command, input=json.dumps(parts), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        found: list[str] = json.loads(done.stdout)
        return found

    def sum(self, path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()


def forget_peak(pid: int) -> float:
    """Megabytes of a process in memory; its peak counts anew from here (Linux)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak(pid)


def peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def processor(pid: int) -> float:
    """Seconds of CPU that a process has used (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# What the processes do that are measured, or measure


def sum_up() -> None:
    """Sum up what comes in, as S3 does."""
    from awscrt import checksums

    with suppress(AttributeError, OSError):  # Linux
        fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, BLOCK)
    md5, crc = hashlib.md5(usedforsecurity=False), 0
    buffer = memoryview(bytearray(BLOCK))
    while count := os.readv(0, [buffer]):
        md5.update(buffer[:count])
        crc = checksums.crc64nvme(buffer[:count], crc)
    print(md5.hexdigest(), crc)


class Bare:
    """Moves the parts of a file with as little work as can be."""

    def __init__(self, way: str, path: Path) -> None:
        self._send = way == "up"
        self._file = path.open("rb" if self._send else "wb", buffering=0)

    def move(self, parts: list[dict[str, Any]]) -> list[str]:
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            shares = [threads.submit(self._move, parts[turn::CONNECTIONS]) for turn in range(CONNECTIONS)]
        told = [""] * len(parts)
        for turn, share in enumerate(shares):
            told[turn::CONNECTIONS] = share.result()
        return told

    def _move(self, parts: list[dict[str, Any]]) -> list[str]:
        if not parts:
            return []
        url = urlsplit(parts[0]["url"])
        with socket.create_connection((url.hostname, url.port)) as connection:
            answers = connection.makefile("rb")
            step = self._up if self._send else self._down
            return [step(connection, answers, part) for part in parts]

    def _up(self, connection: socket.socket, answers: BufferedReader, part: dict[str, Any]) -> str:
        start, stop = part["start"], part["stop"]
        connection.sendall(head("PUT", part["url"], f"Content-Length: {stop - start}"))
        while start < stop:
            start += os.sendfile(connection.fileno(), self._file.fileno(), start, stop - start)
        return answered(answers, b"200")["etag"]

    def _down(self, connection: socket.socket, answers: BufferedReader, part: dict[str, Any]) -> str:
        start, stop = part["start"], part["stop"]
        connection.sendall(head("GET", part["url"], f"Range: bytes={start}-{stop - 1}"))
        etag = answered(answers, b"206")["etag"]
        buffer = memoryview(bytearray(256 * 1024))
        while start < stop:
            count = answers.readinto1(buffer[: stop - start])
            if not count:
                raise EOFError
            os.pwrite(self._file.fileno(), buffer[:count], start)
            start += count
        return etag


def head(method: str, url: str, line: str) -> bytes:
    parts = urlsplit(url)
    return f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n{line}\r\n\r\n".encode()


def answered(answers: BufferedReader, status: bytes) -> dict[str, str]:
    line = answers.readline()
    fields = {}
    while (field := answers.readline()) not in (b"\r\n", b""):
        name, _, value = field.decode().partition(":")
        fields[name.lower()] = value.strip()
    if status not in line:
        raise RuntimeError(f"{line!r} {answers.read(2000)!r}")
    return fields


def main() -> None:
    if sys.argv[1:] == ["sum"]:
        sum_up()
    elif len(sys.argv) == 3 and sys.argv[1] in ("up", "down"):
        print(json.dumps(Bare(sys.argv[1], Path(sys.argv[2])).move(json.load(sys.stdin))))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--gigabytes", type=int, default=1, help="GiB of the object")
        parser.add_argument("--rounds", type=int, default=3)
        given = parser.parse_args()
        if shutil.disk_usage(tempfile.gettempdir()).free < given.gigabytes * 4 << 30:
            parser.error(f"four times {given.gigabytes} GiB do not fit into {tempfile.gettempdir()}")
        with pileus() as ours:
            compare(ours, given.gigabytes << 30, given.rounds)


if __name__ == "__main__":
    main()
