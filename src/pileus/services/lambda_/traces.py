"""Trace headers: what an invocation belongs to, and how often it has come round.

AWS X-Ray Developer Guide, "Tracing header"; Lambda Developer Guide, "Use Lambda recursive loop detection to prevent
infinite loops". SDKs pass a function's trace header on; SQS keeps it with a message, SNS and S3 hand it on. `Lineage`
counts for each function that a chain has gone through how often it has.
"""

from __future__ import annotations

import hashlib
import os

from pileus.kernel import Call, Fault
from pileus.kernel.traces import parts

from .functions import Function, Version

MOST_ROUNDS = 16
DEPTH = 4
"""So many functions of a chain are remembered."""


def mark(call: Call, function: Function) -> str:
    return hashlib.sha256(f"{call.account}/{call.region}/{function.id}".encode()).hexdigest()[:8]


def lineage(header: str) -> dict[str, int]:
    """How often which functions were gone through: `Lineage=2:a87bd80c:1|68fd508a:5`."""
    _, _, entries = parts(header).get("Lineage", "").partition(":")
    found = {}
    for entry in entries.split("|"):
        name, _, count = entry.partition(":")
        if count.isdigit():
            found[name] = int(count)
    return found


def fresh(call: Call) -> str:
    """The root of a trace that begins here."""
    return f"1-{int(call.now):08x}-{os.urandom(12).hex()}"


def continued(call: Call, function: Function, version: Version, header: str) -> str:
    """The header for an invocation that another one, or nobody, has led to."""
    given = parts(header)
    root = given.get("Root") or fresh(call)
    parent = f"Parent={given['Parent']};" if "Parent" in given else ""
    active = version.settings.get("TracingConfig", {}).get("Mode") == "Active"
    sampled = given.get("Sampled") or ("1" if active else "0")
    rounds = lineage(header)
    name = mark(call, function)
    rounds = {each: count for each, count in list(rounds.items())[-DEPTH:] if each != name} | {
        name: rounds.get(name, 0) + 1
    }
    told = "|".join(f"{each}:{count}" for each, count in rounds.items())
    return f"Root={root};{parent}Sampled={sampled};Lineage={len(rounds)}:{told}"


def looping(call: Call, function: Function, header: str) -> bool:
    """Whether the chain has gone through the function too often, and it does not allow that."""
    rounds = lineage(header).get(mark(call, function), 0)
    return rounds >= MOST_ROUNDS and function.recursive_loop == "Terminate"


def refusal() -> Fault:
    return Fault(
        "RecursiveInvocationException",
        "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources "
        "and stopped your function's invocation.",
        Type="User",
    )
