"""Code signing configurations, which functions have one, and what that means for their packages.

There is no signer in this cloud, and so no package is signed by a profile of one: where a configuration enforces
signatures, nothing can be deployed; where it only warns, everything can.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import faults, lambda_
from .functions import Function, stamp
from .qualifiers import Meant, whole


class SigningConfig(Record, arn="code-signing-config:{name}", cfn="AWS::Lambda::CodeSigningConfig", kw_only=True):
    name: str
    publishers: dict[str, Any]
    policies: dict[str, str]
    modified: float
    description: str = ""
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "CodeSigningConfigId": self.name,
            "CodeSigningConfigArn": self.arn(call),
            "Description": self.description,
            "AllowedPublishers": self.publishers,
            "CodeSigningPolicies": self.policies,
            "LastModified": stamp(self.modified),
        }

    @classmethod
    def by_arn(cls, call: Call, code_signing_config_arn: str) -> SigningConfig:
        found = cls.get(call, code_signing_config_arn.rpartition(":")[2])
        if found is None:
            raise faults.none_such(
                "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
                f"{code_signing_config_arn}."
            )
        return found


def verify(call: Call, arn: str) -> None:
    """Refuse to deploy a package to a function whose configuration, if it has one, enforces signatures."""
    if not arn:
        return
    config = SigningConfig.get(call, arn.rpartition(":")[2])
    if config is None:
        raise Fault("CodeSigningConfigNotFoundException", f"The code signing configuration is not found: {arn}")
    if config.policies["UntrustedArtifactOnDeployment"] == "Enforce":
        raise Fault(
            "CodeVerificationFailedException",
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the "
            "client is not configured to accept. Check the provided signature for the function.",
            Type="User",
        )


@lambda_.operation
def create_code_signing_config(
    call: Call,
    allowed_publishers: dict[str, Any],
    description: str = "",
    code_signing_policies: dict[str, str] = {},
    tags: dict[str, str] = {},
) -> dict[str, Any]:
    config = SigningConfig(
        name=f"csc-{names.token(17, names.HEX)}",
        publishers=allowed_publishers,
        policies={"UntrustedArtifactOnDeployment": "Warn"} | code_signing_policies,
        modified=call.now,
        description=description,
        tags=tags,
    ).put(call)
    return {"CodeSigningConfig": config.shown(call)}


@lambda_.operation(on=SigningConfig.by_arn)
def get_code_signing_config(call: Call, config: SigningConfig) -> dict[str, Any]:
    return {"CodeSigningConfig": config.shown(call)}


@lambda_.operation(on=SigningConfig.by_arn)
def update_code_signing_config(
    call: Call,
    config: SigningConfig,
    description: str | None = None,
    allowed_publishers: dict[str, Any] | None = None,
    code_signing_policies: dict[str, str] | None = None,
) -> dict[str, Any]:
    if description is not None:
        config.description = description
    config.publishers = allowed_publishers or config.publishers
    config.policies = config.policies | (code_signing_policies or {})
    config.modified = call.now
    return {"CodeSigningConfig": config.put(call).shown(call)}


@lambda_.operation
def list_code_signing_configs(call: Call, marker: str = "", max_items: int = 50) -> dict[str, Any]:
    found = SigningConfig.page(call, limit=max_items, token=marker)
    return {"CodeSigningConfigs": [config.shown(call) for config in found.items], "NextMarker": found.token}


@lambda_.operation(on=SigningConfig.by_arn)
def delete_code_signing_config(call: Call, config: SigningConfig) -> None:
    """Delete a configuration that no function has."""
    if users(call, config.arn(call)):
        raise faults.conflict("You cannot delete the code signing config because it is used by a function.")
    config.delete(call)


@lambda_.operation(on=SigningConfig.by_arn)
def list_functions_by_code_signing_config(
    call: Call, config: SigningConfig, marker: str = "", max_items: int = 50
) -> dict[str, Any]:
    arn = config.arn(call)
    found = Function.page(call, limit=max_items, token=marker, where=lambda function: function.code_signing == arn)
    return {"FunctionArns": [function.arn(call) for function in found.items], "NextMarker": found.token}


def users(call: Call, arn: str) -> list[Function]:
    return [function for function in Function.scan(call) if function.code_signing == arn]


@lambda_.operation(on=whole)
def put_function_code_signing_config(call: Call, meant: Meant, code_signing_config_arn: str) -> dict[str, Any]:
    config = SigningConfig.by_arn(call, code_signing_config_arn)
    meant.function.code_signing = config.arn(call)
    meant.function.put(call)
    return {"CodeSigningConfigArn": config.arn(call), "FunctionName": meant.name}


@lambda_.operation(on=whole)
def get_function_code_signing_config(call: Call, meant: Meant) -> dict[str, Any]:
    return {"CodeSigningConfigArn": meant.function.code_signing, "FunctionName": meant.name}


@lambda_.operation(on=whole)
def delete_function_code_signing_config(call: Call, meant: Meant) -> None:
    meant.function.code_signing = ""
    meant.function.put(call)
