"""How a function is configured: what a request says, checked, with Lambda's defaults.

Developer Guide, "Lambda quotas" and "Working with Lambda environment variables".
"""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Fault, arn, identity
from pileus.kernel.access.attached import Grants
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target

from . import faults, reach, sealing
from .layers import LayerVersion

MOST_MEMORY = 10_240
LONGEST = 900
MOST_ENVIRONMENT = 4096
MOST_LAYERS = 5
MOST_LAYERED = 262_144_000

RESERVED = {
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
}
"""Environment variables that Lambda sets itself."""

RETIRED = re.compile(
    r"nodejs(4\.3|6\.10|8\.10|10\.x|12\.x|14\.x|16\.x|4\.3-edge)?|python(2\.7|3\.6|3\.7)|ruby2\.[57]|java8|"
    r"dotnetcore\d\.\d|dotnet6|go1\.x|provided"
)
"""Runtimes with which no function can be created any more (Developer Guide, "Lambda runtimes")."""
REPLACEMENTS = {
    "nodejs": "nodejs22.x",
    "python": "python3.13",
    "ruby": "ruby3.4",
    "java": "java21",
    "dotnet": "dotnet8",
}

DEFAULTS: dict[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "PackageType": "Zip",
    "TracingConfig": {"Mode": "PassThrough"},
    "Layers": [],
    "Architectures": ["x86_64"],
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None"},
}


def settings(call: Call, name: str, given: dict[str, Any], before: dict[str, Any] = {}) -> dict[str, Any]:
    """A version's settings: what a request gives over what there was before, or over the defaults."""
    found = (before or DEFAULTS) | given
    found["LoggingConfig"] = logging(name, given.get("LoggingConfig"), before.get("LoggingConfig"))
    check_size(found)
    check_runtime(call, name, found, created=not before)
    if "Role" in given and given["Role"] != before.get("Role"):
        check_role(call, given["Role"])
    if "Environment" in given:
        found["Environment"] = environment(given["Environment"])
    elif "KMSKeyArn" in given and before.get("Environment"):
        found["Environment"] = {"Variables": sealing.reopened(call, name, before)}
    if "Layers" in given:
        found["Layers"] = layers(call, given["Layers"])
    if "VpcConfig" in given:
        found["VpcConfig"] = network(call, given["VpcConfig"])
    if "DeadLetterConfig" in given:
        found["DeadLetterConfig"] = dead_letters(call, given["DeadLetterConfig"], found["Role"])
    for member in ("Environment", "VpcConfig", "DeadLetterConfig", "KMSKeyArn"):
        if not found.get(member):
            found.pop(member, None)
    sealing.sealed(call, name, found)
    return found


def logging(name: str, given: dict[str, Any] | None, before: dict[str, Any] | None) -> dict[str, Any]:
    held = before or {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    found = held | (given or {})
    if found["LogFormat"] == "Text":
        if given and (given.get("ApplicationLogLevel") or given.get("SystemLogLevel")):
            raise faults.invalid("To set a log level, the log format must be JSON.")
        return {member: found[member] for member in ("LogFormat", "LogGroup")}
    return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"} | found


def check_size(found: dict[str, Any]) -> None:
    """The model allows what functions on managed instances may have, which is more."""
    if found.get("CapacityProviderConfig"):
        return
    for member, label, most in (("MemorySize", "memorySize", MOST_MEMORY), ("Timeout", "timeout", LONGEST)):
        if found[member] > most:
            raise Fault(
                "ValidationException",
                f"1 validation error detected: Value '{found[member]}' at '{label}' failed to satisfy constraint: "
                f"Member must have value less than or equal to {most}",
                status=400,
            )


def check_runtime(call: Call, name: str, found: dict[str, Any], created: bool) -> None:
    if found["PackageType"] == "Image":
        return
    for member in ("Runtime", "Handler"):
        if not found.get(member):
            raise faults.invalid(
                f"{member} is mandatory for functions created with deployment packages."
                if member == "Handler"
                else "Runtime is mandatory for functions created with deployment packages."
            )
    runtime = found["Runtime"]
    if created and RETIRED.fullmatch(runtime):
        language = re.match(r"[a-z]+", runtime)
        instead = REPLACEMENTS.get(language[0] if language else "", "provided.al2023")
        raise faults.invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            f"We recommend you use a supported runtime while creating or updating functions, such as {instead}."
        )


