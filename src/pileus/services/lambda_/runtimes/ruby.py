"""Ruby: the one of this machine. Left out: the AWS SDK, which functions bring along in `vendor/bundle`."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from functools import cache as cached
from pathlib import Path

from pileus.engines.sandbox import Image, Mount

from .runtime import BOOTSTRAP, PATH, Runtime, shown

log = logging.getLogger("pileus.lambda")


def runtime(name: str) -> Runtime | str:
    found = installed()
    if found is None:
        return f"This machine has no Ruby for the runtime {name}."
    program, version = found
    if name != f"ruby{version.rpartition('.')[0]}":
        log.warning("%s runs on Ruby %s: there is no other on this machine", name, version)
    prefix = str(Path(program).parent.parent)
    seen = shown(prefix)
    abi = f"{version.rpartition('.')[0]}.0"
    gems = f"/var/task/vendor/bundle/ruby/{abi}:/opt/ruby/gems/{abi}"
    return Runtime(
        name,
        Image(shown=seen),
        argv=(program, "/var/runtime/index.rb"),
        mounts=(Mount(str(BOOTSTRAP / "pileus_ruby.rb"), "/var/runtime/index.rb"),),
        path=f"{prefix}/bin:{PATH}" if seen else PATH,
        variables=(("GEM_PATH", gems), ("RUBYLIB", "/var/task:/opt/ruby/lib")),
    )


@cached
def installed() -> tuple[str, str] | None:
    """The program and its version."""
    found = shutil.which("ruby")
    if found is None:
        return None
    program = os.path.realpath(found)
    version = subprocess.run([program, "-e", "print RUBY_VERSION"], capture_output=True, text=True, check=True).stdout
    return program, version


def told() -> str:
    """What `pileus doctor` says."""
    found = installed()
    return f"Ruby {found[1]}" if found else ""
