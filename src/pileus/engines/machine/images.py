"""Images: what a machine's root is made of, as stacks of folders.

An image is a folder with a `layers.json`, which says for each place of the root (`/`, and what the host has mounted
apart) which folders lie there over one another, the uppermost first. The one that needs no installing shows the host's
own system: its programs and libraries where they are, and of its settings those that its packages brought. What people
have, and what is secret, is not in it.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pileus.engines.sandbox.isolation import COPIED, SETTINGS, SYSTEM

BASE = Path(__file__).with_name("base")
"""Programs that every machine has: those by which it ends, mounts, and tells of its first boot."""
LAYERS = "layers.json"
IMAGE, DISCARDED = "image", "discarded"
"""Notes: in a machine's folder, which image it is made of; in an image's, that nobody wants it for its own sake."""
LINKS = {
    "poweroff": ("halt", "reboot", "shutdown"),
    "mount.block": tuple(f"mount.{kind}" for kind in ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat")),
}
"""Further names of these programs."""
FOLDERS = {
    "boot": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "etc/sudoers.d": 0o750,
    "home": 0o755,
    "media": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "proc": 0o555,
    "root": 0o700,
    "run": 0o755,
    "srv": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
    "var": 0o755,
    "var/cache": 0o755,
    "var/lib": 0o755,
    "var/lib/cloud": 0o755,
    "var/log": 0o755,
    "var/mail": 0o755,
    "var/spool": 0o755,
    "var/tmp": 0o1777,
}
DATABASE = "/var/lib/dpkg"
"""Which packages the host has, without which nothing could be installed in a machine."""
CLIENT, PYTHON = "/usr/lib/aws-cli", "/usr/lib/aws-python"
AWS = """\
#!/bin/sh
export PYTHONPATH=/usr/lib/aws-cli LD_LIBRARY_PATH=/usr/lib/aws-python/lib
exec {python} -s -c 'import sys; from awscli.clidriver import main; sys.argv[0] = "aws"; sys.exit(main())' "$@"
"""
OWN = (
    "passwd",
    "group",
    "shadow",
    "gshadow",
    "hostname",
    "hosts",
    "environment",
    "fstab",
    "mtab",
    "resolv.conf",
    "machine-id",
)
PAM = tuple(f"pam.d/common-{name}" for name in ("account", "auth", "password", "session", "session-noninteractive"))
MADE = ("profile", "motd", "shells", "timezone", "apt/sources.list", *PAM)
"""Files of /etc that packages make when they are installed."""
OWN_FOLDERS = ("cron", "ssh/", "sudoers", "systemd", "ssl/private", "docker", "apt/auth.conf")
LARGEST = 1024 * 1024
ROOT = ("root:x:0:0:root:/root:/bin/bash", "root:x:0:", "root:*:19000:0:99999:7:::")
USER = (
    "ec2-user:x:1000:1000:EC2 Default User:/home/ec2-user:/bin/bash",
    "ec2-user:x:1000:",
    "ec2-user:*:19000:0:99999:7:::",
)
SSH = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd yes
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""


class Layered(msgspec.Struct):
    """A place of a root, and the folders that lie there."""

    name: str
    """How what a machine changes there is kept."""
    at: str
    lower: list[str]


def read(folder: Path) -> list[Layered]:
    return msgspec.json.decode((folder / LAYERS).read_bytes(), type=list[Layered])


def write(folder: Path, layers: list[Layered]) -> None:
    (folder / LAYERS).write_bytes(msgspec.json.encode(layers))


def finished(folder: Path) -> bool:
    return (folder / LAYERS).exists()


# The host's own


def of_host(folder: Path, hidden: list[Path] = []) -> Path:
    """The image of the host's own system. What is hidden is not seen, wherever it lies."""
    if finished(folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    root, programs = folder / "root", folder / "usr"
    for name, mode in FOLDERS.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    layers = [Layered("root", "/", [str(root)])]
    for path in SYSTEM:
        if os.path.islink(path):
            (root / path[1:]).symlink_to(os.readlink(path))
        elif os.path.isdir(path):
            (root / path[1:]).mkdir()
            above = [str(programs)] if path == "/usr" else []
            layers.append(Layered(path[1:].replace("/", "-"), path, [*above, path]))
    provide(programs)
    for place in hidden:
        hide(place, programs)
    layers += client(programs, folder / "client")
    settings(root / "etc")
    accounts(root)
    if os.path.isdir(DATABASE):
        (root / DATABASE[1:]).mkdir(parents=True)
        layers.append(Layered("packages", DATABASE, [DATABASE]))
    write(folder, layers)
    return folder


def provide(programs: Path) -> None:
    """Put our programs there, unless the image has its own."""
    for program in BASE.glob("*/*"):
        folder = programs / program.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(folder / program.name):
            shutil.copyfile(program, folder / program.name)
            (folder / program.name).chmod(0o755)
        for name in LINKS.get(program.name, ()):
            if not os.path.lexists(folder / name):
                (folder / name).symlink_to(program.name)


def client(programs: Path, above: Path) -> list[Layered]:
    """The AWS CLI, if it is installed beside us: it comes with every machine image of AWS's own."""
    found = importlib.util.find_spec("awscli")
    if found is None or found.origin is None or shutil.which("aws", path="/usr/local/bin:/usr/bin"):
        return []
    python = Path(sys.executable).resolve()
    packages = Path(found.origin).parent.parent
    above.mkdir()
    white_out(above / "pileus")
    layers = [Layered("client", CLIENT, [str(above), str(packages)])]
    if sys.base_prefix != "/usr":
        layers.append(Layered("python", PYTHON, [sys.base_prefix]))
        python = Path(PYTHON, python.relative_to(sys.base_prefix))
    for layered in layers:
        (programs / layered.at.removeprefix("/usr/")).mkdir(parents=True)
    program = programs / "local" / "bin" / "aws"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(AWS.format(python=python))
    program.chmod(0o755)
    return layers


def hide(path: Path, programs: Path) -> None:
    """Leave a whiteout where something of the host's must not be seen (the kernel's documentation of overlayfs)."""
    with contextlib.suppress(ValueError):
        inside = path.resolve().relative_to("/usr")
        (programs / inside).parent.mkdir(parents=True, exist_ok=True)
        white_out(programs / inside)


def white_out(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def settings(target: Path) -> None:
    """Of /etc what packages have brought, what is made of that, and what programs need; if everybody may read it."""
    wanted = {*brought(), *COPIED, *MADE}
    for name in SETTINGS:
        source = Path("/etc", name)
        inside = [source] if not source.is_dir() else list(source.rglob("*"))
        wanted |= {str(path.relative_to("/etc")) for path in inside}
    for name in sorted(wanted):
        if name in OWN or name.startswith(OWN_FOLDERS):
            continue
        with contextlib.suppress(OSError):
            copy(Path("/etc", name), target / name)


def brought() -> Iterator[str]:
    """The files of /etc that belong to packages, as dpkg(1) has them."""
    for listed in Path(DATABASE, "info").glob("*.list"):
        for line in listed.read_text(errors="replace").splitlines():
            if line.startswith("/etc/"):
                yield line.removeprefix("/etc/")


def copy(source: Path, target: Path) -> None:
    found = source.lstat()
    if stat.S_ISDIR(found.st_mode):
        target.mkdir(parents=True, exist_ok=True)
        return
    public = found.st_mode & stat.S_IROTH and found.st_size <= LARGEST
    if not public or target.is_symlink() or target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(found.st_mode):
        target.symlink_to(os.readlink(source))
    elif stat.S_ISREG(found.st_mode):
        shutil.copyfile(source, target)
        target.chmod(stat.S_IMODE(found.st_mode) & 0o755)


def accounts(root: Path) -> None:
    """The system's users as the host has them, which belong to its packages; of people, root and ec2-user."""
    etc = root / "etc"
    users = [line for line in Path("/etc/passwd").read_text().splitlines() if 0 < identity(line) < 1000]
    groups = [line for line in Path("/etc/group").read_text().splitlines() if 0 < identity(line) < 1000]
    users += [line for line in Path("/etc/passwd").read_text().splitlines() if line.startswith("nobody:")]
    groups += [line for line in Path("/etc/group").read_text().splitlines() if line.startswith("nogroup:")]
    groups = [alone(line, "ec2-user" if line.startswith(("sudo:", "adm:", "wheel:")) else "") for line in groups]
    shadow = [f"{line.split(':')[0]}:*:19000:0:99999:7:::" for line in users]
    (etc / "passwd").write_text("\n".join([ROOT[0], *users, USER[0]]) + "\n")
    (etc / "group").write_text("\n".join([ROOT[1], *groups, USER[1]]) + "\n")
    (etc / "shadow").write_text("\n".join([ROOT[2], *shadow, USER[2]]) + "\n")
    (etc / "shadow").chmod(0o640)
    (etc / "sudoers").write_text('Defaults env_keep += "AWS_*"\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n')
    (etc / "sudoers").chmod(0o440)
    (etc / "sudoers.d" / "90-cloud-init-users").write_text("ec2-user ALL=(ALL) NOPASSWD:ALL\n")
    (etc / "sudoers.d" / "90-cloud-init-users").chmod(0o440)
    (etc / "ssh").mkdir(exist_ok=True)
    (etc / "ssh" / "sshd_config").write_text(SSH)
    home = root / "home" / "ec2-user"
    for place, user in ((home, 1000), (root / "root", 0)):
        shutil.copytree("/etc/skel", place, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        for path in (place, *place.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
        place.chmod(0o700)


def identity(line: str) -> int:
    fields = line.split(":")
    return int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else 0


def alone(line: str, member: str) -> str:
    return ":".join([*line.split(":")[:3], member])


# Others


def imported(source: Path, folder: Path) -> Path:
    """An image from a folder, a tar archive, or what `docker save` and OCI tools write."""
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "root"
    root.mkdir(parents=True)
    if source.is_dir() and not (source / "index.json").exists():
        subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", str(root)], check=True)
    else:
        unpack(source, folder, root)
    for name, mode in FOLDERS.items():
        if not os.path.lexists(root / name):
            (root / name).mkdir(parents=True)
            (root / name).chmod(mode)
    provide(root / "usr")
    write(folder, [Layered("root", "/", [str(root)])])
    return folder


def unpack(source: Path, folder: Path, root: Path) -> None:
    scratch = source if source.is_dir() else folder / "archive"
    if source.is_file():
        with tarfile.open(source) as archive:
            names = set(archive.getnames())
        if not {"manifest.json", "index.json"} & {name.removeprefix("./") for name in names}:
            extract(source, root)
            return
        scratch.mkdir()
        extract(source, scratch)
    for layer in blobs(scratch):
        extract(layer, root)
        whiteouts(layer, root)
    if scratch != source:
        shutil.rmtree(scratch)


def blobs(archive: Path) -> Iterator[Path]:
    """The layers of an image, the lowest first (OCI image layout; docker-save's manifest.json)."""
    if (archive / "manifest.json").exists():
        for name in json.loads((archive / "manifest.json").read_text())[0]["Layers"]:
            yield archive / name
        return
    index = json.loads((archive / "index.json").read_text())
    manifest = blob(archive, index["manifests"][0]["digest"])
    for layer in json.loads(manifest.read_text())["layers"]:
        yield blob(archive, layer["digest"])


def blob(archive: Path, digest: str) -> Path:
    kind, _, name = digest.partition(":")
    return archive / "blobs" / os.path.basename(kind) / os.path.basename(name)


def extract(archive: Path, target: Path) -> None:
    """By tar(1), which keeps owners, permissions and attributes."""
    with open(archive, "rb") as file:
        packed = file.read(2) == gzip.compress(b"")[:2]
    program = ["tar", "-x", "--numeric-owner", "-p", *(["-z"] if packed else []), "-f", str(archive), "-C", str(target)]
    subprocess.run([*program, "--exclude=.wh.*", "--exclude=dev/*"], check=True)


def whiteouts(layer: Path, root: Path) -> None:
    """Remove what a layer says is gone from those below it."""
    with tarfile.open(layer) as archive:
        gone = [name for name in archive.getnames() if os.path.basename(name).startswith(".wh.")]
    for name in gone:
        place = root / os.path.dirname(name) / os.path.basename(name).removeprefix(".wh.")
        if os.path.basename(name) == ".wh..wh..opq" or not place.resolve().is_relative_to(root.resolve()):
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def captured(image: Path, own: Path, folder: Path) -> Path:
    """An image of a machine: what it has changed, over the image that it was made of."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    layers = read(image)
    for layered in layers:
        copied = folder / layered.name
        subprocess.run(["cp", "-a", "--reflink=auto", str(own / layered.name / "upper"), str(copied)], check=True)
        layered.lower.insert(0, str(copied))
    write(folder, layers)
    return folder


def copied(source: Path, folder: Path) -> None:
    """An image that is made of the same layers."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, read(source))


# Which image is needed by what


def of_machine(own: Path, first: str = "") -> str:
    """The name of the image that a machine is made of: that of its first start, whatever is asked for later."""
    note = own / IMAGE
    if not note.exists():
        own.mkdir(parents=True, exist_ok=True)
        note.write_text(first)
    return note.read_text()


def discard(folder: Path) -> None:
    if finished(folder):
        (folder / DISCARDED).touch()


def sweep(machines: Path) -> None:
    """Remove images that were discarded and that no machine and no other image is made of."""
    gone = [note.parent for note in machines.glob(f"images/*/{DISCARDED}")]
    if not gone:
        return
    needed = {note.read_text() for note in machines.glob(f"*/{IMAGE}")}
    others = [note.read_text() for note in machines.glob(f"images/*/{LAYERS}") if note.parent not in gone]
    for folder in gone:
        if folder.name not in needed and not any(f"{folder}/" in layers for layers in others):
            shutil.rmtree(folder)
