"""Environment variables under a key of one's own: encrypted when they are kept, decrypted for those who may.

Developer Guide, "Securing Lambda environment variables". Without such a key they lie in the store as they are.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from pileus.kernel import Call, Fault, Principal

Members = dict[str, Any]


def sealed(call: Call, function: str, found: Members) -> None:
    """Encrypt the variables of settings that name a key, as the caller."""
    key, variables = found.get("KMSKeyArn"), found.get("Environment", {}).get("Variables")
    if key and variables:
        text = json.dumps(variables, separators=(",", ":")).encode()
        answer = call.aws("kms").encrypt(key_id=key, plaintext=text, encryption_context=context(call, function))
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
