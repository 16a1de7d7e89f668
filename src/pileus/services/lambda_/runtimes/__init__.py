"""Which interpreter of this machine is which runtime.

A runtime whose interpreter is not installed runs on the nearest version that is, and the log says so. What is found,
and what is not, `pileus doctor` tells. What runs on them:

    provided      the function's own `bootstrap`: Go, Rust, C++, a shell
    python        a runtime of ours, which a launcher has loaded already
    node          a runtime of ours, and the packages of the AWS SDK that a function asks for, fetched by npm
    java          a runtime of ours, compiled once by the JDK that is there
    ruby          a runtime of ours
    dotnet        Amazon.Lambda.RuntimeSupport, which a function has to bring along

Left out: the AWS SDK for Ruby, which a function has to bring along too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from pileus.engines.sandbox import Image
from pileus.kernel import Fault

from . import dotnet, java, node, python, ruby
from .runtime import Runtime

__all__ = ["Runtime", "known", "runtime", "survey"]

KINDS: dict[str, Callable[[str], Runtime | str]] = {
    "python": python.runtime,
    "nodejs": node.runtime,
    "java": java.runtime,
    "ruby": ruby.runtime,
    "dotnet": dotnet.runtime,
}


def runtime(name: str) -> Runtime:
    """The runtime of that name; InvalidRuntimeException where this machine has nothing for it."""
    found = known(name)
    if isinstance(found, str):
        raise Fault("InvalidRuntimeException", found, Type="Server")
    return found


@cache
def known(name: str) -> Runtime | str:
    """A runtime, or why there is none."""
    for kind, found in KINDS.items():
        if name.startswith(kind):
            return found(name)
    if name.startswith("provided"):
        return Runtime(name, Image())
    return f"This machine has no interpreter for the runtime {name}."


def survey() -> dict[str, str]:
    """What there is for each language, or what is missing."""
    found = {"Python": python.told(), "Node.js": node.told(), "Java": java.told(), "Ruby": ruby.told()}
    return found | {".NET": dotnet.told()}
