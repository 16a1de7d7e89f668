"""Deployment packages: ZIP files of functions and layers, kept once for each content, and unpacked where they run.

Left out: signatures of packages, and the limit of 75 GB for all code of an account.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pileus.kernel import Call, Fault, Record

from . import faults, images

if TYPE_CHECKING:
    import zipfile

    from pileus.kernel.cloud import Cloud

MOST_UPLOADED = 50 * 1024 * 1024
MOST_SENT = 70_167_211
MOST_UNPACKED = 262_144_000
HOT_RELOAD = "hot-reload"
"""The bucket whose keys are folders of this machine."""
PASSED_OVER = {"__pycache__", "node_modules", ".git", ".venv"}
BROKEN = "Could not unzip uploaded file. Please check your file, then try to upload again."


class Code(msgspec.Struct, frozen=True):
    """A package as a version of a function, or a layer, has it."""

    sha256: str
    """In base 64, as Lambda tells it."""
    size: int
    blob: str
    folder: str = ""
    """Instead of a package: where the code lies on this machine, as long as somebody works on it."""
    uri: str = ""
    """The container image that it is, if it is one."""

    @property
    def shown(self) -> str:
        """The digest as Lambda tells it: that of an image is not in base 64."""
        return self.digest if self.uri else self.sha256

    @property
    def digest(self) -> str:
        return base64.b64decode(self.sha256).hex()


class Package(Record):
    """The bytes of a package, and how many versions and layers have them."""

    sha256: str
    blob: str
    size: int
    uses: int = 1


def mounted(call: Call, given: dict[str, Any]) -> Code | None:
    """The folder that a request names in place of a package, if it may (`--hot-reload`)."""
    allowed = call.cloud.options.get("hot-reload")
    if given.get("S3Bucket") != HOT_RELOAD or not allowed:
        return None
    folder = Path(allowed, given.get("S3Key", "")).resolve()
    if not folder.is_dir() or not folder.is_relative_to(allowed):
        raise faults.invalid(f"{folder} is no folder below {allowed}, where the cloud was told to look for code.")
    sha256 = base64.b64encode(hashlib.sha256(str(folder).encode()).digest()).decode()
    return Code(sha256, 0, "", str(folder))


def newest(folder: str) -> float:
    """When something in a folder has last changed."""
    times = [os.stat(folder).st_mtime]
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in PASSED_OVER]
        times += [os.stat(os.path.join(place, name)).st_mtime for name in (*folders, *files)]
    return max(times)


async def fetched(call: Call, given: dict[str, Any]) -> bytes:
    """The package that a request brings along, or names in S3."""
    if mounted(call, given):
        return b""
    if "ImageUri" in given:
        if not given["ImageUri"].startswith("s3://"):
            return await asyncio.to_thread(images.exported, given["ImageUri"])
        return await from_bucket(call, *images.place(given["ImageUri"]), None)
    if "ZipFile" in given:
        if not given["ZipFile"]:
            raise faults.invalid("Uploaded file must be a non-empty zip")
        if len(given["ZipFile"]) * 4 / 3 >= MOST_SENT:  # in base 64
            message = f"Request must be smaller than {MOST_SENT} bytes for the {call.operation} operation"
            raise Fault("RequestEntityTooLargeException", message, status=413)
        return bytes(given["ZipFile"])
    if not given.get("S3Bucket") or not given.get("S3Key"):
        raise faults.invalid("Please provide a source for function code.")
    return await from_bucket(call, given["S3Bucket"], given["S3Key"], given.get("S3ObjectVersion"))


async def from_bucket(call: Call, bucket: str, key: str, version: str | None) -> bytes:
    try:
        found = call.aws("s3").get_object(bucket=bucket, key=key, version_id=version)
        answer = await found if isinstance(found, Awaitable) else found
    except Fault as fault:
        raise faults.invalid(
            f"Error occurred while GetObject. S3 Error Code: {fault.code}. S3 Error Message: {fault.message}"
        ) from None
    body: bytes | AsyncIterator[bytes] = answer["Body"]
    return body if isinstance(body, bytes) else b"".join([piece async for piece in body])


def check(data: bytes) -> None:
    """Refuse what is no ZIP file, or unpacks to more than may be."""
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise faults.invalid(BROKEN) from None
    if not entries:
        raise faults.invalid("Uploaded file must be a non-empty zip")
    if sum(entry.file_size for entry in entries) >= MOST_UNPACKED:
        raise faults.invalid(f"Unzipped size must be smaller than {MOST_UNPACKED} bytes")
    for entry in entries:
        if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
            raise faults.invalid(BROKEN)


class Upload:
    """A package on its way in: its bytes are kept, and belong to nobody until `take`."""

    def __init__(self, call: Call, data: bytes, folder: Code | None = None, uri: str = "") -> None:
        self._call = call
        self._folder = folder
        self._uri = uri
        self._data = data
        self._writer = call.cloud.blobs.writer()
        self.sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()

    async def __aenter__(self) -> Upload:
        if not self._folder:
            await asyncio.to_thread(images.check if self._uri else check, self._data)
        await self._writer.__aenter__()
        await self._writer.write(self._data)
        await self._writer.keep()
        return self

    async def __aexit__(self, *details: Any) -> None:
        await self._writer.__aexit__(*details)

    def take(self) -> Code:
        """Have the package, in the transaction that is under way."""
        call = self._call
        if self._folder:
            return self._folder
        if package := Package.get(call, self.sha256):
            package.uses += 1
        else:
            call.cloud.blobs.adopt(self._writer.name)
            package = Package(self.sha256, self._writer.name, len(self._data))
        package.put(call)
        return Code(self.sha256, package.size, package.blob, uri=self._uri)


def share(call: Call, code: Code) -> Code:
    """Have a package that somebody has already."""
    package = Package.get(call, code.sha256)
    if package is None:  # a folder belongs to nobody here
        return code
    package.uses += 1
    package.put(call)
    return code


def release(call: Call, code: Code) -> None:
    package = Package.get(call, code.sha256)
    if package is None:
        return
    package.uses -= 1
    if package.uses:
        package.put(call)
    else:
        package.delete(call)
        call.cloud.blobs.discard(package.blob)


class Unpacked:
    """An engine of the cloud: packages as folders. A cache beside the store; each start begins anew."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = (cloud.folder or Path(tempfile.mkdtemp(prefix="pileus-"))) / "unpacked"
        self._making: dict[str, asyncio.Task[Path]] = {}
        shutil.rmtree(self._folder, ignore_errors=True)

    async def folder(self, codes: list[Code]) -> Path:
        """A folder with what these packages contain; of files in several of them the last one's."""
        if codes[0].folder:
            return Path(codes[0].folder)
        name = hashlib.sha256("".join(code.digest for code in codes).encode()).hexdigest()
        if name not in self._making:
            self._making[name] = asyncio.create_task(self._make(name, codes))
        try:
            return await asyncio.shield(self._making[name])
        except Exception:
            self._making.pop(name, None)
            raise

    async def _make(self, name: str, codes: list[Code]) -> Path:
        folder = self._folder / name
        aside = self._folder / f"{name}.{os.urandom(4).hex()}"
        for code in codes:
            data = b"".join([piece async for piece in self._cloud.blobs.open(code.blob)])
            await asyncio.to_thread(images.unpack if code.uri else unpack, data, aside)
        aside.rename(folder)
        return folder

    async def close(self) -> None:
        for task in self._making.values():
            task.cancel()
        await asyncio.to_thread(shutil.rmtree, self._folder, True)


def unpack(data: bytes, folder: Path) -> None:
    """Unpack with the permissions and symbolic links that the archive has, neither of which `extractall` keeps."""
    import zipfile

    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            put(archive, entry, folder / entry.filename)


def put(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    mode = entry.external_attr >> 16
    if entry.is_dir():
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
        return
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if stat.S_ISLNK(mode):
        path.symlink_to(archive.read(entry).decode())
    else:
        with archive.open(entry) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        # Who runs it is nobody's owner. Archives made on Windows, or by programs, have no permissions at all.
        path.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
