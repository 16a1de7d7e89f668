"""Container images of functions: archives as `docker save` and OCI tools write them, unpacked into a root file system.

Until there is a registry in this cloud, an image is one that a container engine of this machine has, by its name there
(`docker build -t NAME`), or an archive in a bucket, whose URI is `s3://BUCKET/KEY`: that form is ours. Left out: images
in registries, images that need another processor than this machine's, and archives of more than 1 GiB.
"""

from __future__ import annotations

import io
import json
import logging
import os
import platform
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pileus.engines.sandbox import Image, docker
from pileus.engines.sandbox.survey import choice
from pileus.kernel import Fault, Unfinished

from . import faults
from .runtimes import Runtime

if TYPE_CHECKING:
    import tarfile

log = logging.getLogger("pileus.lambda")

Members = dict[str, Any]

LARGEST = 1 << 30
PROCESSORS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
GONE, ALL_GONE = ".wh.", ".wh..wh..opq"
FOLDERS = ("proc", "tmp", "dev", "etc", "opt", "var")
FILES = ("etc/resolv.conf", "etc/hosts", "etc/passwd")
OWN = {"PATH", "LANG", "LD_LIBRARY_PATH", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER"}
"""Variables that belong to an image and not to Lambda."""


def place(uri: str) -> tuple[str, str]:
    """The bucket and the key that an image's URI names."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise faults.invalid(f"Source image {uri} is not valid. Provide a valid source image.")
    return bucket, key


def exported(uri: str) -> bytes:
    """The archive of an image that a container engine of this machine has."""
    programs = [program for program in docker.programs() if shutil.which(program[0])]
    if not programs:
        raise Unfinished(
            "Pileus has no registry yet, and this machine no container engine: an image is s3://BUCKET/KEY, an archive."
        )
    for program in programs:
        try:
            return docker.Engine(program).exported(uri)
        except OSError as error:
            log.info("%s has no image %s: %s", program[0], uri, error)
    raise faults.invalid(f"Source image {uri} does not exist. Provide a valid source image.")


class Archive:
    """An image as an archive."""

    def __init__(self, data: bytes) -> None:
        import tarfile

        try:
            self._tar = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115
        except tarfile.TarError:
            raise faults.invalid("The image is no archive of docker save or of OCI tools.") from None
        self.config: Members
        self.layers: list[str]
        try:
            self._read()
        except (KeyError, IndexError, ValueError, TypeError):
            raise faults.invalid("The image manifest, config or layer media type is not supported.") from None

    def _read(self) -> None:
        names = set(self._tar.getnames())
        if "manifest.json" in names:
            found = self._document("manifest.json")[0]
            self.config, self.layers = self._document(found["Config"]), found["Layers"]
            return
        manifest = self._document("index.json")
        while "manifests" in manifest:
            manifest = self._document(blob(fitting(manifest["manifests"])))
        self.config = self._document(blob(manifest["config"]))
        self.layers = [blob(layer) for layer in manifest["layers"]]

    def _document(self, name: str) -> Any:
        return json.loads(self._bytes(name))

    def _bytes(self, name: str) -> bytes:
        file = self._tar.extractfile(name)
        if file is None:
            raise KeyError(name)
        return file.read()

    def unpack(self, folder: Path) -> None:
        """Lay the layers over each other in `folder/root`, and what the image says of itself beside it."""
        import tarfile

        root = folder / "root"
        root.mkdir(parents=True, mode=0o755)
        for name in self.layers:
            with tarfile.open(fileobj=io.BytesIO(self._bytes(name))) as layer:
                lay(layer, root)
        settle(root)
        (folder / "config.json").write_text(json.dumps(self.config))


def fitting(manifests: Iterable[Members]) -> Members:
    """Of an image for several processors the one for this machine's."""
    wanted = PROCESSORS.get(platform.machine(), platform.machine())
    found = [each for each in manifests if each.get("platform", {}).get("architecture", wanted) == wanted]
    return found[0]


def blob(descriptor: Members) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def check(data: bytes) -> None:
    """Refuse what is no image."""
    if len(data) > LARGEST:
        raise faults.invalid(f"The image is larger than {LARGEST} bytes.")
    Archive(data)


def unpack(data: bytes, folder: Path) -> None:
    Archive(data).unpack(folder)


# Layers


def lay(layer: tarfile.TarFile, root: Path) -> None:
    """Lay one layer over what there is: files named `.wh.NAME` take others away."""
    folders: list[tuple[Path, int]] = []
    for entry in layer:
        path = inside(root, entry.name)
        if path == root:
            continue
        if path.name == ALL_GONE:
            for each in path.parent.iterdir() if path.parent.is_dir() else ():
                remove(each)
        elif path.name.startswith(GONE):
            remove(path.with_name(path.name.removeprefix(GONE)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            put(layer, entry, path, root)
            if entry.isdir():
                folders.append((path, entry.mode))
    for path, mode in folders:  # at last, for a folder may say that nothing can be put into it
        path.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def put(layer: tarfile.TarFile, entry: tarfile.TarInfo, path: Path, root: Path) -> None:
    if entry.isdir() and path.is_dir() and not path.is_symlink():
        return
    remove(path)
    if entry.isdir():
        path.mkdir()
    elif entry.issym():
        path.symlink_to(entry.linkname)
    elif entry.islnk():
        os.link(inside(root, entry.linkname), path)
    elif entry.isfile() and (source := layer.extractfile(entry)):
        with path.open("wb") as target:
            shutil.copyfileobj(source, target)
        path.chmod(stat.S_IMODE(entry.mode) & 0o777 | stat.S_IRUSR)


def inside(root: Path, name: str) -> Path:
    """A path of the image on this machine: links in it lead to places of the image, wherever they point."""
    steps, at, turns = name.split("/")[::-1], root, 0
    while steps:
        step = steps.pop()
        if step in ("", "."):
            continue
        if step == "..":
            at = at if at == root else at.parent
            continue
        at = at / step
        if steps and at.is_symlink():
            turns += 1
            if turns > 40:
                raise faults.invalid(f"Too many levels of symbolic links in the image: {name}")
            target = os.readlink(at)
            at = root if target.startswith("/") else at.parent
            steps += target.split("/")[::-1]
    return at


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def settle(root: Path) -> None:
    """Have what a sandbox mounts on as folders and files of the image's own, and no links."""
    for name in FOLDERS:
        if (root / name).is_symlink() or not (root / name).is_dir():
            remove(root / name)
            (root / name).mkdir(mode=0o755)
    for name in FILES:
        path = root / name
        held = inside(root, os.readlink(path) if path.is_symlink() else name)
        text = held.read_bytes() if held.is_file() and not held.is_symlink() else b""
        remove(path)
        path.write_bytes(text)
        path.chmod(0o644)


# As a runtime


def runtime(folder: Path, settings: Members) -> Runtime:
    """How a function's image starts: as it says itself, or as the function's ImageConfig says."""
    if choice().driver == "process":
        raise Fault("InvalidRuntimeException", f"Images need sandboxes that isolate: {choice().why}", Type="Server")
    told = json.loads((folder / "config.json").read_text()).get("config") or {}
    own = settings.get("ImageConfig", {})
    command = own.get("Command") or (told.get("Cmd") or [] if not own.get("EntryPoint") else [])
    argv = [*(own.get("EntryPoint") or told.get("Entrypoint") or []), *command]
    if not argv:
        raise Fault("InvalidRuntimeException", "The image has no entry point and no command.", Type="Server")
    variables = dict(each.partition("=")[::2] for each in told.get("Env") or [])
    variables.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return Runtime(
        "image",
        Image(root=str(folder / "root")),
        argv=tuple(argv),
        variables=tuple({"_HANDLER": command[0] if command else "", **variables}.items()),
        directory=own.get("WorkingDirectory") or told.get("WorkingDir") or "/",
    )
