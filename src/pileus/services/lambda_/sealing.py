"""Environment variables and filters under a key of one's own: encrypted when kept, decrypted for those who may.

Developer Guide, "Securing Lambda environment variables" and "Encryption of filter criteria". Without such a key they
lie in the store as they are. Filters are decrypted by Lambda itself, whom the key's policy has to allow it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from pileus.kernel import Call, Fault, Principal, identity

from . import faults

Members = dict[str, Any]


def sealed(call: Call, function: str, found: Members) -> None:
    """Encrypt the variables of settings that name a key, as the caller."""
    key, variables = found.get("KMSKeyArn"), found.get("Environment", {}).get("Variables")
    if key and variables:
        text = json.dumps(variables, separators=(",", ":")).encode()
        try:
            answer = call.aws("kms").encrypt(key_id=key, plaintext=text, encryption_context=context(call, function))
        except Fault as fault:
            raise unusable(fault) from None
        found["Environment"] = {"Sealed": base64.b64encode(answer["CiphertextBlob"]).decode()}


def opened(call: Call, function: str, settings: Members, principal: Principal | None = None) -> dict[str, str]:
    """The variables, decrypted as the caller or as somebody else; raises KMS's refusal."""
    held = settings.get("Environment", {})
    if "Sealed" not in held:
        found: dict[str, str] = held.get("Variables", {})
        return found
    answer = call.aws("kms", principal=principal).decrypt(
        ciphertext_blob=base64.b64decode(held["Sealed"]), encryption_context=context(call, function)
    )
    decrypted: dict[str, str] = json.loads(answer["Plaintext"])
    return decrypted


def reopened(call: Call, function: str, settings: Members) -> dict[str, str]:
    """The variables, to be encrypted anew as the caller; refused in Lambda's words."""
    try:
        return opened(call, function, settings)
    except Fault as fault:
        raise unusable(fault) from None


def unusable(fault: Fault, what: str = "environment variables") -> Fault:
    """Why a key does not serve, in Lambda's words."""
    return faults.invalid(
        f"Lambda was unable to configure access to your {what} because the KMS key is invalid. Please check your KMS "
        f"key settings. KMS Exception: {fault.code} KMS Message: {fault.message}"
    )


def context(call: Call, function: str) -> dict[str, str]:
    return {"aws:lambda:FunctionArn": call.arn(f"function:{function}", "lambda")}


def shown(call: Call, function: str, settings: Members) -> Members:
    """The variables, or why the caller may not see them."""
    try:
        return {"Variables": opened(call, function, settings)}
    except Fault as fault:
        words = (
            "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check "
            f"your KMS permissions. KMS Exception: {fault.code} KMS Message: {fault.message}"
        )
        return {"Error": {"ErrorCode": fault.code, "Message": words}}


def for_invocation(call: Call, function: str, settings: Members, principal: Principal) -> dict[str, str]:
    """The variables for an environment, decrypted as the function's role."""
    try:
        return opened(call, function, settings, principal)
    except Fault as fault:
        raise Fault(
            "KMSAccessDeniedException",
            "Lambda was unable to decrypt the environment variables because KMS access was denied. Please check the "
            f"function's KMS key settings. KMS Exception: {fault.code}KMS Message: {fault.message}",
            Type="User",
        ) from None


# Filters of event source mappings


def sealed_filters(call: Call, arn: str, settings: Members) -> None:
    """Encrypt the filters of settings that name a key, as the caller."""
    key, filters = settings.get("KMSKeyArn"), settings.get("FilterCriteria")
    if key and filters:
        text = json.dumps(filters, separators=(",", ":")).encode()
        try:
            answer = call.aws("kms").encrypt(key_id=key, plaintext=text, encryption_context=mapping_context(arn))
        except Fault as fault:
            raise unusable(fault, "filter criteria") from None
        settings["FilterCriteria"] = {"Sealed": base64.b64encode(answer["CiphertextBlob"]).decode()}


def opened_filters(call: Call, arn: str, settings: Members, principal: Principal | None = None) -> Members:
    """The filters, decrypted as the caller or as somebody else; raises KMS's refusal."""
    held: Members = settings.get("FilterCriteria", {})
    if "Sealed" not in held:
        return held
    answer = call.aws("kms", principal=principal).decrypt(
        ciphertext_blob=base64.b64decode(held["Sealed"]), encryption_context=mapping_context(arn)
    )
    filters: Members = json.loads(answer["Plaintext"])
    return filters


def filters_for_polling(call: Call, arn: str, settings: Members) -> Members:
    return opened_filters(
        call, arn, settings, identity.service("lambda.amazonaws.com", source_arn=arn, source_account=call.account)
    )


def shown_filters(call: Call, arn: str, settings: Members) -> Members:
    """The members of a mapping that tell its filters, or why the caller may not see them."""
    try:
        return {"FilterCriteria": opened_filters(call, arn, settings) or None}
    except Fault as fault:
        return {"FilterCriteria": None, "FilterCriteriaError": {"ErrorCode": fault.code, "Message": fault.message}}


def mapping_context(arn: str) -> dict[str, str]:
    return {"aws:lambda:EventSourceMappingArn": arn}