def check_role(call: Call, role: str) -> None:
    """The role must let Lambda assume it. One that nobody has created stands in for one, as for STS."""
    account = arn.parse(role).account
    if account != call.account:
        raise Fault("AccessDeniedException", "Cross-account pass role is not allowed.", status=403)
    grants = Grants.by_arn(call, role)
    refusal = faults.invalid("The role defined for the function cannot be assumed by Lambda.")
    if grants is None:
        if call.cloud.strict:
            raise refusal
        return
    lambda_itself = identity.service("lambda.amazonaws.com", source_account=call.account)
    try:
        target = Target(role, account, grants.trust, explicit=True, trust=True)
        authorize(call.at(principal=lambda_itself), "sts:AssumeRole", target)
    except Fault:
        raise refusal from None


def environment(given: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, str] = given.get("Variables", {})
    if reserved := sorted(RESERVED & variables.keys()):
        raise faults.invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    size = len(json.dumps(variables, separators=(",", ":")).encode())
    if size > MOST_ENVIRONMENT:
        raise faults.invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {json.dumps(variables, separators=(',', ':'))}"
        )
    return {"Variables": variables} if variables else {}


def layers(call: Call, given: list[str]) -> list[dict[str, Any]]:
    """The layers' ARNs, sizes and packages."""
    if len(given) > MOST_LAYERS:
        raise faults.invalid("You cannot reference more than 5 layers.")
    found: list[dict[str, Any]] = []
    for layer_arn in given:
        layer = LayerVersion.by_arn(call, layer_arn)
        if any(each["Arn"].rsplit(":", 1)[0] == layer_arn.rsplit(":", 1)[0] for each in found):
            raise faults.invalid(
                f"Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{found[0]['Arn']} and {layer_arn} are versions of the same layer."
            )
        code = {"sha256": layer.code.sha256, "size": layer.code.size, "blob": layer.code.blob}
        found.append({"Arn": layer_arn, "CodeSize": layer.code.size, "Code": code})
    return found


def network(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """The subnets and security groups, which must be there, and whose network it is."""
    subnets, groups = given.get("SubnetIds", []), given.get("SecurityGroupIds", [])
    if not subnets and not groups:
        return {}
    if not subnets or not groups:
        raise faults.invalid("SubnetIds and SecurityIds must coexist or be both empty list.")
    ec2 = call.aws("ec2")
    action = "DescribeSubnets"
    try:
        [vpc, *others] = {subnet["VpcId"] for subnet in ec2.describe_subnets(subnet_ids=subnets)["Subnets"]}
        action = "DescribeSecurityGroups"
        ec2.describe_security_groups(group_ids=groups)
    except Fault as fault:
        raise faults.invalid(
            f"Error occurred while {action}. EC2 Error Code: {fault.code}. EC2 Error Message: {fault.message}"
        ) from None
    if others:
        raise faults.invalid("The subnets must all be in the same VPC.")
    return {"SubnetIds": subnets, "SecurityGroupIds": groups, "VpcId": vpc} | {
        name: value for name, value in given.items() if name == "Ipv6AllowedForDualStack"
    }


def dead_letters(call: Call, given: dict[str, Any], role: str) -> dict[str, Any]:
    target = given.get("TargetArn")
    if not target:
        return {}
    parts = target.split(":")
    if len(parts) < 6 or parts[2] not in ("sqs", "sns"):
        raise faults.invalid(
            f"The provided target {target} is invalid. The target must be an SNS topic or an SQS queue."
        )
    reach.check_sending(call, role, target)
    return {"TargetArn": target}
