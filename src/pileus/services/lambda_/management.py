"""What is set about a function beside its configuration: when its runtime is updated, and what a loop may do."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import faults, lambda_
from .qualifiers import Meant, whole


@lambda_.operation(on=Meant.by_name)
def put_runtime_management_config(
    call: Call, meant: Meant, update_runtime_on: str, runtime_version_arn: str = ""
) -> dict[str, Any]:
    """Say when the runtime is updated. It is this machine's, so it never is by itself."""
    if (update_runtime_on == "Manual") != bool(runtime_version_arn):
        raise faults.invalid("RuntimeVersionArn is required for Manual, and only for that.")
    held = {"UpdateRuntimeOn": update_runtime_on, "RuntimeVersionArn": runtime_version_arn}
    meant.function.runtime_management[meant.version.label] = held
    meant.function.put(call)
    return management(call, meant)


@lambda_.operation(on=Meant.by_name)
def get_runtime_management_config(call: Call, meant: Meant) -> dict[str, Any]:
    return management(call, meant)


def management(call: Call, meant: Meant) -> dict[str, Any]:
    held = meant.function.runtime_management.get(meant.version.label, {"UpdateRuntimeOn": "Auto"})
    return {name: value for name, value in held.items() if value} | {"FunctionArn": meant.version.arn(call)}


@lambda_.operation(on=whole)
def put_function_recursion_config(call: Call, meant: Meant, recursive_loop: str) -> dict[str, Any]:
    meant.function.recursive_loop = recursive_loop
    meant.function.put(call)
    return {"RecursiveLoop": recursive_loop}


@lambda_.operation(on=whole)
def get_function_recursion_config(call: Call, meant: Meant) -> dict[str, Any]:
    return {"RecursiveLoop": meant.function.recursive_loop}
