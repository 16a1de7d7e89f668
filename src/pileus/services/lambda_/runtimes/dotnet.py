""".NET: the `dotnet` of this machine, which runs functions that bring Amazon.Lambda.RuntimeSupport along.

A handler that names only an assembly is a program that starts the runtime itself; one that names a method too,
`Assembly::Type::Method`, is started by the Amazon.Lambda.RuntimeSupport.dll that lies beside the assembly, as AWS's
runtime starts it by its own. Left out: functions of class libraries that do not have that package among theirs.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from functools import cache as cached
from pathlib import Path

from pileus.engines.sandbox import Image

from .runtime import PATH, Runtime, shown

log = logging.getLogger("pileus.lambda")

SUPPORT = "Amazon.Lambda.RuntimeSupport.dll"
START = f"""\
cd "$LAMBDA_TASK_ROOT"
case $_HANDLER in
*::*)
    [ -f {SUPPORT} ] || {{ echo "The function has no {SUPPORT} to start $_HANDLER with." >&2; exit 1; }}
    deps=$(ls *.deps.json | head -n 1)
    config=$(ls *.runtimeconfig.json | head -n 1)
    exec "$0" exec ${{deps:+--depsfile "$deps"}} ${{config:+--runtimeconfig "$config"}} {SUPPORT} "$_HANDLER" ;;
*)
    exec "$0" "${{_HANDLER%.dll}}.dll" ;;
esac
"""
QUIET = (
    ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"),
    ("DOTNET_NOLOGO", "1"),
    ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"),
    ("HOME", "/tmp"),
)


def runtime(name: str) -> Runtime | str:
    found = installed()
    if found is None:
        return f"This machine has no dotnet for the runtime {name}."
    program, versions = found
    if name.removeprefix("dotnet") not in {version.partition(".")[0] for version in versions}:
        log.warning("%s runs on .NET %s: there is no other on this machine", name, ", ".join(versions))
    home = str(Path(program).parent)
    roll = () if name.removeprefix("dotnet") in versions else (("DOTNET_ROLL_FORWARD", "Major"),)
    return Runtime(
        name,
        Image(shown=shown(home)),
        argv=("/bin/sh", "-c", START, program),
        path=f"{home}:{PATH}",
        variables=(*QUIET, ("DOTNET_ROOT", home), *roll),
    )


@cached
def installed() -> tuple[str, tuple[str, ...]] | None:
    """The program and the versions of .NET that it has."""
    found = shutil.which("dotnet")
    if found is None:
        return None
    program = os.path.realpath(found)
    told = subprocess.run([program, "--list-runtimes"], capture_output=True, text=True, check=False).stdout
    return program, tuple(dict.fromkeys(re.findall(r"^Microsoft\.NETCore\.App (\d+\.\d+)", told, re.MULTILINE)))


def told() -> str:
    """What `pileus doctor` says."""
    found = installed()
    return f".NET {', '.join(found[1])}" if found else ""
