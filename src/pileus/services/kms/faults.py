"""KMS's errors in KMS's own words."""

from __future__ import annotations

from pileus.kernel import Fault


def no_key(arn: str) -> Fault:
    return Fault("NotFoundException", f"Key '{arn}' does not exist")


def no_alias(arn: str) -> Fault:
    return Fault("NotFoundException", f"Alias {arn} is not found.")


def invalid_id(text: str) -> Fault:
    return Fault("NotFoundException", f"Invalid keyId '{text}'")


def invalid_ciphertext() -> Fault:
    """AWS says no more, so that nobody learns what about a ciphertext is wrong."""
    return Fault("InvalidCiphertextException", "")


def unknown_ciphertext() -> Fault:
    return Fault(
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
        "or you are not allowed to access.",
        status=400,
    )


def incorrect_key() -> Fault:
    return Fault(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def disabled(arn: str) -> Fault:
    return Fault("DisabledException", f"{arn} is disabled.")


def invalid_state(arn: str, state: str) -> Fault:
    return Fault("KMSInvalidStateException", f"{arn} {WORDS.get(state, state)}.")


WORDS = {
    "Disabled": "is disabled",
    "Enabled": "is not pending deletion",
    "PendingDeletion": "is pending deletion",
    "PendingReplicaDeletion": "is pending replica deletion",
    "PendingImport": "is pending import",
    "Unavailable": "is unavailable because its custom key store is not connected",
}


def usage(arn: str, key_usage: str, operation: str) -> Fault:
    return Fault("InvalidKeyUsageException", f"{arn} key usage is {key_usage} which is not valid for {operation}.")


def algorithm(name: str, spec: str) -> Fault:
    return Fault("InvalidKeyUsageException", f"Algorithm {name} is incompatible with key spec {spec}.")


def unsupported(arn: str = "") -> Fault:
    message = f"{arn} origin is EXTERNAL which is not valid for this operation." if arn else ""
    return Fault("UnsupportedOperationException", message)


def validation(message: str) -> Fault:
    return Fault("ValidationException", message)


def dry_run() -> Fault:
    return Fault("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def invalid_marker() -> Fault:
    return Fault("InvalidMarkerException", "Could not deserialize marker")
